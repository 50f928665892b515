//! The ledger as a whole, for whoever runs the instance: how far it is folded in, and whether its sums are those of its rows.
//! Across tenants, because books are checked all at once. Changes nothing.

mod caps;
mod check;

use model::{NodeId, PicoUsd, RequestId, Timestamp, WorkspaceId};

use super::System;
use crate::Result;
use crate::db::{Row, args};
use crate::journal::Position;

pub use caps::{KeyPolicyRow, SettingsRow};
pub use check::{BudgetCheck, OddAttempt, UsageGap};

/// How far a node's journal is folded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetRow {
    pub node: NodeId,
    pub segment: i64,
    pub offset_bytes: i64,
}

/// What the attempts of one node are in that were not seen to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnendedRow {
    pub node: NodeId,
    /// `open` or `unsettled`.
    pub state: String,
    pub attempts: i64,
    pub oldest: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRow {
    pub scope: String,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub spent: PicoUsd,
    /// The part of it that no attempt shows.
    pub forgotten: PicoUsd,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    pub scope: String,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub node: NodeId,
    pub granted: PicoUsd,
    /// The part of it that is spent and folded in.
    pub used: PicoUsd,
}

/// An attempt whose end nobody saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsettledRow {
    pub request: RequestId,
    pub attempt: i64,
    pub node: NodeId,
    pub workspace: WorkspaceId,
    pub provider: String,
    pub model: String,
    pub started_at: Timestamp,
    /// What it is charged.
    pub cost: Option<PicoUsd>,
}

impl OffsetRow {
    pub fn position(&self) -> Option<Position> {
        let segment = u64::try_from(self.segment).ok()?;
        Some(Position { segment, offset: u64::try_from(self.offset_bytes).ok()? })
    }
}

impl LeaseRow {
    /// What the node may still spend without asking.
    pub fn outstanding(&self) -> PicoUsd {
        PicoUsd(self.granted.0.saturating_sub(self.used.0).max(0))
    }
}

impl System<'_> {
    pub async fn journal_offsets(&self) -> Result<Vec<OffsetRow>> {
        let row = |row: &Row| {
            Ok(OffsetRow {
                node: row.parse("node_id")?,
                segment: row.get("segment")?,
                offset_bytes: row.get("offset_bytes")?,
            })
        };
        self.db.all(OFFSETS, args![]).await?.iter().map(row).collect()
    }

    pub async fn unended_attempts(&self) -> Result<Vec<UnendedRow>> {
        let row = |row: &Row| {
            Ok(UnendedRow {
                node: row.parse("node_id")?,
                state: row.get("state")?,
                attempts: row.get("attempts")?,
                oldest: row.time("oldest")?,
            })
        };
        self.db.all(UNENDED, args![]).await?.iter().map(row).collect()
    }

    /// Those whose period is not over.
    pub async fn budgets(&self, now: Timestamp, limit: u32) -> Result<Vec<BudgetRow>> {
        self.db.all(BUDGETS, args![now, limit]).await?.iter().map(budget_row).collect()
    }

    pub async fn leases(&self) -> Result<Vec<LeaseRow>> {
        let row = |row: &Row| {
            Ok(LeaseRow {
                scope: row.get("scope")?,
                period_start: row.time("period_start")?,
                period_end: row.time("period_end")?,
                node: row.parse("node_id")?,
                granted: row.money("granted_micro", "granted_rest")?,
                used: row.money("used_micro", "used_rest")?,
            })
        };
        self.db.all(LEASES, args![]).await?.iter().map(row).collect()
    }

    /// What a node was found to have left behind at a time, with the tenant whose it is.
    pub async fn left_unsettled(
        &self,
        node: NodeId,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<UnsettledRow>> {
        let rows = self.db.all(LEFT, args![node, at, limit]).await?;
        rows.iter().map(unsettled_row).collect()
    }

    /// Of all running periods together, by the kind of what is capped: `gk`, `prj`, `ws`; `pool` in tokens.
    pub async fn spent_by_kind(&self, now: Timestamp) -> Result<Vec<(String, PicoUsd)>> {
        let row = |row: &Row| Ok((row.get("kind")?, row.money("micro", "rest")?));
        self.db.all(SPENT_BY_KIND, args![now]).await?.iter().map(row).collect()
    }

    /// The newest first.
    pub async fn unsettled(&self, limit: u32) -> Result<Vec<UnsettledRow>> {
        self.db.all(UNSETTLED, args![limit]).await?.iter().map(unsettled_row).collect()
    }
}

fn unsettled_row(row: &Row) -> Result<UnsettledRow> {
    Ok(UnsettledRow {
        request: row.parse("request_id")?,
        attempt: row.get("attempt")?,
        node: row.parse("node_id")?,
        workspace: row.parse("workspace_id")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        started_at: row.time("started_at")?,
        cost: row.money_opt("cost_micro_usd", "cost_pico_rest")?,
    })
}

pub(in crate::system) fn budget_row(row: &Row) -> Result<BudgetRow> {
    Ok(BudgetRow {
        scope: row.get("scope")?,
        period_start: row.time("period_start")?,
        period_end: row.time("period_end")?,
        spent: row.money("spent_micro", "spent_rest")?,
        forgotten: row.money("forgotten_micro", "forgotten_rest")?,
    })
}

const OFFSETS: &str = "select node_id, segment, offset_bytes
    from journal_offsets
    order by node_id";

/// Two short indexes, however long the ledger is.
const UNENDED: &str = "select node_id, 'open' as state, count(*) as attempts,
        min(started_at) as oldest
    from attempts
    where state = 'open'
    group by node_id
    union all
    select node_id, 'unsettled' as state, count(*) as attempts, min(started_at) as oldest
    from attempts
    where state = 'unsettled'
    group by node_id
    order by 1, 2";

const BUDGETS: &str = "select scope, period_start, period_end, spent_micro, spent_rest,
        forgotten_micro, forgotten_rest
    from budgets
    where period_end > $1
    order by scope, period_start, period_end
    limit $2";

const LEASES: &str = "select scope, period_start, period_end, node_id, granted_micro, granted_rest,
        used_micro, used_rest
    from leases
    order by scope, period_start, period_end, node_id";

const UNSETTLED: &str = "select request_id, attempt, node_id, workspace_id, provider, model,
        started_at, cost_micro_usd, cost_pico_rest
    from attempts
    where state = 'unsettled'
    order by started_at desc, request_id desc, attempt desc
    limit $1";

const LEFT: &str = "select request_id, attempt, node_id, workspace_id, provider, model, started_at,
        cost_micro_usd, cost_pico_rest
    from attempts
    where state = 'unsettled' and node_id = $1 and settled_at = $2
    order by workspace_id, started_at, request_id, attempt
    limit $3";

const SPENT_BY_KIND: &str = "select
        case when scope like 'gk_%' then 'gk' when scope like 'prj_%' then 'prj'
            when scope like 'ws_%' then 'ws' else 'pool' end as kind,
        cast(sum(spent_micro) as bigint) as micro,
        cast(sum(spent_rest) as bigint) as rest
    from budgets
    where period_end > $1
    group by kind";
