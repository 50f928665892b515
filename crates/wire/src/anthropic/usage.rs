//! What a usage block of this dialect counts, and the same block for others' counts. Knows no prices.

use model::{Geo, ServiceTier, Usage};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::reported;

/// The block's own counts: input stands beside what was cached, not around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_short: Option<u64>,
    cache_write_long: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    searches: Option<u64>,
    tier: Option<ServiceTier>,
    geo: Option<Geo>,
    reported_pico_usd: Option<u64>,
}

impl Counts {
    /// With what the block says it cost, which no tree of values keeps to the last digit.
    pub fn read(usage: &RawValue) -> Self {
        let counts = serde_json::from_str(usage.get()).map(|usage| Self::of(&usage));
        Self { reported_pico_usd: reported::cost(usage), ..counts.unwrap_or_default() }
    }

    /// Absent and unreadable are the same. A call that ran several times tells the sum only in its `iterations`.
    pub fn of(usage: &Value) -> Self {
        let iterations = usage.get("iterations").and_then(Value::as_array);
        let sum = iterations.into_iter().flatten().map(Self::of_one).reduce(Self::plus);
        let mut counts = Self::of_one(usage);
        if let Some(sum) = sum {
            counts.update(sum);
        }
        counts
    }

    fn of_one(usage: &Value) -> Self {
        let count = |name: &str| usage.get(name)?.as_u64();
        let part = |name: &str, part: &str| usage.get(name)?.get(part)?.as_u64();
        Self {
            input: count("input_tokens"),
            cache_read: count("cache_read_input_tokens"),
            cache_write: count("cache_creation_input_tokens"),
            cache_write_short: part("cache_creation", "ephemeral_5m_input_tokens"),
            cache_write_long: part("cache_creation", "ephemeral_1h_input_tokens"),
            output: count("output_tokens"),
            reasoning: part("output_tokens_details", "thinking_tokens"),
            searches: part("server_tool_use", "web_search_requests"),
            tier: tier(usage),
            geo: usage.get("inference_geo").filter(|geo| *geo == "us").map(|_| Geo::Us),
            reported_pico_usd: None,
        }
    }

    /// A stream counts twice, and the second time cumulatively. Some give a zero there for what they told before.
    pub fn update(&mut self, later: Self) {
        *self = self.with(later, |earlier, later| {
            later.filter(|count| *count > 0 || earlier.is_none()).or(earlier)
        });
    }

    fn plus(self, other: Self) -> Self {
        self.with(other, |one, other| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        })
    }

    fn with(self, other: Self, join: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        Self {
            input: join(self.input, other.input),
            cache_read: join(self.cache_read, other.cache_read),
            cache_write: join(self.cache_write, other.cache_write),
            cache_write_short: join(self.cache_write_short, other.cache_write_short),
            cache_write_long: join(self.cache_write_long, other.cache_write_long),
            output: join(self.output, other.output),
            reasoning: join(self.reasoning, other.reasoning),
            searches: join(self.searches, other.searches),
            tier: other.tier.or(self.tier),
            geo: other.geo.or(self.geo),
            reported_pico_usd: other.reported_pico_usd.or(self.reported_pico_usd),
        }
    }

    /// `None` if nothing was counted.
    pub fn usage(self) -> Option<Usage> {
        if (Self { tier: None, geo: None, ..self }) == Self::default() {
            return None;
        }
        let by_age = match (self.cache_write_short, self.cache_write_long) {
            (None, None) => None,
            (short, long) => {
                Some(short.unwrap_or_default().saturating_add(long.unwrap_or_default()))
            }
        };
        let cache_write = self.cache_write.max(by_age);
        let cached = [self.cache_read, cache_write].into_iter().flatten();
        Some(Usage {
            input_tokens: self.input.map(|input| cached.fold(input, u64::saturating_add)),
            cached_tokens: self.cache_read,
            cache_write_tokens: cache_write,
            cache_write_long_tokens: self.cache_write_long,
            output_tokens: self.output,
            reasoning_tokens: self.reasoning,
            searches: self.searches.filter(|searches| *searches > 0),
            tier: self.tier,
            geo: self.geo,
            reported_pico_usd: self.reported_pico_usd,
            ..Usage::default()
        })
    }
}

/// How fast it was is said in another place than how urgent.
fn tier(usage: &Value) -> Option<ServiceTier> {
    let named = |name: &str| usage.get(name)?.as_str()?.parse().ok();
    named("speed").or_else(|| named("service_tier"))
}

/// A usage block as this dialect's SDKs expect one: four counts at least, whatever was told.
#[derive(Serialize)]
pub(super) struct UsageBlock {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct OutputDetails {
    thinking_tokens: u64,
}

impl From<Usage> for UsageBlock {
    fn from(usage: Usage) -> Self {
        let read = usage.cached_tokens.unwrap_or_default();
        let write = usage.cache_write_tokens.unwrap_or_default();
        let input = usage.input_tokens.unwrap_or_default();
        Self {
            // The parts come from others: where they are more than the whole, the rest is nothing.
            input_tokens: input.saturating_sub(read).saturating_sub(write),
            cache_creation_input_tokens: write,
            cache_read_input_tokens: read,
            output_tokens: usage.output_tokens.unwrap_or_default(),
            cache_creation: usage.cache_write_long_tokens.map(|long| CacheCreation {
                ephemeral_5m_input_tokens: write.saturating_sub(long),
                ephemeral_1h_input_tokens: long,
            }),
            output_tokens_details: usage
                .reasoning_tokens
                .map(|thinking_tokens| OutputDetails { thinking_tokens }),
        }
    }
}

#[cfg(test)]
mod tests;
