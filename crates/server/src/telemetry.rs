//! Logs, metrics and the panic hook. What is never logged: bodies, keys, addresses of people.

use std::io::IsTerminal as _;
use std::sync::Mutex;

use control::{News, Notice};
use gateway::Gateway;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Config;
use crate::config::LogFormat;

/// Logs go to standard error, so that standard output stays for what people asked for.
pub fn start_logging(config: &Config) -> anyhow::Result<()> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(config)?)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let discreet = filter_fn(is_discreet);
    let started = match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).finish().with(discreet).try_init(),
        LogFormat::Pretty => builder.finish().with(discreet).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}

/// Libraries that log whole requests, and so are silent whatever the configuration says.
const INDISCREET: [&str; 1] = ["rmcp"];

/// Holds for every line, whatever the configuration says.
pub fn is_discreet(line: &Metadata<'_>) -> bool {
    !INDISCREET.iter().any(|library| line.target().starts_with(library))
}

/// What is logged, as the configuration says.
pub fn filter(config: &Config) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(&config.log)
        .map_err(|error| anyhow::anyhow!("log = \"{}\": {error}", config.log))
}

/// A panic's message may quote what it choked on; its place never does.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: something panicked");
    }));
}

/// What `/metrics` says.
pub struct Telemetry {
    registry: Mutex<Registry>,
    journal_bytes: Gauge,
    journal_queued: Gauge,
    journal_failed: Gauge,
    health_changes: Family<HealthLabels, Counter>,
}

/// Bounded: providers and states, never tenants and keys.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HealthLabels {
    provider: String,
    to: &'static str,
}

impl Telemetry {
    pub fn new(gateway: &Gateway) -> Self {
        let mut registry = Registry::with_prefix("keystile");
        gateway.metrics.register(&mut registry);
        let health_changes = Family::default();
        registry.register(
            "provider_key_health_changes",
            "Provider keys whose health changed, by what it became",
            health_changes.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge: Gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            journal_bytes: gauge(
                "journal_undrained_bytes",
                "Usage records on disk that the database does not have yet",
            ),
            journal_queued: gauge(
                "journal_queued_records",
                "Usage records that are not on disk yet",
            ),
            journal_failed: gauge("journal_failed", "1 while the journal cannot be written"),
            health_changes,
            registry: Mutex::new(registry),
        }
    }

    pub fn noticed(&self, notice: &Notice) {
        let News::HealthChanged(change) = &notice.news;
        let labels = HealthLabels { provider: change.provider.clone(), to: change.to };
        self.health_changes.get_or_create(&labels).inc();
    }

    pub fn render(&self, gateway: &Gateway) -> Result<String, std::fmt::Error> {
        let stats = gateway.journal.stats();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.journal_bytes.set(count(stats.undrained_bytes));
        self.journal_queued.set(count(stats.queued_records));
        self.journal_failed.set(i64::from(stats.failed));
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}
