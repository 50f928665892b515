//! One source of settings: flags, environment or file. What is absent is left to the source below.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gateway::Limits;
use serde::Deserialize;

use super::ConfigError;

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Where the file is; not a setting of the file itself.
    #[serde(skip)]
    pub config: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
    pub listen: Option<String>,
    pub public_url: Option<String>,
    pub database_url: Option<String>,
    pub master_key: Option<String>,
    pub master_key_file: Option<PathBuf>,
    pub vault_suite: Option<String>,
    pub setup_token: Option<String>,
    pub setup_token_file: Option<PathBuf>,
    pub egress_allow: Option<Vec<String>>,
    pub log: Option<String>,
    pub log_format: Option<String>,
    pub drain_seconds_max: Option<u64>,
    pub connections_max: Option<usize>,
    pub providers: BTreeMap<String, ProviderLayer>,
    pub limits: LimitsLayer,
    pub journal: JournalLayer,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderLayer {
    pub base_url: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalLayer {
    pub sync: Option<String>,
    pub bytes_max: Option<u64>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsLayer {
    pub body_bytes_max: Option<usize>,
    pub body_read_seconds_max: Option<u64>,
    pub answer_bytes_max: Option<usize>,
    pub event_bytes_max: Option<usize>,
    pub attempts_max: Option<u32>,
    pub connect_seconds_max: Option<u64>,
    pub first_byte_seconds_max: Option<u64>,
    pub idle_seconds_max: Option<u64>,
    pub total_seconds_max: Option<u64>,
}

impl Layer {
    /// What is set here, and for the rest what is set below.
    pub fn over(self, below: Self) -> Self {
        let mut providers = below.providers;
        providers.extend(self.providers);
        // A secret given here as a file replaces one given below as text, and the other way round.
        let (master_key, master_key_file) = match (&self.master_key, &self.master_key_file) {
            (None, None) => (below.master_key, below.master_key_file),
            _ => (self.master_key, self.master_key_file),
        };
        let (setup_token, setup_token_file) = match (&self.setup_token, &self.setup_token_file) {
            (None, None) => (below.setup_token, below.setup_token_file),
            _ => (self.setup_token, self.setup_token_file),
        };
        Self {
            config: self.config.or(below.config),
            data_dir: self.data_dir.or(below.data_dir),
            listen: self.listen.or(below.listen),
            public_url: self.public_url.or(below.public_url),
            database_url: self.database_url.or(below.database_url),
            master_key,
            master_key_file,
            vault_suite: self.vault_suite.or(below.vault_suite),
            setup_token,
            setup_token_file,
            egress_allow: self.egress_allow.or(below.egress_allow),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
            drain_seconds_max: self.drain_seconds_max.or(below.drain_seconds_max),
            connections_max: self.connections_max.or(below.connections_max),
            providers,
            // Flags and environment have no limits and no journal settings: these come from the file.
            limits: below.limits,
            journal: below.journal,
        }
    }
}

impl LimitsLayer {
    pub fn resolve(self) -> Limits {
        let shipped = Limits::default();
        let seconds = |given: Option<u64>, shipped| given.map_or(shipped, Duration::from_secs);
        Limits {
            body_bytes_max: self.body_bytes_max.unwrap_or(shipped.body_bytes_max),
            body_read_max: seconds(self.body_read_seconds_max, shipped.body_read_max),
            answer_bytes_max: self.answer_bytes_max.unwrap_or(shipped.answer_bytes_max),
            event_bytes_max: self.event_bytes_max.unwrap_or(shipped.event_bytes_max),
            error_bytes_max: shipped.error_bytes_max,
            // Without an attempt no request could be served.
            attempts_max: self.attempts_max.unwrap_or(shipped.attempts_max).max(1),
            connect_max: seconds(self.connect_seconds_max, shipped.connect_max),
            first_byte_max: seconds(self.first_byte_seconds_max, shipped.first_byte_max),
            idle_max: seconds(self.idle_seconds_max, shipped.idle_max),
            total_max: seconds(self.total_seconds_max, shipped.total_max),
            record_max: shipped.record_max,
            stale_max: shipped.stale_max,
        }
    }
}

const DEFAULT_FILE: &str = "keystile.toml";

/// A named file must be there; the default one may be.
pub fn read_file(named: Option<PathBuf>) -> Result<Layer, ConfigError> {
    let (file, must_exist) = match named {
        Some(file) => (file, true),
        None => (PathBuf::from(DEFAULT_FILE), false),
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(Layer::default());
        }
        Err(error) => {
            return Err(ConfigError::File { file, reason: format!("cannot be read: {error}") });
        }
    };
    // The parser's own message would quote the line, which may hold a secret.
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.lines().count().max(1);
        ConfigError::File { file, reason: format!("line {line}: {}", error.message()) }
    })
}
