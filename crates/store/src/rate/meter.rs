//! The arithmetic of a limit: GCRA in its form of a leaking bucket, in whole numbers. Knows no clock, no table and no
//! Redis.
//!
//! A bucket holds what a minute allows, so that a minute's worth may be used at once, and leaks all of it in a minute.
//! It is counted in parts: a limit of one a minute leaks one part a millisecond, so that nothing is ever rounded.
//! `take.lua` does the same in doubles, which are exact up to 2^53.

use std::time::Duration;

/// What a minute allows; `None` is without end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    pub requests_per_minute: Option<u64>,
    pub tokens_per_minute: Option<u64>,
}

/// What a limit is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Requests,
    Tokens,
}

/// How a subject stands with its limits: what the headers of an answer say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub requests: Option<Left>,
    pub tokens: Option<Left>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub limit: u64,
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Duration,
}

/// Parts of both kinds: of what is used, or of what is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub requests: u64,
    pub tokens: u64,
}

/// In one unit, which is a request or a token: a minute in milliseconds.
pub(super) const UNIT: u64 = 60_000;
pub(super) const MINUTE_MS: u64 = 60_000;
/// More than this is as good as no limit. Keeps every number below 2^53.
pub(super) const LIMIT_MAX: u64 = 10_000_000_000;

impl Limit {
    pub(super) fn is_endless(self) -> bool {
        self == Self::default()
    }

    /// What one of so many nodes may allow by itself. One at least: a limit below the number of nodes would otherwise
    /// stop everything.
    pub(super) fn share(self, nodes: u32) -> Self {
        let nodes = u64::from(nodes.max(1));
        self.each(|limit| (limit / nodes).max(1))
    }

    /// What not even an empty bucket can hold.
    pub(super) fn too_small_for(self, tokens: u64) -> Option<Counted> {
        if self.requests_per_minute == Some(0) {
            return Some(Counted::Requests);
        }
        self.tokens_per_minute.is_some_and(|limit| tokens > limit).then_some(Counted::Tokens)
    }

    /// What one request and its tokens take. What is larger than the whole bucket, as it may be than a share's, takes
    /// all of it.
    pub(super) fn cost(self, tokens: u64) -> Parts {
        Parts {
            requests: self.requests_per_minute.map_or(0, |limit| parts(1).min(parts(limit))),
            tokens: self.tokens_per_minute.map_or(0, |limit| parts(tokens).min(parts(limit))),
        }
    }

    fn each(self, change: impl Fn(u64) -> u64) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.map(&change),
            tokens_per_minute: self.tokens_per_minute.map(change),
        }
    }
}

impl Parts {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// What of this is still in the bucket after so long.
    pub(super) fn leaked(self, limit: Limit, elapsed: Duration) -> Self {
        let left = |used: u64, limit: Option<u64>| {
            limit.map_or(0, |limit| used.min(parts(limit)).saturating_sub(leak(limit, elapsed)))
        };
        Self {
            requests: left(self.requests, limit.requests_per_minute),
            tokens: left(self.tokens, limit.tokens_per_minute),
        }
    }

    pub(super) fn plus(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            tokens: self.tokens.saturating_add(more.tokens),
        }
    }

    pub(super) fn minus(self, less: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(less.requests),
            tokens: self.tokens.saturating_sub(less.tokens),
        }
    }

    /// How long until the bucket has room for this cost, and which kind is the last to have it. `None`: it has now.
    pub(super) fn wait(self, cost: Self, limit: Limit) -> Option<(Counted, Duration)> {
        let wait = |used: u64, cost: u64, limit: Option<u64>| {
            let limit = limit?;
            let over = used.saturating_add(cost).saturating_sub(parts(limit));
            (over > 0).then(|| time_to_leak(over, limit))
        };
        let requests = wait(self.requests, cost.requests, limit.requests_per_minute);
        let tokens = wait(self.tokens, cost.tokens, limit.tokens_per_minute);
        if tokens > requests {
            return tokens.map(|wait| (Counted::Tokens, wait));
        }
        requests.map(|wait| (Counted::Requests, wait))
    }

    /// How full the fuller of the two buckets is, in thousandths.
    pub(super) fn fullness(self, limit: Limit) -> u64 {
        let fullness = |used: u64, limit: Option<u64>| {
            limit.map_or(0, |limit| used.saturating_mul(1000) / parts(limit).max(1))
        };
        let requests = fullness(self.requests, limit.requests_per_minute);
        requests.max(fullness(self.tokens, limit.tokens_per_minute))
    }

    /// As those see it who were given `limit`, of which the buckets may hold a share.
    pub(super) fn standing(self, limit: Limit, share: Limit) -> Standing {
        let left = |used: u64, limit: Option<u64>, share: Option<u64>| {
            let (limit, share) = limit.zip(share)?;
            let remaining = parts(share).saturating_sub(used) / UNIT;
            Some(Left { limit, remaining, reset: time_to_leak(used, share) })
        };
        Standing {
            requests: left(self.requests, limit.requests_per_minute, share.requests_per_minute),
            tokens: left(self.tokens, limit.tokens_per_minute, share.tokens_per_minute),
        }
    }
}

pub(super) fn parts(units: u64) -> u64 {
    units.min(LIMIT_MAX).saturating_mul(UNIT)
}

/// The parts that leave a bucket in this time: after a minute, all of them.
pub(super) fn leak(limit: u64, elapsed: Duration) -> u64 {
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    limit.min(LIMIT_MAX).saturating_mul(elapsed_ms.min(MINUTE_MS))
}

fn time_to_leak(parts: u64, limit: u64) -> Duration {
    Duration::from_millis(parts.div_ceil(limit.clamp(1, LIMIT_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(limit: u64) -> Limit {
        Limit { requests_per_minute: None, tokens_per_minute: Some(limit) }
    }

    #[test]
    fn nothing_is_rounded_away_whatever_the_limit() {
        for per_minute in [1, 7, 59_999, 60_001, 1_234_567, LIMIT_MAX] {
            let limit = tokens(per_minute);
            let full = limit.cost(per_minute);

            assert_eq!(Parts::default().wait(full, limit), None);
            let (what, wait) = full.wait(limit.cost(1), limit).expect("no room for one more");
            assert_eq!(what, Counted::Tokens);
            let earlier = wait - Duration::from_millis(1);
            assert!(full.leaked(limit, earlier).wait(limit.cost(1), limit).is_some());
            assert_eq!(full.leaked(limit, wait).wait(limit.cost(1), limit), None);
            assert!(full.leaked(limit, Duration::from_secs(60)).is_nothing());
            assert!(full.plus(full).tokens < 1 << 53, "not exact in Lua");
        }
    }

    #[test]
    fn the_kind_that_makes_one_wait_longest_is_named() {
        let limit = Limit { requests_per_minute: Some(1), tokens_per_minute: Some(60) };
        let used = limit.cost(60);

        let wait = |tokens| used.wait(limit.cost(tokens), limit);

        assert_eq!(wait(30), Some((Counted::Requests, Duration::from_secs(60))));
        let tokens_only = Parts { requests: 0, ..used };
        let wait = tokens_only.wait(limit.cost(30), limit);
        assert_eq!(wait, Some((Counted::Tokens, Duration::from_secs(30))));
    }

    #[test]
    fn shares_add_up_to_the_limit_and_stop_nobody() {
        assert_eq!(tokens(100).share(3), tokens(33));
        assert_eq!(tokens(100).share(0), tokens(100));
        assert_eq!(tokens(2).share(3), tokens(1));
        assert_eq!(Limit::default().share(3), Limit::default());
        // It fits the limit: it takes what there is of the share.
        assert_eq!(tokens(33).cost(90), tokens(33).cost(33));
    }
}
