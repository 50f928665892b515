//! Logs, metrics and the panic hook. What is never logged: bodies, keys, addresses of people.

mod backlog;

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use control::{Control, News, Notice};
use gateway::Gateway;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::StoreError;
use store::journal::Position;
use store::system::OffsetRow;
use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Config;
use crate::config::LogFormat;
use backlog::Backlog;

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
    journal_age: Gauge,
    journal_queued: Gauge,
    journal_failed: Gauge,
    caps_held: Gauge,
    caps_leased: Gauge,
    caps_spent: Family<SpentLabels, Gauge>,
    attempts_open: Gauge,
    attempts_unsettled: Gauge,
    health_changes: Family<HealthLabels, Counter>,
    backlog: Mutex<Backlog>,
}

/// Bounded: providers and states, never tenants and keys.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HealthLabels {
    provider: String,
    to: &'static str,
}

/// `gateway_key`, `project`, `workspace`, or `pool`, which counts tokens.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SpentLabels {
    scope: &'static str,
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
        let caps_spent = Family::default();
        registry.register(
            "caps_spent_micro_usd",
            "What is spent of all caps in their running periods, by what is capped; of pools, in tokens",
            caps_spent.clone(),
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
            journal_age: gauge(
                "journal_undrained_seconds",
                "How long the oldest usage record waits that the database does not have yet",
            ),
            journal_queued: gauge(
                "journal_queued_records",
                "Usage records that are not on disk yet",
            ),
            journal_failed: gauge("journal_failed", "1 while the journal cannot be written"),
            caps_held: gauge(
                "caps_held_micro_usd",
                "Reserved by this node for calls in flight, of all caps",
            ),
            caps_leased: gauge(
                "caps_leased_micro_usd",
                "What this node may spend of all caps without asking",
            ),
            attempts_open: gauge("attempts_open", "Attempts in the ledger that have not ended"),
            attempts_unsettled: gauge(
                "attempts_unsettled",
                "Attempts in the ledger whose end nobody saw",
            ),
            caps_spent,
            health_changes,
            registry: Mutex::new(registry),
            backlog: Mutex::default(),
        }
    }

    pub fn noticed(&self, notice: &Notice) {
        let News::HealthChanged(change) = &notice.news else { return };
        let labels = HealthLabels { provider: change.provider.clone(), to: change.to };
        self.health_changes.get_or_create(&labels).inc();
    }

    /// What only the database knows; looked up now and then, and not for each scrape.
    pub async fn look(&self, gateway: &Gateway, control: &Control) -> Result<(), StoreError> {
        let system = control.store.system();
        // Told also while the database is away, which is when it matters.
        let now = control.clock.now();
        let end = *gateway.journal.written().borrow();
        let offsets = system.journal_offsets().await;
        {
            let mut backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner);
            backlog.written(end, now);
            let own = offsets.as_ref().ok().and_then(|rows| {
                rows.iter().find(|row| row.node == control.node.id).and_then(OffsetRow::position)
            });
            // A fresh segment is further on, and holds nothing.
            let is_empty = gateway.journal.stats().undrained_bytes == 0;
            backlog.drained(if is_empty { end } else { own.unwrap_or(Position::START) });
            let age = i64::try_from(backlog.age_seconds(now)).unwrap_or(i64::MAX);
            self.journal_age.set(age);
        }
        offsets?;
        let (mut open, mut unsettled) = (0_i64, 0_i64);
        for row in system.unended_attempts().await? {
            let sum = if row.state == "open" { &mut open } else { &mut unsettled };
            *sum = sum.saturating_add(row.attempts);
        }
        self.attempts_open.set(open);
        self.attempts_unsettled.set(unsettled);
        let spent = system.spent_by_kind(control.clock.now()).await?;
        for (kind, scope) in
            [("gk", "gateway_key"), ("pool", "pool"), ("prj", "project"), ("ws", "workspace")]
        {
            let spent = spent.iter().find(|(known, _)| known == kind);
            let micro = spent.map_or(0, |(_, spent)| spent.rounded().0);
            self.caps_spent.get_or_create(&SpentLabels { scope }).set(micro);
        }
        Ok(())
    }

    pub fn render(&self, gateway: &Gateway, control: &Control) -> Result<String, std::fmt::Error> {
        let held = control.budgets.held();
        self.caps_held.set(held.held.rounded().0);
        self.caps_leased.set(held.leased.rounded().0);
        let stats = gateway.journal.stats();
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.journal_bytes.set(count(stats.undrained_bytes));
        self.journal_queued.set(count(stats.queued_records));
        self.journal_failed.set(i64::from(stats.failed));
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}
