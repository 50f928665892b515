//! Sums against what they are sums of. Each question is one statement, and so sees one moment, whoever writes meanwhile.

use model::{PicoUsd, RequestId, Timestamp};

use super::{BudgetRow, budget_row};
use crate::Result;
use crate::db::{Row, args};
use crate::system::System;
use crate::workspace::{UsageSums, usage_sums};

/// An hour of one kind of usage whose sums are not those of its attempts, or a day whose sums are not those of its hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageGap {
    pub workspace: String,
    pub since: Timestamp,
    pub project: String,
    pub gateway_key: String,
    pub provider_key: String,
    pub provider: String,
    pub model: String,
    pub payer: String,
    /// What the attempts, or the hours, come to beyond what it says.
    pub missing: UsageSums,
}

/// A budget, and what the hours of its period come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetCheck {
    pub budget: BudgetRow,
    pub used: PicoUsd,
}

/// An attempt that says of itself what cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddAttempt {
    pub request: RequestId,
    pub attempt: i64,
    pub state: String,
}

impl System<'_> {
    /// Hours against attempts: the whole ledger is read.
    pub async fn hour_gaps(&self, limit: u32) -> Result<Vec<UsageGap>> {
        self.db.all(HOUR_GAPS, args![limit]).await?.iter().map(usage_gap).collect()
    }

    /// Days against hours.
    pub async fn day_gaps(&self, limit: u32) -> Result<Vec<UsageGap>> {
        self.db.all(DAY_GAPS, args![limit]).await?.iter().map(usage_gap).collect()
    }

    pub async fn checked_budgets(&self) -> Result<Vec<BudgetCheck>> {
        let mut checks = Vec::new();
        for sql in [OF_KEYS, OF_POOLS, OF_PROJECTS, OF_WORKSPACES] {
            for row in &self.db.all(sql, args![]).await? {
                checks.push(BudgetCheck {
                    budget: budget_row(row)?,
                    used: row.money("micro", "rest")?,
                });
            }
        }
        Ok(checks)
    }

    pub async fn odd_attempts(&self, limit: u32) -> Result<Vec<OddAttempt>> {
        let row = |row: &Row| {
            Ok(OddAttempt {
                request: row.parse("request_id")?,
                attempt: row.get("attempt")?,
                state: row.get("state")?,
            })
        };
        self.db.all(ODD, args![limit]).await?.iter().map(row).collect()
    }
}

fn usage_gap(row: &Row) -> Result<UsageGap> {
    Ok(UsageGap {
        workspace: row.get("workspace_id")?,
        since: row.time("since")?,
        project: row.get("project_id")?,
        gateway_key: row.get("gateway_key_id")?,
        provider_key: row.get("provider_key_id")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        payer: row.get("payer")?,
        missing: usage_sums(row)?,
    })
}

/// Attempts on one side and hours on the other: where they agree, nothing is left. A provider's claim counts up to 10^12 in
/// one attempt, as in the folding.
const HOUR_GAPS: &str =
    "select workspace_id, hour as since, project_id, gateway_key_id, provider_key_id,
        provider, model, payer,
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
        select workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model,
            payer,
            case when attempt = 1 then 1 else 0 end as requests,
            1 as attempts,
            case when outcome in ('cut', 'failed') then 1 else 0 end as failures,
            case when cost_micro_usd is null then 1 else 0 end as unpriced,
            case when state = 'unsettled' then 1 else 0 end as unsettled,
            case when input_tokens > 1000000000000 then 1000000000000
                else coalesce(input_tokens, 0) end as input_tokens,
            case when cached_tokens > 1000000000000 then 1000000000000
                else coalesce(cached_tokens, 0) end as cached_tokens,
            case when cache_write_tokens > 1000000000000 then 1000000000000
                else coalesce(cache_write_tokens, 0) end as cache_write_tokens,
            case when output_tokens > 1000000000000 then 1000000000000
                else coalesce(output_tokens, 0) end as output_tokens,
            case when reasoning_tokens > 1000000000000 then 1000000000000
                else coalesce(reasoning_tokens, 0) end as reasoning_tokens,
            coalesce(cost_micro_usd, 0) as cost_micro_usd,
            coalesce(cost_pico_rest, 0) as cost_pico_rest,
            case when latency_ms > 1000000000000 then 1000000000000
                else coalesce(latency_ms, 0) end as latency_ms,
            case when ttft_ms > 1000000000000 then 1000000000000
                else coalesce(ttft_ms, 0) end as ttft_ms,
            case when ttft_ms is null then 0 else 1 end as ttft_count
        from attempts
        where state <> 'open'
        union all
        select workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model,
            payer, -requests, -attempts, -failures, -unpriced, -unsettled, -input_tokens,
            -cached_tokens, -cache_write_tokens, -output_tokens, -reasoning_tokens,
            -cost_micro_usd, -cost_pico_rest, -latency_ms, -ttft_ms, -ttft_count
        from usage_hours
    ) as both_sides
    group by workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model, payer
    having sum(requests) <> 0 or sum(attempts) <> 0 or sum(failures) <> 0 or sum(unpriced) <> 0
        or sum(unsettled) <> 0 or sum(input_tokens) <> 0 or sum(cached_tokens) <> 0
        or sum(cache_write_tokens) <> 0 or sum(output_tokens) <> 0 or sum(reasoning_tokens) <> 0
        or sum(cost_micro_usd) * 1000000 + sum(cost_pico_rest) <> 0 or sum(latency_ms) <> 0
        or sum(ttft_ms) <> 0 or sum(ttft_count) <> 0
    order by workspace_id, hour
    limit $1";

const DAY_GAPS: &str = "select workspace_id, day as since, project_id, gateway_key_id,
        provider_key_id, provider, model, payer,
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
        select workspace_id, hour - hour % 86400000 as day, project_id, gateway_key_id,
            provider_key_id, provider, model, payer, requests, attempts, failures, unpriced, unsettled, input_tokens, cached_tokens,
            cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
            latency_ms, ttft_ms, ttft_count
        from usage_hours
        union all
        select workspace_id, day, project_id, gateway_key_id, provider_key_id, provider, model,
            payer, -requests, -attempts, -failures, -unpriced, -unsettled, -input_tokens,
            -cached_tokens, -cache_write_tokens, -output_tokens, -reasoning_tokens,
            -cost_micro_usd, -cost_pico_rest, -latency_ms, -ttft_ms, -ttft_count
        from usage_days
    ) as both_sides
    group by workspace_id, day, project_id, gateway_key_id, provider_key_id, provider, model, payer
    having sum(requests) <> 0 or sum(attempts) <> 0 or sum(failures) <> 0 or sum(unpriced) <> 0
        or sum(unsettled) <> 0 or sum(input_tokens) <> 0 or sum(cached_tokens) <> 0
        or sum(cache_write_tokens) <> 0 or sum(output_tokens) <> 0 or sum(reasoning_tokens) <> 0
        or sum(cost_micro_usd) * 1000000 + sum(cost_pico_rest) <> 0 or sum(latency_ms) <> 0
        or sum(ttft_ms) <> 0 or sum(ttft_count) <> 0
    order by workspace_id, day
    limit $1";

const OF_KEYS: &str = "select b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest,
        b.forgotten_micro, b.forgotten_rest,
        cast(coalesce(sum(h.cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(h.cost_pico_rest), 0) as bigint) as rest
    from budgets b
    left join usage_hours h
        on h.gateway_key_id = b.scope and h.hour >= b.period_start and h.hour < b.period_end
    where b.scope like 'gk_%'
    group by b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest, b.forgotten_micro,
        b.forgotten_rest";

/// In tokens, a micro each.
const OF_POOLS: &str = "select b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest,
        b.forgotten_micro, b.forgotten_rest,
        cast(coalesce(sum(h.input_tokens + h.output_tokens), 0) as bigint) as micro,
        cast(0 as bigint) as rest
    from budgets b
    left join usage_hours h
        on 'pool:' || h.workspace_id = b.scope and h.hour >= b.period_start
            and h.hour < b.period_end and h.payer = 'platform'
    where b.scope like 'pool:%'
    group by b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest, b.forgotten_micro,
        b.forgotten_rest";

const OF_PROJECTS: &str = "select b.scope, b.period_start, b.period_end, b.spent_micro,
        b.spent_rest, b.forgotten_micro, b.forgotten_rest,
        cast(coalesce(sum(h.cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(h.cost_pico_rest), 0) as bigint) as rest
    from budgets b
    left join usage_hours h
        on h.project_id = b.scope and h.hour >= b.period_start and h.hour < b.period_end
    where b.scope like 'prj_%'
    group by b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest, b.forgotten_micro,
        b.forgotten_rest";

const OF_WORKSPACES: &str = "select b.scope, b.period_start, b.period_end, b.spent_micro,
        b.spent_rest, b.forgotten_micro, b.forgotten_rest,
        cast(coalesce(sum(h.cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(h.cost_pico_rest), 0) as bigint) as rest
    from budgets b
    left join usage_hours h
        on h.workspace_id = b.scope and h.hour >= b.period_start and h.hour < b.period_end
    where b.scope like 'ws_%'
    group by b.scope, b.period_start, b.period_end, b.spent_micro, b.spent_rest, b.forgotten_micro,
        b.forgotten_rest";

const ODD: &str = "select request_id, attempt, state
    from attempts
    where state = 'open' and (settled_at is not null or outcome is not null)
        or state = 'settled' and (settled_at is null or outcome is null)
        or state = 'unsettled' and (settled_at is null or coalesce(outcome, '') <> 'unknown')
        or (cost_micro_usd is null) <> (cost_pico_rest is null)
        or cost_pico_rest not between 0 and 999999
    order by request_id, attempt
    limit $1";
