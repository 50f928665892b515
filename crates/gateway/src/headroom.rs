//! What is left of a provider key's rate limits, model by model, as the provider's last answers told. Lives in memory
//! only: what is not known is learned from the next answer. Asks nobody.

mod cooling;
mod reading;
mod tally;
mod tier;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use model::{Provider, ProviderKeyId, Timestamp};
use serde::Serialize;

pub use reading::{Reading, Window};
pub use tier::{detect_tier, requests_per_minute};

use cooling::{Cooling, Max};
use tally::Tally;

/// The latest reading of each key and model. Of keys and models without number it keeps the latest.
pub struct Headroom {
    table: Mutex<Table>,
    cooling: Mutex<Cooling>,
    tally: Mutex<Tally>,
    entries_max: usize,
}

/// What is left for one model of a key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelHeadroom {
    pub model: Arc<str>,
    pub read_at: Timestamp,
    pub windows: Vec<Window>,
}

/// A reading takes a few hundred bytes.
const ENTRIES_MAX: usize = 100_000;
/// So that whoever makes up names of models pushes out none but the readings of the same key.
const MODELS_PER_KEY_MAX: usize = 256;

impl Default for Headroom {
    fn default() -> Self {
        Self::with_capacity(ENTRIES_MAX)
    }
}

impl Headroom {
    pub fn with_capacity(entries_max: usize) -> Self {
        Self {
            table: Mutex::default(),
            cooling: Mutex::default(),
            tally: Mutex::default(),
            entries_max,
        }
    }

    /// Keeps what an answer's headers tell, and returns it for what else it may tell: the key's tier. `None` when they
    /// tell nothing, and then what was known before stays.
    pub fn note(
        &self,
        key: ProviderKeyId,
        model: &str,
        provider: &Provider,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Reading> {
        let reading = Reading::of(provider, headers, now)?;
        let mut table = self.table();
        table.keep(key, model, reading.clone());
        table.drop_oldest(self.entries_max);
        drop(table);
        Some(reading)
    }

    /// What is left now. `None` when nothing is known of the key with this model.
    pub fn left(&self, key: ProviderKeyId, model: &str, now: Timestamp) -> Option<Reading> {
        let table = self.table();
        let (reading, _) = table.keys.get(&key)?.get(model)?;
        Some(reading.aged(now))
    }

    /// A key said that it can no more: for one model, or for all of them.
    pub fn cool_down(&self, key: ProviderKeyId, model: Option<&str>, until: Timestamp) {
        self.cooling().keep(key, model, until, self.max());
    }

    /// A request goes out, with a key whose tier has a limit of them.
    pub fn count(&self, key: ProviderKeyId, model: &str, now: Timestamp) {
        self.tally().count(key, model, now, self.max());
    }

    /// Until when a key is of no use for a model; `None` when nothing speaks against asking it. What its tier allows counts
    /// until an answer has told more.
    pub fn exhausted_until(
        &self,
        key: ProviderKeyId,
        model: &str,
        requests_per_minute: Option<u64>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let known = match (self.left(key, model, now), requests_per_minute) {
            (Some(reading), _) => reading.exhausted_until(),
            (None, Some(most)) => self.tally().full_until(key, model, most, now),
            (None, None) => None,
        };
        self.cooling().until(key, model, now).max(known)
    }

    /// All that is known of a key, by the models' names.
    pub fn of_key(&self, key: ProviderKeyId, now: Timestamp) -> Vec<ModelHeadroom> {
        let table = self.table();
        let known = table.keys.get(&key).into_iter().flatten().map(|(model, (reading, _))| {
            let Reading { read_at, windows } = reading.aged(now);
            ModelHeadroom { model: Arc::clone(model), read_at, windows }
        });
        let mut known: Vec<_> = known.collect();
        drop(table);
        known.sort_unstable_by(|one, other| one.model.cmp(&other.model));
        known
    }

    /// For a key that was replaced or deleted.
    pub fn forget(&self, key: ProviderKeyId) {
        self.table().forget(key);
        self.cooling().forget(key);
        self.tally().forget(key);
    }

    const fn max(&self) -> Max {
        Max { keys: self.entries_max, models_per_key: MODELS_PER_KEY_MAX }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cooling(&self) -> MutexGuard<'_, Cooling> {
        self.cooling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When something was kept, counted, so that no two are of one age.
type Turn = u64;

#[derive(Default)]
struct Table {
    keys: HashMap<ProviderKeyId, HashMap<Arc<str>, (Reading, Turn)>>,
    /// The same entries, oldest first.
    turns: BTreeMap<Turn, (ProviderKeyId, Arc<str>)>,
    next: Turn,
}

impl Table {
    fn keep(&mut self, key: ProviderKeyId, model: &str, reading: Reading) {
        let turn = self.next;
        self.next = self.next.wrapping_add(1);
        let models = self.keys.entry(key).or_default();
        if let Some(entry) = models.get_mut(model) {
            let place = self.turns.remove(&entry.1);
            *entry = (reading, turn);
            self.turns.extend(place.map(|place| (turn, place)));
            return;
        }
        let full = models.len() >= MODELS_PER_KEY_MAX;
        let oldest = models.values().map(|(_, turn)| *turn).min().filter(|_| full);
        let model: Arc<str> = Arc::from(model);
        models.insert(Arc::clone(&model), (reading, turn));
        self.turns.insert(turn, (key, model));
        if let Some(oldest) = oldest {
            self.drop_turn(oldest);
        }
    }

    fn drop_oldest(&mut self, entries_max: usize) {
        while self.turns.len() > entries_max {
            let Some((&oldest, _)) = self.turns.first_key_value() else { return };
            self.drop_turn(oldest);
        }
    }

    fn drop_turn(&mut self, turn: Turn) {
        let Some((key, model)) = self.turns.remove(&turn) else { return };
        let Some(models) = self.keys.get_mut(&key) else { return };
        models.remove(&model);
        if models.is_empty() {
            self.keys.remove(&key);
        }
    }

    fn forget(&mut self, key: ProviderKeyId) {
        for (_, turn) in self.keys.remove(&key).into_iter().flatten().map(|(_, entry)| entry) {
            self.turns.remove(&turn);
        }
    }
}

#[cfg(test)]
mod tests;
