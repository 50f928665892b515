//! Keys that said they can no more, and until when. Holds what was told; judges nothing.

use std::collections::HashMap;
use std::sync::Arc;

use model::{ProviderKeyId, Timestamp};

/// Of keys without number it keeps those whose rest is longest.
#[derive(Default)]
pub struct Cooling(HashMap<ProviderKeyId, Rest>);

#[derive(Default)]
struct Rest {
    all_models: Option<Timestamp>,
    models: HashMap<Arc<str>, Timestamp>,
}

impl Cooling {
    /// `model` is absent where it holds for all of them. What was told later counts.
    pub fn keep(&mut self, key: ProviderKeyId, model: Option<&str>, until: Timestamp, max: Max) {
        if self.0.len() >= max.keys && !self.0.contains_key(&key) {
            let first = self.0.iter().min_by_key(|(_, rest)| rest.ends()).map(|(key, _)| *key);
            first.map(|key| self.0.remove(&key));
        }
        let rest = self.0.entry(key).or_default();
        let Some(model) = model else {
            rest.all_models = Some(until);
            return;
        };
        if rest.models.len() >= max.models_per_key && !rest.models.contains_key(model) {
            let first = rest.models.iter().min_by_key(|(_, until)| **until);
            let first = first.map(|(model, _)| Arc::clone(model));
            first.map(|model| rest.models.remove(&model));
        }
        rest.models.insert(Arc::from(model), until);
    }

    pub fn until(&self, key: ProviderKeyId, model: &str, now: Timestamp) -> Option<Timestamp> {
        let rest = self.0.get(&key)?;
        rest.all_models.max(rest.models.get(model).copied()).filter(|until| *until > now)
    }

    pub fn forget(&mut self, key: ProviderKeyId) {
        self.0.remove(&key);
    }
}

/// How much is kept.
#[derive(Clone, Copy)]
pub struct Max {
    pub keys: usize,
    pub models_per_key: usize,
}

impl Rest {
    fn ends(&self) -> Option<Timestamp> {
        self.models.values().copied().max().max(self.all_models)
    }
}
