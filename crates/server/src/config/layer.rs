//! One source of settings: flags, environment or file. What is absent is left to the source below.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gateway::Limits;
use serde::Deserialize;

use super::plans::PlanLayer;
use super::{BYTES_MAX, ConfigError, SECONDS_MAX, bad, within};

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
    pub redis_url: Option<String>,
    pub master_key: Option<String>,
    pub master_key_file: Option<PathBuf>,
    pub vault_suite: Option<String>,
    pub vault_reseal_pause_ms: Option<u64>,
    pub setup_token: Option<String>,
    pub setup_token_file: Option<PathBuf>,
    pub egress_allow: Option<Vec<String>>,
    pub upstream_ca_file: Option<PathBuf>,
    pub log: Option<String>,
    pub log_format: Option<String>,
    pub drain_seconds_max: Option<u64>,
    pub connections_max: Option<usize>,
    pub key_operations_per_minute: Option<u32>,
    pub default_plan: Option<String>,
    pub plans: BTreeMap<String, PlanLayer>,
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
    pub stream_bytes_max: Option<usize>,
    pub event_bytes_max: Option<usize>,
    pub held_bytes_max: Option<usize>,
    pub held_seconds_max: Option<u64>,
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
        // The same provider under another of its names is the same setting.
        providers.retain(|name, _| !self.providers.keys().any(|own| same_provider(own, name)));
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
            redis_url: self.redis_url.or(below.redis_url),
            master_key,
            master_key_file,
            vault_suite: self.vault_suite.or(below.vault_suite),
            vault_reseal_pause_ms: self.vault_reseal_pause_ms.or(below.vault_reseal_pause_ms),
            setup_token,
            setup_token_file,
            egress_allow: self.egress_allow.or(below.egress_allow),
            upstream_ca_file: self.upstream_ca_file.or(below.upstream_ca_file),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
            drain_seconds_max: self.drain_seconds_max.or(below.drain_seconds_max),
            connections_max: self.connections_max.or(below.connections_max),
            key_operations_per_minute: self
                .key_operations_per_minute
                .or(below.key_operations_per_minute),
            default_plan: self.default_plan.or(below.default_plan),
            providers,
            // Flags and environment have no plans, no limits and no journal settings: these come from the file.
            plans: below.plans,
            limits: below.limits,
            journal: below.journal,
        }
    }
}

impl LimitsLayer {
    pub fn resolve(self) -> Result<Limits, ConfigError> {
        let mut limits = Limits::default();
        for (name, given, limit) in [
            ("limits.answer_bytes_max", self.answer_bytes_max, &mut limits.answer_bytes_max),
            ("limits.body_bytes_max", self.body_bytes_max, &mut limits.body_bytes_max),
            ("limits.event_bytes_max", self.event_bytes_max, &mut limits.event_bytes_max),
            ("limits.held_bytes_max", self.held_bytes_max, &mut limits.held_bytes_max),
            ("limits.stream_bytes_max", self.stream_bytes_max, &mut limits.stream_bytes_max),
        ] {
            let most = usize::try_from(BYTES_MAX).unwrap_or(usize::MAX);
            *limit = within(name, given.unwrap_or(*limit), 1..=most)?;
        }
        for (name, given, limit) in [
            ("limits.body_read_seconds_max", self.body_read_seconds_max, &mut limits.body_read_max),
            ("limits.connect_seconds_max", self.connect_seconds_max, &mut limits.connect_max),
            (
                "limits.first_byte_seconds_max",
                self.first_byte_seconds_max,
                &mut limits.first_byte_max,
            ),
            ("limits.held_seconds_max", self.held_seconds_max, &mut limits.held_max),
            ("limits.idle_seconds_max", self.idle_seconds_max, &mut limits.idle_max),
            ("limits.total_seconds_max", self.total_seconds_max, &mut limits.total_max),
        ] {
            let seconds = within(name, given.unwrap_or(limit.as_secs()), 1..=SECONDS_MAX)?;
            *limit = Duration::from_secs(seconds);
        }
        let attempts = self.attempts_max.unwrap_or(limits.attempts_max);
        limits.attempts_max = within("limits.attempts_max", attempts, 1..=ATTEMPTS_MAX)?;
        Ok(limits)
    }
}

fn same_provider(one: &str, other: &str) -> bool {
    let id = |name: &str| {
        let catalogue = model::Catalogue::shipped().ok()?;
        catalogue.provider(name).map(|provider| provider.id.clone())
    };
    one == other || id(one).is_some_and(|one| id(other) == Some(one))
}

/// Each attempt reserves its records in the journal before the first is made.
const ATTEMPTS_MAX: u32 = 64;
const DEFAULT_FILE: &str = "keystile.toml";

/// A named file must be there; the default one may be.
pub fn read_file(named: Option<PathBuf>) -> Result<Layer, ConfigError> {
    let (file, must_exist) = match named {
        Some(file) if file.as_os_str().is_empty() => {
            return Err(bad("config", "is empty: name a file or leave it out"));
        }
        Some(file) => (file, true),
        None => (PathBuf::from(DEFAULT_FILE), false),
    };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(Layer::default());
        }
        Err(error) => {
            return Err(ConfigError::File {
                file,
                reason: format!("the configuration file cannot be read: {error}"),
            });
        }
    };
    toml::from_str(&text).map_err(|error| {
        let reason = describe(&error, &text);
        ConfigError::File { file, reason }
    })
}

/// Where and what, but no value: the parser's own words quote what they found, which may be a secret.
fn describe(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let message = match message.rsplit_once(", expected ") {
        Some((found, expected)) if message.starts_with("invalid ") => {
            let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
            format!("{kind}, expected {expected}")
        }
        _ => message.to_owned(),
    };
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let number = before.matches('\n').count().saturating_add(1);
    let line = text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
    // Only what looks like the name of a setting is repeated.
    let name = line.split_once('=').map(|(name, _)| name.trim()).filter(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    match name {
        Some(name) => format!("line {number}: {name}: {message}"),
        None => format!("line {number}: {message}"),
    }
}
