//! Sums of a tenant's usage, from the hours and days that are kept of the ledger. Never looks at single attempts.

use model::settings::CapPeriod;
use model::{GatewayKeyId, Period, PicoUsd, ProjectId, ProviderKeyId, Timestamp, UsageBy};

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
        let mut args = args![
            self.id,
            filter.from,
            filter.to,
            limit,
            filter.gateway_key,
            filter.model.as_deref(),
            filter.payer.as_deref(),
            filter.project,
            filter.provider.as_deref(),
            filter.provider_key,
        ];
        let sql = match by {
            UsageBy::Hour => USAGE_BY_HOUR,
            by => {
                let (first, end) = filter.whole_days();
                args.extend(args![by.as_str(), first, end]);
                USAGE_SUMS
            }
        };
        self.db.all(sql, args).await?.iter().map(usage_row).collect()
    }
}

impl UsageFilter {
    /// Where the first of them begins and the last one ends. Where there is none all of it are hours before the first.
    fn whole_days(&self) -> (Timestamp, Timestamp) {
        let day = |time| Period::at(CapPeriod::Daily, time);
        let first = if day(self.from).start == self.from { self.from } else { day(self.from).end };
        let first = first.min(self.to);
        (first, day(self.to).start.max(first))
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

/// Whole days from the days, the rest from the hours. Public, so that a test can ask each database how it goes about it.
pub const USAGE_SUMS: &str = "select
        case $11
            when 'day' then cast(day as text)
            when 'gateway_key' then gateway_key_id
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
    from (
        select day, project_id, gateway_key_id, provider_key_id, provider, model, payer, requests,
            attempts, failures, unpriced, unsettled, input_tokens, cached_tokens,
            cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
            latency_ms, ttft_ms, ttft_count
        from usage_days
        where workspace_id = $1 and day >= $12 and day < $13
        union all
        select hour - hour % 86400000, project_id, gateway_key_id, provider_key_id, provider, model,
            payer, requests, attempts, failures, unpriced, unsettled, input_tokens, cached_tokens,
            cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
            latency_ms, ttft_ms, ttft_count
        from usage_hours
        where workspace_id = $1 and hour >= $2 and hour < $12
        union all
        select hour - hour % 86400000, project_id, gateway_key_id, provider_key_id, provider, model,
            payer, requests, attempts, failures, unpriced, unsettled, input_tokens, cached_tokens,
            cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
            latency_ms, ttft_ms, ttft_count
        from usage_hours
        where workspace_id = $1 and hour >= $13 and hour < $3
    ) as spans
    where ($5 is null or gateway_key_id = $5)
        and ($6 is null or model = $6)
        and ($7 is null or payer = $7)
        and ($8 is null or project_id = $8)
        and ($9 is null or provider = $9)
        and ($10 is null or provider_key_id = $10)
    group by part
    limit $4";

/// In the order that the table has, so that nothing is sorted.
pub const USAGE_BY_HOUR: &str = "select cast(hour as text) as part,
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
        and ($5 is null or gateway_key_id = $5)
        and ($6 is null or model = $6)
        and ($7 is null or payer = $7)
        and ($8 is null or project_id = $8)
        and ($9 is null or provider = $9)
        and ($10 is null or provider_key_id = $10)
    group by hour
    limit $4";
