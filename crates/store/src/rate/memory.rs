//! The buckets of this node. What has leaked dry is as good as new, so it is dropped, and nothing else is as long as
//! there is room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Clock, Timestamp};

use super::Subject;
use super::meter::{Limit, Parts};

pub(super) struct Memory {
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    buckets: HashMap<Subject, Bucket>,
    swept_at: Timestamp,
}

struct Bucket {
    used: Parts,
    at: Timestamp,
    /// What it leaked by when it was last looked at.
    limit: Limit,
}

/// What the bucket held after a grant, or instead of one.
pub(super) struct Verdict {
    pub granted: bool,
    pub used: Parts,
}

pub(super) const BUCKETS_MAX: usize = 100_000;
const SWEEP_EVERY: Duration = Duration::from_secs(60);

impl Memory {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, table: Mutex::default() }
    }

    /// Takes all of the cost or nothing.
    pub fn take(&self, subject: Subject, limit: Limit, cost: Parts) -> Verdict {
        let (mut table, now) = self.table();
        let used = table.used(subject, limit, now);
        if used.wait(cost, limit).is_some() {
            table.heed(subject, now);
            return Verdict { granted: false, used };
        }
        let used = used.plus(cost);
        table.put(subject, Bucket { used, at: now, limit });
        Verdict { granted: true, used }
    }

    /// What is in the bucket now.
    pub fn used(&self, subject: Subject, limit: Limit) -> Parts {
        let (table, now) = self.table();
        table.used(subject, limit, now)
    }

    /// Of what was taken by this limit.
    pub fn give_back(&self, subject: Subject, limit: Limit, cost: Parts) {
        self.change(subject, limit, |used| used.minus(cost));
    }

    /// Parts of tokens, given back where below zero. Asks nobody.
    pub fn settle(&self, subject: Subject, limit: Limit, tokens: i64) {
        self.change(subject, limit, |used| Parts {
            tokens: used.tokens.saturating_add_signed(tokens),
            ..used
        });
    }

    /// By the limit that the bucket was last filled by: a share must not cut off what the whole limit has put there.
    fn change(&self, subject: Subject, limit: Limit, change: impl Fn(Parts) -> Parts) {
        let (mut table, now) = self.table();
        let limit = table.buckets.get(&subject).map_or(limit, |bucket| bucket.limit);
        // No bucket is filled above its brim.
        let used = change(table.used(subject, limit, now)).leaked(limit, Duration::ZERO);
        table.put(subject, Bucket { used, at: now, limit });
    }

    /// The time is read under the lock: read before it, two takers could put it back and let the same time leak twice.
    fn table(&self) -> (MutexGuard<'_, Table>, Timestamp) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        (table, self.clock.now())
    }
}

impl Table {
    fn used(&self, subject: Subject, limit: Limit, now: Timestamp) -> Parts {
        self.buckets
            .get(&subject)
            .map_or_else(Parts::default, |bucket| bucket.used.leaked(limit, now.since(bucket.at)))
    }

    /// A clock that was set back gives nothing back, and from there on time counts again.
    fn heed(&mut self, subject: Subject, now: Timestamp) {
        if let Some(bucket) = self.buckets.get_mut(&subject) {
            bucket.at = bucket.at.min(now);
        }
    }

    fn put(&mut self, subject: Subject, bucket: Bucket) {
        let now = bucket.at;
        if now.since(self.swept_at) >= SWEEP_EVERY || now < self.swept_at {
            self.sweep(now);
        }
        if bucket.used.is_nothing() {
            self.buckets.remove(&subject);
            return;
        }
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&subject) {
            self.make_room(now);
        }
        self.buckets.insert(subject, bucket);
    }

    fn sweep(&mut self, now: Timestamp) {
        self.swept_at = now;
        self.buckets.retain(|_, bucket| !bucket.leaked(now).is_nothing());
    }

    /// Drops the quarter that has the least to lose. Whoever wants an exhausted limit forgotten would have to use up
    /// that of every other subject here first, which brings far more than it gives.
    fn make_room(&mut self, now: Timestamp) {
        self.sweep(now);
        let kept = BUCKETS_MAX / 4 * 3;
        let Some(dropped) = self.buckets.len().checked_sub(kept).filter(|dropped| *dropped > 0)
        else {
            return;
        };
        let buckets = self.buckets.iter();
        let mut ranked: Vec<_> =
            buckets.map(|(subject, bucket)| (bucket.fullness(now), *subject)).collect();
        ranked.select_nth_unstable_by_key(dropped.saturating_sub(1), |(fullness, _)| *fullness);
        for (_, subject) in ranked.iter().take(dropped) {
            self.buckets.remove(subject);
        }
    }
}

impl Bucket {
    fn leaked(&self, now: Timestamp) -> Parts {
        self.used.leaked(self.limit, now.since(self.at))
    }

    fn fullness(&self, now: Timestamp) -> u64 {
        self.leaked(now).fullness(self.limit)
    }
}

#[cfg(test)]
mod tests;
