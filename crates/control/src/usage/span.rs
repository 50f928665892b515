//! The time that sums and lists are about, as people write it: RFC 3339, or a day, which begins at midnight UTC.

use std::time::Duration;

use model::{Period, Refusal, Timestamp, UsageBy};

/// From a moment to another, which is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const DAYS_DEFAULT: u32 = 30;
const DAYS_MAX: u32 = 400;
const DAYS_BY_HOUR_MAX: u32 = 62;

impl Span {
    /// Whole hours: those that it touches.
    pub fn of_hours(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<Self, Refusal> {
        let end = |time| {
            let hour = Period::of_hour(time);
            if hour.start == time { hour.start } else { hour.end }
        };
        let to = time("to", to)?.map_or_else(|| Period::of_hour(now).end, end);
        let from = time("from", from)?.unwrap_or_else(|| to.minus(DAY * DAYS_DEFAULT));
        Self { from: Period::of_hour(from).start, to }.checked()
    }

    /// To the millisecond, and open towards the present.
    pub fn exact(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<Self, Refusal> {
        let from = match (time("from", from)?, time("to", to)?) {
            (Some(from), _) => from,
            (None, end) => end.unwrap_or(now).minus(DAY * DAYS_DEFAULT),
        };
        let to = time("to", to)?.unwrap_or(Timestamp::from_unix_ms(i64::MAX));
        Self { from, to }.checked()
    }

    pub fn must_be_short_enough(&self, by: UsageBy) -> Result<(), Refusal> {
        let days_max = if by == UsageBy::Hour { DAYS_BY_HOUR_MAX } else { DAYS_MAX };
        if self.to.since(self.from) <= DAY * days_max {
            return Ok(());
        }
        let public = format!(
            "from {} to {} is more than {days_max} days, which is the most for group_by={}",
            self.from,
            self.to,
            by.as_str()
        );
        Err(Refusal::invalid("from", public))
    }

    fn checked(self) -> Result<Self, Refusal> {
        if self.from < self.to {
            return Ok(self);
        }
        Err(Refusal::invalid("to", format!("to must be later than from, which is {}", self.from)))
    }
}

fn time(param: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let is_day = text.len() == "2026-03-20".len();
    let read = if is_day { format!("{text}T00:00:00Z").parse() } else { text.parse() };
    let time = read.map_err(|_| {
        let public =
            format!("{param} is a time like 2026-03-20T10:00:00Z or a day like 2026-03-20");
        Refusal::invalid(param, public)
    });
    time.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn hours_are_those_that_the_time_touches() {
        let now = at("2026-11-21T12:10:00Z");
        for (from, to, begins, ends) in [
            (None, None, "2026-10-22T13:00:00Z", "2026-11-21T13:00:00Z"),
            (Some("2026-11-20"), None, "2026-11-20T00:00:00Z", "2026-11-21T13:00:00Z"),
            (
                Some("2026-11-20T00:59:59Z"),
                Some("2026-11-20T02:00:00Z"),
                "2026-11-20T00:00:00Z",
                "2026-11-20T02:00:00Z",
            ),
            (None, Some("2026-11-01"), "2026-10-02T00:00:00Z", "2026-11-01T00:00:00Z"),
        ] {
            let span = Span::of_hours(from, to, now).expect("a span");

            assert_eq!(span, Span { from: at(begins), to: at(ends) }, "{from:?} {to:?}");
        }
    }

    #[test]
    fn what_ends_before_it_begins_or_is_no_time_is_refused() {
        let now = at("2026-11-21T12:10:00Z");
        for (from, to, param) in [
            (Some("yesterday"), None, "from"),
            (None, Some("2026-13-01"), "to"),
            (Some("2026-11-21"), Some("2026-11-20"), "to"),
            (Some("2026-11-21"), Some("2026-11-21"), "to"),
        ] {
            let refusal = Span::exact(from, to, now).expect_err("no span");

            assert_eq!(refusal.param, Some(param), "{from:?} {to:?}");
        }
    }
}
