//! Sums of a tenant's usage, from the hours that are kept of the ledger. Never looks at single attempts.

use model::{GatewayKeyId, PicoUsd, ProjectId, ProviderKeyId, Timestamp, UsageBy};

use super::Workspace;
use crate::Result;
use crate::db::{Row, args};

/// Which hours are summed up. Nothing set but the time: all of them.
#[derive(Clone, Debug)]
pub struct UsageFilter {
    /// The beginning of an hour.
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
    pub gateway_key: Option<GatewayKeyId>,
    pub model: Option<String>,
    pub payer: Option<String>,
    pub project: Option<ProjectId>,
    pub provider: Option<String>,
    pub provider_key: Option<ProviderKeyId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSums {
    /// Attempts that were the first of their request.
    pub requests: i64,
    pub attempts: i64,
    pub failures: i64,
    /// Ended without a price that is known.
    pub unpriced: i64,
    pub unsettled: i64,
    pub input_tokens: i64,
    pub cached_tokens: i64,
    pub cache_write_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    pub cost: PicoUsd,
    pub latency_ms: i64,
    pub ttft_ms: i64,
    /// How many of them told a time to their first token.
    pub ttft_count: i64,
}

/// The sums of one part: of a model, of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// An id or a name; for stretches of time their first millisecond.
    pub part: String,
    pub sums: UsageSums,
}

impl Workspace<'_> {
    /// In no order. As many parts as `limit` allows.
    pub async fn usage(
        &self,
        filter: &UsageFilter,
        by: UsageBy,
        limit: u32,
    ) -> Result<Vec<UsageRow>> {
        let args = args![
            self.id,
            filter.from,
            filter.to,
            by.as_str(),
            filter.gateway_key,
            filter.model.as_deref(),
            filter.payer.as_deref(),
            filter.project,
            filter.provider.as_deref(),
            filter.provider_key,
            limit,
        ];
        self.db.all(USAGE_SUMS, args).await?.iter().map(usage_row).collect()
    }
}

impl UsageSums {
    pub fn add(&mut self, more: &Self) {
        let mine = [
            &mut self.requests,
            &mut self.attempts,
            &mut self.failures,
            &mut self.unpriced,
            &mut self.unsettled,
            &mut self.input_tokens,
            &mut self.cached_tokens,
            &mut self.cache_write_tokens,
            &mut self.output_tokens,
            &mut self.reasoning_tokens,
            &mut self.latency_ms,
            &mut self.ttft_ms,
            &mut self.ttft_count,
        ];
        let theirs = [
            more.requests,
            more.attempts,
            more.failures,
            more.unpriced,
            more.unsettled,
            more.input_tokens,
            more.cached_tokens,
            more.cache_write_tokens,
            more.output_tokens,
            more.reasoning_tokens,
            more.latency_ms,
            more.ttft_ms,
            more.ttft_count,
        ];
        for (sum, value) in mine.into_iter().zip(theirs) {
            *sum = sum.saturating_add(value);
        }
        self.cost = PicoUsd(self.cost.0.saturating_add(more.cost.0));
    }
}

fn usage_row(row: &Row) -> Result<UsageRow> {
    Ok(UsageRow { part: row.get("part")?, sums: usage_sums(row)? })
}

pub(crate) fn usage_sums(row: &Row) -> Result<UsageSums> {
    Ok(UsageSums {
        requests: row.get("requests")?,
        attempts: row.get("attempts")?,
        failures: row.get("failures")?,
        unpriced: row.get("unpriced")?,
        unsettled: row.get("unsettled")?,
        input_tokens: row.get("input_tokens")?,
        cached_tokens: row.get("cached_tokens")?,
        cache_write_tokens: row.get("cache_write_tokens")?,
        output_tokens: row.get("output_tokens")?,
        reasoning_tokens: row.get("reasoning_tokens")?,
        cost: row.money("cost_micro_usd", "cost_pico_rest")?,
        latency_ms: row.get("latency_ms")?,
        ttft_ms: row.get("ttft_ms")?,
        ttft_count: row.get("ttft_count")?,
    })
}

/// Public, so that a test can ask each database how it goes about it.
pub const USAGE_SUMS: &str = "select
        case $4
            when 'day' then cast(hour - hour % 86400000 as text)
            when 'gateway_key' then gateway_key_id
            when 'hour' then cast(hour as text)
            when 'model' then model
            when 'payer' then payer
            when 'project' then project_id
            when 'provider' then provider
            else provider_key_id
        end as part,
        cast(sum(requests) as bigint) as requests,
        cast(sum(attempts) as bigint) as attempts,
        cast(sum(failures) as bigint) as failures,
        cast(sum(unpriced) as bigint) as unpriced,
        cast(sum(unsettled) as bigint) as unsettled,
        cast(sum(input_tokens) as bigint) as input_tokens,
        cast(sum(cached_tokens) as bigint) as cached_tokens,
        cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
        cast(sum(output_tokens) as bigint) as output_tokens,
        cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
        cast(sum(cost_micro_usd) as bigint) as cost_micro_usd,
        cast(sum(cost_pico_rest) as bigint) as cost_pico_rest,
        cast(sum(latency_ms) as bigint) as latency_ms,
        cast(sum(ttft_ms) as bigint) as ttft_ms,
        cast(sum(ttft_count) as bigint) as ttft_count
    from usage_hours
    where workspace_id = $1 and hour >= $2 and hour < $3
        and gateway_key_id = coalesce($5, gateway_key_id)
        and model = coalesce($6, model)
        and payer = coalesce($7, payer)
        and project_id = coalesce($8, project_id)
        and provider = coalesce($9, provider)
        and provider_key_id = coalesce($10, provider_key_id)
    group by part
    limit $11";
