//! The ring as `keystile vault status` shows it: what each version and suite sealed, and whether its key is here.

use std::collections::BTreeMap;

use model::KeyVersion;
use serde::Serialize;
use store::Store;
use store::system::{KeyringRow, SealCount};
use vault::{EnvelopeHeader, MasterKeys, Suite, check_value};

use super::{KeyringError, rows};

#[derive(Serialize)]
pub struct KeyringReport {
    /// For new values; absent before the first start.
    pub suite: Option<String>,
    pub versions: Vec<VersionReport>,
    /// The state of the latest rotation, if there was one.
    pub rotation: Option<&'static str>,
}

#[derive(Serialize)]
pub struct VersionReport {
    pub version: u32,
    pub state: &'static str,
    pub rows: u64,
    pub suites: SuiteCounts,
    /// `None`: not loaded here. `Some(false)`: loaded, and not the key this database was sealed with.
    pub key_matches: Option<bool>,
}

/// Rows by suite.
pub(crate) type SuiteCounts = BTreeMap<&'static str, u64>;

/// Envelopes that no version of this program wrote.
const UNREADABLE: &str = "unreadable";

pub async fn report(store: &Store, keys: &MasterKeys) -> Result<KeyringReport, KeyringError> {
    let counts = store.system().seal_counts().await?;
    let ring = store.system().keyring().await?;
    let job = store.system().reseal_job().await?;
    let version = |row: &KeyringRow| VersionReport {
        version: row.version.0,
        state: row.state.as_str(),
        rows: rows(&counts, row.version),
        suites: suite_counts(&counts, row.version),
        key_matches: check_value(keys, row.version).map(|check| check.matches(&row.check_value)),
    };
    let rotation = job.as_ref().filter(|job| job.started_at.is_some());
    Ok(KeyringReport {
        rotation: rotation.map(|job| job.state.as_str()),
        suite: job.map(|job| job.suite),
        versions: ring.iter().map(version).collect(),
    })
}

pub(crate) fn suite_counts(counts: &[SealCount], version: KeyVersion) -> SuiteCounts {
    let mut suites = SuiteCounts::new();
    for count in counts.iter().filter(|count| count.version == version) {
        let header = EnvelopeHeader::of_prefix(&count.prefix);
        let suite = header.map_or(UNREADABLE, |header| Suite::as_str(header.suite));
        let rows = suites.entry(suite).or_default();
        *rows = rows.saturating_add(count.rows);
    }
    suites
}
