//! How often and how long one request may try: all retries and fallbacks together.

use std::time::Duration;

use model::Random;
use tokio::time::Instant;

use crate::Limits;

pub struct Budget {
    attempts_left: u32,
    made: u32,
    repeated: bool,
    deadline: Instant,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self {
            attempts_left: limits.attempts_max,
            made: 0,
            repeated: false,
            deadline: Instant::now() + limits.total_max,
        }
    }

    /// The number of the next attempt, if there may be one.
    pub fn next(&mut self) -> Option<u32> {
        if Instant::now() >= self.deadline {
            return None;
        }
        self.attempts_left = self.attempts_left.checked_sub(1)?;
        self.made = self.made.saturating_add(1);
        Some(self.made)
    }

    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long to wait before the same key is asked the same again. Once for a request, and never long: a caller that is
    /// told to come back later can wait better than we.
    pub fn wait_for(&mut self, after: Option<u64>, random: &dyn Random) -> Option<Duration> {
        let wait = match after {
            Some(seconds) => Duration::from_secs(seconds),
            None => BACK_OFF + jitter(random),
        };
        let late = Instant::now() + wait >= self.deadline;
        if self.repeated || self.attempts_left == 0 || wait > WAIT_MAX || late {
            return None;
        }
        self.repeated = true;
        Some(wait)
    }
}

const BACK_OFF: Duration = Duration::from_millis(150);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// So that many who failed together do not come back together.
fn jitter(random: &dyn Random) -> Duration {
    let mut byte = [0_u8; 1];
    random.fill(&mut byte);
    Duration::from_millis(byte.first().copied().unwrap_or_default().into())
}
