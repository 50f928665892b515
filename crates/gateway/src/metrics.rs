//! What the data plane counts. Labels are bounded: providers and codes, never tenants, models or keys.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

#[derive(Clone, Default)]
pub struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    broken_streams: Family<CodeLabels, Counter>,
    refusals: Family<CodeLabels, Counter>,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "attempts",
            "Calls to providers, by how they began",
            self.attempts.clone(),
        );
        registry.register(
            "broken_streams",
            "Streams that ended without their terminator",
            self.broken_streams.clone(),
        );
        registry.register(
            "refusals",
            "Inference requests that were not served",
            self.refusals.clone(),
        );
    }

    pub(crate) fn attempt(&self, provider: &str, result: &'static str) {
        let labels = AttemptLabels { provider: provider.to_owned(), result };
        self.attempts.get_or_create(&labels).inc();
    }

    pub(crate) fn broken_stream(&self, code: &'static str) {
        self.broken_streams.get_or_create(&CodeLabels { code }).inc();
    }

    pub fn refused(&self, code: &'static str) {
        self.refusals.get_or_create(&CodeLabels { code }).inc();
    }
}
