//! How long the journal's oldest record waits for the database already. Knows of positions and times, and of no record.

use std::collections::VecDeque;

use model::Timestamp;
use store::journal::Position;

/// Where the journal's end was, look by look, as far as that is not folded in.
#[derive(Default)]
pub struct Backlog {
    ends: VecDeque<(Timestamp, Position)>,
    drained: Position,
}

/// Beyond these the age stays right, and falls in larger steps.
const ENDS_MAX: usize = 10_000;

impl Backlog {
    /// The journal ends there now.
    pub fn written(&mut self, end: Position, now: Timestamp) {
        let last = self.ends.back().map_or(self.drained, |(_, end)| *end);
        if end > last && self.ends.len() < ENDS_MAX {
            self.ends.push_back((now, end));
        }
    }

    pub fn drained(&mut self, up_to: Position) {
        self.drained = up_to.max(self.drained);
        while self.ends.front().is_some_and(|(_, end)| *end <= self.drained) {
            self.ends.pop_front();
        }
    }

    pub fn age_seconds(&self, now: Timestamp) -> u64 {
        self.ends.front().map_or(0, |(since, _)| now.since(*since).as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_oldest_record_that_waits() {
        let at = |seconds: i64| Timestamp::from_unix_ms(seconds * 1000);
        let end = |offset| Position { segment: 1, offset };
        let mut backlog = Backlog::default();

        backlog.written(end(10), at(0));
        backlog.written(end(10), at(3));
        backlog.written(end(20), at(6));
        assert_eq!(backlog.age_seconds(at(9)), 9);

        backlog.drained(end(10));
        assert_eq!(backlog.age_seconds(at(9)), 3);
        backlog.drained(end(15));
        assert_eq!(backlog.age_seconds(at(10)), 4);
        backlog.drained(end(20));
        backlog.written(end(20), at(12));
        assert_eq!(backlog.age_seconds(at(12)), 0);
    }
}
