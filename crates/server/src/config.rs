//! What the operator decides: flag over environment over file over default. Read once, here; unknown names are errors.

mod client;
mod env;
mod layer;
mod plans;
pub mod prices;
mod show;

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use gateway::Limits;
use gateway::upstream::{Egress, EgressRule, Trust};
use model::{BaseUrl, Catalogue, Plans};
use store::Location;
use store::journal::{Options as JournalOptions, Sync};
use store::rate::RedisUrl;
use vault::Suite;
use zeroize::Zeroizing;

pub use client::{ClientEnvironment, foreign};
pub use layer::Layer;

/// A secret setting: never shown, wiped when dropped.
#[derive(Clone)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Every setting, resolved.
#[derive(Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub public_url: BaseUrl,
    /// `None`: SQLite in the data folder.
    pub database_url: Option<Hidden>,
    /// `None`: each node limits by itself.
    pub redis_url: Option<RedisUrl>,
    /// `None`: generated into the data folder.
    pub master_key: Option<Hidden>,
    /// Where `master_key` was read, if it was a file: a rotation reads it again.
    pub master_key_file: Option<PathBuf>,
    pub vault_suite: Suite,
    /// Between two small transactions of a rotation.
    pub vault_reseal_pause: Duration,
    /// `None`: generated and printed while there is no owner.
    pub setup_token: Option<Hidden>,
    pub egress_allow: Vec<EgressRule>,
    /// Where `trust` has its further authorities from.
    pub upstream_ca_file: Option<PathBuf>,
    /// Who may vouch for a provider.
    pub trust: Trust,
    /// Providers the operator moved, by canonical id.
    pub provider_base_urls: Vec<(String, BaseUrl)>,
    pub log: String,
    pub log_format: LogFormat,
    pub limits: Limits,
    pub journal: JournalOptions,
    /// How long a stopping process lets requests finish.
    pub drain_max: Duration,
    pub connections_max: usize,
    /// Writes, probes and tests of provider keys, per caller.
    pub key_operations_per_minute: u32,
    pub plans: Plans,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Pretty,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{name}: {reason}")]
    Bad { name: String, reason: String },
    #[error("{}: {reason}", file.display())]
    File { file: PathBuf, reason: String },
    #[error("{0} is no setting of this version: `keystile config show` lists them all")]
    Unknown(String),
}

impl Config {
    /// As the command line, the environment and the file say.
    pub fn load(flags: Layer) -> Result<Self, ConfigError> {
        let environment = env::read()?;
        let file = flags.config.clone().or_else(|| environment.config.clone());
        let file = layer::read_file(file)?;
        Self::resolve(flags.over(environment).over(file))
    }

    pub fn resolve(layer: Layer) -> Result<Self, ConfigError> {
        let data_dir = layer.data_dir.unwrap_or_else(|| PathBuf::from("keystile-data"));
        if data_dir.as_os_str().is_empty() {
            return Err(bad("data_dir", "is empty: name a folder or leave it out"));
        }
        let listen = match layer.listen {
            Some(text) => parse("listen", &text, "an address such as 127.0.0.1:4040")?,
            None => SocketAddr::from(([127, 0, 0, 1], 4040)),
        };
        let public_url = match layer.public_url {
            Some(text) => base_url("public_url", &text)?,
            None => base_url("listen", &format!("http://{listen}"))?,
        };
        let vault_suite = match layer.vault_suite {
            Some(text) => parse("vault_suite", &text, "aes-256-gcm, xsalsa20-poly1305 or fernet")?,
            None => Suite::Aes256Gcm,
        };
        let egress_allow = layer.egress_allow.unwrap_or_default();
        let egress_allow: Result<Vec<EgressRule>, _> =
            egress_allow.iter().map(|rule| parse("egress_allow", rule, "CIDR:port")).collect();
        let log_format = match layer.log_format.as_deref() {
            None | Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(_) => return Err(bad("log_format", "is neither json nor pretty")),
        };
        let database_url = layer.database_url.map(Hidden::new);
        if let Some(url) = &database_url
            && !url.reveal().starts_with("postgres://")
            && !url.reveal().starts_with("postgresql://")
        {
            return Err(bad("database_url", "is no postgres:// URL; leave it out for SQLite"));
        }
        let redis_url = layer.redis_url.map(|url| RedisUrl::parse(&url)).transpose();
        let redis_url = redis_url.map_err(|error| bad("redis_url", &error.to_string()))?;
        let vault_reseal_pause = within(
            "vault_reseal_pause_ms",
            layer.vault_reseal_pause_ms.unwrap_or(20),
            0..=RESEAL_PAUSE_MS_MAX,
        )?;
        Ok(Self {
            master_key_file: layer.master_key_file.clone(),
            master_key: secret("master_key", layer.master_key, layer.master_key_file)?,
            setup_token: setup_token(layer.setup_token, layer.setup_token_file)?,
            provider_base_urls: provider_base_urls(layer.providers)?,
            plans: plans::plans(layer.plans, layer.default_plan.as_deref())?,
            limits: layer.limits.resolve()?,
            journal: journal(layer.journal)?,
            drain_max: drain_max(layer.drain_seconds_max)?,
            connections_max: within(
                "connections_max",
                layer.connections_max.unwrap_or(4096),
                1..=CONNECTIONS_MAX,
            )?,
            key_operations_per_minute: within(
                "key_operations_per_minute",
                layer.key_operations_per_minute.unwrap_or(20),
                1..=KEY_OPERATIONS_MAX,
            )?,
            log: layer.log.unwrap_or_else(|| "info".to_owned()),
            egress_allow: egress_allow?,
            trust: trust(layer.upstream_ca_file.as_ref())?,
            upstream_ca_file: layer.upstream_ca_file,
            data_dir,
            listen,
            public_url,
            database_url,
            redis_url,
            vault_suite,
            vault_reseal_pause: Duration::from_millis(vault_reseal_pause),
            log_format,
        })
    }

    pub fn location(&self) -> Location {
        match &self.database_url {
            Some(url) => Location::Postgres { url: url.reveal().to_owned() },
            None => Location::Sqlite { file: self.data_dir.join("keystile.db") },
        }
    }

    pub fn egress(&self) -> Egress {
        let overrides = self.provider_base_urls.iter().map(|(_, url)| url.clone()).collect();
        Egress { overrides, allow: self.egress_allow.clone() }
    }

    /// The shipped catalogue with the operator's base URLs, and prices where the data folder has some.
    pub fn catalogue(&self) -> anyhow::Result<Catalogue> {
        let mut catalogue = prices::over(Catalogue::shipped()?, &self.data_dir)?;
        for (provider, url) in &self.provider_base_urls {
            catalogue.override_base_url(provider, url.clone());
        }
        Ok(catalogue)
    }
}

fn parse<T: std::str::FromStr>(name: &str, text: &str, wanted: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|_| bad(name, &format!("\"{text}\" is not {wanted}")))
}

fn base_url(name: &str, text: &str) -> Result<BaseUrl, ConfigError> {
    BaseUrl::parse(text).map_err(|error| bad(name, &error.to_string()))
}

/// Zero would stop everything, and a number near the end of its type overflows where it is added to.
fn within<T: PartialOrd + Display>(
    name: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<T, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (range.start(), range.end());
    Err(bad(name, &format!("is {value}; it must be at least {least} and at most {most}")))
}

fn drain_max(seconds: Option<u64>) -> Result<Duration, ConfigError> {
    let seconds = seconds.unwrap_or(30);
    within("drain_seconds_max", seconds, 0..=SECONDS_MAX).map(Duration::from_secs)
}

fn bad(name: &str, reason: &str) -> ConfigError {
    ConfigError::Bad { name: name.to_owned(), reason: reason.to_owned() }
}

/// Given as it is, or in a file; both at once is a mistake.
fn secret(
    name: &str,
    text: Option<String>,
    file: Option<PathBuf>,
) -> Result<Option<Hidden>, ConfigError> {
    match (text, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(bad(name, "is given twice, directly and as a file")),
        (Some(text), None) => non_empty(name, text).map(Some),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(&file).map_err(|error| ConfigError::File {
                reason: format!("cannot be read as {name}: {error}"),
                file,
            })?;
            non_empty(name, text.trim().to_owned()).map(Some)
        }
    }
}

/// The built-in authorities, and those of the file, which must be there and hold some.
fn trust(file: Option<&PathBuf>) -> Result<Trust, ConfigError> {
    let Some(file) = file else { return Ok(Trust::default()) };
    let name = "upstream_ca_file";
    if file.as_os_str().is_empty() {
        return Err(bad(name, "is empty: name a PEM file or leave it out"));
    }
    let refused = |reason| ConfigError::File { file: file.clone(), reason };
    let pem = std::fs::read(file)
        .map_err(|error| refused(format!("cannot be read as {name}: {error}")))?;
    Trust::default().and(&pem).map_err(|error| refused(format!("as {name}, it {error}")))
}

/// Whoever holds it becomes the owner, so it must not be guessable.
fn setup_token(text: Option<String>, file: Option<PathBuf>) -> Result<Option<Hidden>, ConfigError> {
    let token = secret("setup_token", text, file)?;
    if token.as_ref().is_some_and(|token| token.reveal().len() < SETUP_TOKEN_BYTES_MIN) {
        let reason = format!("has fewer than {SETUP_TOKEN_BYTES_MIN} characters");
        return Err(bad("setup_token", &reason));
    }
    Ok(token)
}

const SETUP_TOKEN_BYTES_MIN: usize = 12;

/// A variable that was meant to be set and is empty must not fall back to a default.
fn non_empty(name: &str, text: String) -> Result<Hidden, ConfigError> {
    if text.trim().is_empty() {
        return Err(bad(name, "is empty: give it a value or leave it out"));
    }
    Ok(Hidden::new(text))
}

fn provider_base_urls(
    providers: std::collections::BTreeMap<String, layer::ProviderLayer>,
) -> Result<Vec<(String, BaseUrl)>, ConfigError> {
    if providers.is_empty() {
        return Ok(Vec::new());
    }
    let catalogue = Catalogue::shipped().map_err(|error| bad("catalogue", &error.to_string()))?;
    let mut urls: Vec<(String, BaseUrl)> = Vec::new();
    for (name, provider) in providers {
        let setting = format!("providers.{name}.base_url");
        let Some(known) = catalogue.provider(&name) else {
            return Err(bad(&setting, &format!("there is no provider \"{name}\"")));
        };
        if known.base_url.is_none() {
            let reason = "custom endpoints name their own base_url when a key is added";
            return Err(bad(&setting, reason));
        }
        if let Some(text) = provider.base_url {
            let id = known.id.to_string();
            if urls.iter().any(|(other, _)| *other == id) {
                return Err(bad(&setting, &format!("{id} is moved twice, by two of its names")));
            }
            urls.push((id, base_url(&setting, &text)?));
        }
    }
    Ok(urls)
}

fn journal(layer: layer::JournalLayer) -> Result<JournalOptions, ConfigError> {
    let mut options = JournalOptions::default();
    match layer.sync.as_deref() {
        None => {}
        Some("always") => options.sync = Sync::Always,
        Some("interval") => options.sync = Sync::Interval(SYNC_INTERVAL),
        Some("never") => options.sync = Sync::Never,
        Some(_) => return Err(bad("journal.sync", "is neither always, interval nor never")),
    }
    if let Some(bytes) = layer.bytes_max {
        options.bytes_max = within("journal.bytes_max", bytes, JOURNAL_BYTES_MIN..=BYTES_MAX)?;
    }
    Ok(options)
}

const SYNC_INTERVAL: Duration = Duration::from_millis(50);
const KEY_OPERATIONS_MAX: u32 = 10_000;
/// A minute for fifty rows is slower than any operator means.
const RESEAL_PAUSE_MS_MAX: u64 = 60_000;
const CONNECTIONS_MAX: usize = 1_000_000;
/// A week.
const SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
/// One TiB.
const BYTES_MAX: u64 = 1 << 40;
/// Less would not hold what a few dozen requests reserve.
const JOURNAL_BYTES_MIN: u64 = 64 << 10;
