//! What traffic tells of provider keys: that they were used, refused, or could not be opened, and their tiers. Gathered in
//! memory, and fetched by whoever writes it down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{ProviderKeyId, Tier, Timestamp, WorkspaceId};

/// Since the last time it was fetched. Of many requests one entry remains.
#[derive(Default)]
pub struct KeyNews(Mutex<HashMap<ProviderKeyId, KeyReport>>);

/// Of one key, as it was sealed then.
#[derive(Clone, Debug)]
pub struct KeyReport {
    pub key: ProviderKeyId,
    pub workspace: WorkspaceId,
    pub sealed_version: u64,
    pub used_at: Option<Timestamp>,
    pub tier: Option<Tier>,
    pub finding: Option<Finding>,
}

/// The last counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It does not open.
    Closed,
    /// It was stored for another address than its provider has now.
    Moved,
    /// The provider refused it: worth asking again, before it is called bad.
    Refused,
    /// It works, and was not known to.
    Works,
}

/// More keys than a node uses in a second.
const KEYS_MAX: usize = 50_000;

impl KeyNews {
    pub fn note(
        &self,
        key: ProviderKeyId,
        workspace: WorkspaceId,
        sealed_version: u64,
        tell: impl FnOnce(&mut KeyReport),
    ) {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if news.len() >= KEYS_MAX && !news.contains_key(&key) {
            return;
        }
        let empty =
            KeyReport { key, workspace, sealed_version, used_at: None, tier: None, finding: None };
        let report = news.entry(key).or_insert_with(|| empty.clone());
        if report.sealed_version < sealed_version {
            // What was told of a value since replaced is not told of the new one.
            *report = empty;
        }
        if report.sealed_version == sealed_version {
            tell(report);
        }
    }

    /// Everything since the last time.
    pub fn take(&self) -> Vec<KeyReport> {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *news).into_values().collect()
    }
}
