//! Requests that this node itself made of a key within a minute: all that is known of keys whose provider tells nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{ProviderKeyId, Timestamp};

use super::cooling::Max;

/// Of keys and models without number it keeps those that began last.
#[derive(Default)]
pub struct Tally(HashMap<ProviderKeyId, HashMap<Arc<str>, Count>>);

/// A minute begins with the first request after the one before.
#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    requests: u64,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Tally {
    pub fn count(&mut self, key: ProviderKeyId, model: &str, now: Timestamp, max: Max) {
        if self.0.len() >= max.keys && !self.0.contains_key(&key) {
            self.0.retain(|_, models| models.values().any(|count| count.ends() > now));
            // As many at once as are kept: some are forgotten, and their provider will say so.
            if self.0.len() >= max.keys {
                self.0.clear();
            }
        }
        let models = self.0.entry(key).or_default();
        if let Some(count) = models.get_mut(model) {
            *count = count.and_one(now);
            return;
        }
        if models.len() >= max.models_per_key {
            let first = models.iter().min_by_key(|(_, count)| count.since);
            let first = first.map(|(model, _)| Arc::clone(model));
            first.map(|model| models.remove(&model));
        }
        models.insert(Arc::from(model), Count { since: now, requests: 1 });
    }

    /// When there is a new minute, where this one has had all of its requests.
    pub fn full_until(
        &self,
        key: ProviderKeyId,
        model: &str,
        requests_max: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let count = self.0.get(&key)?.get(model)?;
        (count.requests >= requests_max && count.ends() > now).then(|| count.ends())
    }

    pub fn forget(&mut self, key: ProviderKeyId) {
        self.0.remove(&key);
    }
}

impl Count {
    fn ends(self) -> Timestamp {
        self.since.plus(MINUTE)
    }

    fn and_one(self, now: Timestamp) -> Self {
        if self.ends() <= now {
            return Self { since: now, requests: 1 };
        }
        Self { requests: self.requests.saturating_add(1), ..self }
    }
}
