//! What a workspace used and what it cost, in sums: by model, by key, by day. Single requests are in `requests.rs`.

pub(crate) mod narrow;
pub(crate) mod span;

use std::cmp::Reverse;

use model::{Refusal, Timestamp, UsageBy};
use serde::{Deserialize, Serialize};
use store::workspace::{UsageFilter, UsageRow, UsageSums};
use utoipa::ToSchema;

use crate::{Control, Reader};
use narrow::Narrow;
use span::Span;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageWish {
    pub from: Option<String>,
    pub to: Option<String>,
    pub group_by: Option<String>,
    pub gateway_key: Option<String>,
    pub model: Option<String>,
    pub payer: Option<String>,
    pub project: Option<String>,
    pub provider: Option<String>,
    pub provider_key: Option<String>,
    /// For whoever shows it.
    pub format: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct UsageView {
    /// Whole hours.
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    pub group_by: UsageBy,
    /// By time where they are stretches of it, else the dearest first.
    pub items: Vec<UsageItem>,
    pub totals: UsageNumbers,
}

#[derive(Serialize, ToSchema)]
pub struct UsageItem {
    /// A name or an id; the first moment of an hour or a day.
    pub group: String,
    #[serde(flatten)]
    pub numbers: UsageNumbers,
}

#[derive(Serialize, ToSchema)]
pub struct UsageNumbers {
    pub requests: i64,
    /// Calls to providers; a request may take several.
    pub attempts: i64,
    pub failures: i64,
    /// Attempts without a price that is known: they cost something that is not in the sum.
    pub unpriced: i64,
    /// Attempts whose end nobody saw, charged what they held or had used by then.
    pub unsettled: i64,
    pub input_tokens: i64,
    /// The part of the input read from a cache.
    pub cached_tokens: i64,
    /// The part of the input written to a cache.
    pub cache_write_tokens: i64,
    pub output_tokens: i64,
    /// The part of the output that was reasoning.
    pub reasoning_tokens: i64,
    /// The exact sum, rounded half up once.
    pub cost_micro_usd: i64,
    /// Of the attempts that ended before our eyes.
    pub average_latency_ms: Option<i64>,
    pub average_ttft_ms: Option<i64>,
}

/// More would be read by nobody.
const PARTS_MAX: u32 = 5000;

impl Control {
    pub async fn usage(&self, reader: &Reader, wish: &UsageWish) -> Result<UsageView, Refusal> {
        let by = wish.group_by.as_deref().map_or(Ok(UsageBy::Day), str::parse);
        let by = by.map_err(|error| Refusal::invalid("group_by", error.to_string()))?;
        let span = Span::of_hours(wish.from.as_deref(), wish.to.as_deref(), self.clock.now())?;
        span.must_be_short_enough(by)?;
        let filter = self.usage_filter(reader, wish, span)?;
        let workspace = self.store.workspace(reader.workspace());
        let mut rows = workspace.usage(&filter, by, PARTS_MAX.saturating_add(1)).await?;
        if rows.len() > usize::try_from(PARTS_MAX).unwrap_or(usize::MAX) {
            let public =
                format!("there are more than {PARTS_MAX} groups: narrow the time or filter");
            return Err(Refusal::invalid("group_by", public));
        }
        sort(&mut rows, by);
        let mut totals = UsageSums::default();
        rows.iter().for_each(|row| totals.add(&row.sums));
        Ok(UsageView {
            from: span.from,
            to: span.to,
            group_by: by,
            items: rows.into_iter().map(|row| item(row, by)).collect(),
            totals: numbers(&totals),
        })
    }

    fn usage_filter(
        &self,
        reader: &Reader,
        wish: &UsageWish,
        span: Span,
    ) -> Result<UsageFilter, Refusal> {
        let narrow = Narrow {
            gateway_key: wish.gateway_key.as_deref(),
            model: wish.model.as_deref(),
            payer: wish.payer.as_deref(),
            project: wish.project.as_deref(),
            provider: wish.provider.as_deref(),
            provider_key: wish.provider_key.as_deref(),
        };
        let narrowed = narrow.read(&self.catalogue, reader)?;
        Ok(UsageFilter {
            from: span.from,
            to: span.to,
            gateway_key: narrowed.gateway_key,
            model: narrowed.model,
            payer: narrowed.payer,
            project: narrowed.project,
            provider: narrowed.provider,
            provider_key: narrowed.provider_key,
        })
    }
}

fn sort(rows: &mut [UsageRow], by: UsageBy) {
    if by.is_time() {
        rows.sort_by_key(|row| row.part.parse::<i64>().unwrap_or_default());
    } else {
        rows.sort_by(|one, other| {
            let order = |row: &UsageRow| Reverse((row.sums.cost, row.sums.attempts));
            order(one).cmp(&order(other)).then_with(|| one.part.cmp(&other.part))
        });
    }
}

fn item(row: UsageRow, by: UsageBy) -> UsageItem {
    let numbers = numbers(&row.sums);
    let time = row.part.parse().ok().filter(|_| by.is_time()).map(Timestamp::from_unix_ms);
    let group = time.map_or(row.part, |time| time.to_string());
    UsageItem { group, numbers }
}

fn numbers(sums: &UsageSums) -> UsageNumbers {
    let seen = sums.attempts.saturating_sub(sums.unsettled);
    UsageNumbers {
        requests: sums.requests,
        attempts: sums.attempts,
        failures: sums.failures,
        unpriced: sums.unpriced,
        unsettled: sums.unsettled,
        input_tokens: sums.input_tokens,
        cached_tokens: sums.cached_tokens,
        cache_write_tokens: sums.cache_write_tokens,
        output_tokens: sums.output_tokens,
        reasoning_tokens: sums.reasoning_tokens,
        cost_micro_usd: sums.cost.rounded().0,
        average_latency_ms: average(sums.latency_ms, seen),
        average_ttft_ms: average(sums.ttft_ms, sums.ttft_count),
    }
}

/// Half up, and none of nothing.
fn average(sum: i64, count: i64) -> Option<i64> {
    let half = count.checked_div(2)?;
    sum.saturating_add(half).checked_div(count).filter(|_| count > 0)
}
