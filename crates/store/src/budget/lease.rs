//! Leases in the database: how much of what is left of a cap a node may spend without asking. Nobody ever holds more than the
//! cap leaves, whatever other nodes do at the same time: the budget's row is locked from the first look to the commit.

use model::{CapScope, NodeId, Period, PicoUsd, Timestamp, WorkspaceId};

use crate::db::{Row, Tx, Value, args};
use crate::{Result, Store, Write};

/// What a node asks for.
pub struct Ask {
    pub scope: CapScope,
    pub workspace: WorkspaceId,
    pub period: Period,
    pub node: NodeId,
    pub cap: PicoUsd,
    /// Spent or held by the node: its lease is not cut below this.
    pub bound: PicoUsd,
    pub aim: Aim,
    /// Among so many nodes the rest is shared. One takes everything.
    pub share_of: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// All that is neither spent nor held goes back.
    GiveBack,
    /// Whatever is more than a share goes back.
    Share,
    /// So much is needed beyond what is spent or held. Takes nothing from the node that its cap still allows.
    Spend(PicoUsd),
}

/// How things stand then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// To this node, in all.
    pub granted: PicoUsd,
    /// The part of it that is spent and folded in.
    pub used: PicoUsd,
    /// Under the cap, by all nodes.
    pub spent: PicoUsd,
    /// What other nodes may spend without asking.
    pub held_elsewhere: PicoUsd,
    /// The part of what is granted that the cap does not allow, and that is held all the same.
    pub excess: PicoUsd,
    /// Nothing is left of the cap.
    pub is_all: bool,
}

pub async fn adjust(store: &Store, ask: Ask) -> Result<Granted> {
    let mut tx = store.db().begin().await?;
    make_budget(&mut tx, &ask).await?;
    let (scope, period) = (ask.scope.to_string(), ask.period);
    // Locks the row, on both databases.
    let budget = tx.one(LOCK_BUDGET, args![&scope, period.start, period.end]).await?;
    let budget = budget.ok_or(crate::StoreError::Corrupt { column: "budgets" })?;
    let spent = budget.money("spent_micro", "spent_rest")?;
    let leases = tx.all(LEASES, args![&scope, period.start, period.end]).await?;
    let seen = seen(&ask, spent, &leases)?;
    let granted = grant(&ask, &seen);
    if granted.granted != seen.granted {
        let (micro, rest) = granted.granted.split();
        let args = args![&scope, period.start, period.end, ask.node, micro.0, i64::from(rest)];
        tx.run(PUT_LEASE, args).await?;
    }
    tx.commit().await?;
    Ok(granted)
}

/// Without changing anything.
pub async fn look(store: &Store, ask: &Ask) -> Result<Granted> {
    let (scope, period) = (ask.scope.to_string(), ask.period);
    let budget = store.db().one(BUDGET, args![&scope, period.start, period.end]).await?;
    let Some(budget) = budget else {
        let (sql, args) = sum(ask);
        let spent = money(store.db().one(sql, args).await?)?;
        return Ok(Granted { spent, ..Granted::default() });
    };
    let leases = store.db().all(LEASES, args![&scope, period.start, period.end]).await?;
    seen(ask, budget.money("spent_micro", "spent_rest")?, &leases)
}

pub async fn clear(store: &Store, node: NodeId) -> Result<()> {
    let mut tx = store.db().begin().await?;
    tx.run(CLEAR, args![node]).await?;
    tx.commit().await
}

/// A node whose data is lost: what it had leased counts as spent, since nobody knows better.
pub async fn forget(tx: &mut Tx, node: NodeId) -> Result<u64> {
    let mut forgotten = 0_u64;
    for row in tx.all(OF_NODE, args![node]).await? {
        let outstanding = outstanding(&row)?;
        let (scope, start, end): (String, i64, i64) =
            (row.get("scope")?, row.get("period_start")?, row.get("period_end")?);
        let (micro, rest) = PicoUsd(outstanding).split();
        tx.run(BOOK, args![&scope, start, end, micro.0, i64::from(rest)]).await?;
        forgotten = forgotten.saturating_add(u64::from(outstanding > 0));
    }
    tx.run(CLEAR, args![node]).await?;
    Ok(forgotten)
}

impl Write {
    /// Of periods that nobody spends in any more.
    pub async fn delete_ended_budgets(&mut self, before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_ENDED_LEASES, args![before]).await?;
        self.tx.run(DELETE_ENDED_BUDGETS, args![before]).await?;
        Ok(())
    }
}

fn seen(ask: &Ask, spent: PicoUsd, leases: &[Row]) -> Result<Granted> {
    let mut seen = Granted { spent, ..Granted::default() };
    let node = ask.node.to_string();
    for row in leases {
        if row.get::<String>("node_id")? == node {
            seen.granted = row.money("granted_micro", "granted_rest")?;
            seen.used = row.money("used_micro", "used_rest")?;
        } else {
            let held = seen.held_elsewhere.0.saturating_add(outstanding(row)?);
            seen.held_elsewhere = PicoUsd(held);
        }
    }
    Ok(seen)
}

/// Whoever overspent its lease has it all in what is spent.
fn outstanding(row: &Row) -> Result<i128> {
    let granted = row.money("granted_micro", "granted_rest")?;
    let used = row.money("used_micro", "used_rest")?;
    Ok(granted.0.saturating_sub(used.0).max(0))
}

/// Pure: what the node is granted from now on.
fn grant(ask: &Ask, seen: &Granted) -> Granted {
    let taken = seen.spent.0.saturating_add(seen.held_elsewhere.0);
    let room = ask.cap.0.saturating_sub(taken).max(0);
    let bound = ask.bound.0.saturating_sub(seen.used.0).max(0);
    let share = room / i128::from(ask.share_of).saturating_mul(2).max(1);
    let open = match (ask.aim, ask.share_of) {
        (Aim::GiveBack, _) => 0,
        (_, 0 | 1) => room,
        (Aim::Share, _) => share,
        // A share, in pieces of what is needed, so that no part too small for a call is left lying here. Near the cap it is less
        // than one piece, and then only that is taken.
        (Aim::Spend(wanted), _) => {
            let beyond = share.saturating_sub(bound).max(0);
            let rest = beyond.checked_rem(wanted.0).unwrap_or_default();
            let pieces = bound.saturating_add(beyond.saturating_sub(rest));
            let has = seen.granted.0.saturating_sub(seen.used.0);
            room.min(bound.saturating_add(wanted.0).max(pieces).max(has))
        }
    };
    let open = open.max(bound);
    Granted {
        granted: PicoUsd(seen.used.0.saturating_add(open)),
        excess: PicoUsd(open.saturating_sub(room).max(0)),
        is_all: open >= room,
        ..*seen
    }
}

/// One that is first reserved from begins with what the ledger already has.
async fn make_budget(tx: &mut Tx, ask: &Ask) -> Result<()> {
    let (scope, period) = (ask.scope.to_string(), ask.period);
    let is_there = tx.one(BUDGET, args![&scope, period.start, period.end]).await?.is_some();
    if is_there {
        return Ok(());
    }
    tx.lock_budgets().await?;
    let (sql, args) = sum(ask);
    let (micro, rest) = money(tx.one(sql, args).await?)?.split();
    let args = args![&scope, period.start, period.end, micro.0, i64::from(rest)];
    tx.run(MAKE_BUDGET, args).await?;
    Ok(())
}

/// What the ledger has of a scope in a period.
fn sum(ask: &Ask) -> (&'static str, Vec<Value>) {
    let (start, end) = (ask.period.start, ask.period.end);
    match ask.scope {
        CapScope::GatewayKey(id) => (SUM_OF_KEY, args![id, start, end]),
        CapScope::Pool(id) => (SUM_OF_POOL, args![id, start, end]),
        CapScope::Project(id) => (SUM_OF_PROJECT, args![id, start, end, ask.workspace]),
        CapScope::Workspace(id) => (SUM_OF_WORKSPACE, args![id, start, end]),
    }
}

fn money(row: Option<Row>) -> Result<PicoUsd> {
    row.map_or(Ok(PicoUsd(0)), |row| row.money("micro", "rest"))
}

const BUDGET: &str = "select spent_micro, spent_rest
    from budgets
    where scope = $1 and period_start = $2 and period_end = $3";

const LOCK_BUDGET: &str = "update budgets
    set spent_rest = spent_rest
    where scope = $1 and period_start = $2 and period_end = $3
    returning spent_micro, spent_rest";

const MAKE_BUDGET: &str = "insert into budgets (scope, period_start, period_end, spent_micro,
        spent_rest, forgotten_micro, forgotten_rest)
    values ($1, $2, $3, $4, $5, 0, 0)
    on conflict (scope, period_start, period_end) do nothing";

const LEASES: &str = "select node_id, granted_micro, granted_rest, used_micro, used_rest
    from leases
    where scope = $1 and period_start = $2 and period_end = $3";

const PUT_LEASE: &str = "insert into leases (scope, period_start, period_end, node_id,
        granted_micro, granted_rest, used_micro, used_rest)
    values ($1, $2, $3, $4, $5, $6, 0, 0)
    on conflict (scope, period_start, period_end, node_id) do update
    set granted_micro = excluded.granted_micro, granted_rest = excluded.granted_rest";

const CLEAR: &str = "delete from leases
    where node_id = $1";

const OF_NODE: &str = "select scope, period_start, period_end, granted_micro, granted_rest,
        used_micro, used_rest
    from leases
    where node_id = $1
    order by scope, period_start, period_end";

const BOOK: &str = "update budgets
    set spent_micro = spent_micro + $4 + (spent_rest + $5) / 1000000,
        spent_rest = (spent_rest + $5) % 1000000,
        forgotten_micro = forgotten_micro + $4 + (forgotten_rest + $5) / 1000000,
        forgotten_rest = (forgotten_rest + $5) % 1000000
    where scope = $1 and period_start = $2 and period_end = $3";

const DELETE_ENDED_LEASES: &str = "delete from leases
    where period_end < $1";

const DELETE_ENDED_BUDGETS: &str = "delete from budgets
    where period_end < $1";

const SUM_OF_KEY: &str = "select
        cast(coalesce(sum(cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(cost_pico_rest), 0) as bigint) as rest
    from usage_hours
    where gateway_key_id = $1 and hour >= $2 and hour < $3";

const SUM_OF_POOL: &str = "select
        cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) as micro,
        cast(0 as bigint) as rest
    from usage_hours
    where workspace_id = $1 and hour >= $2 and hour < $3 and payer = 'platform'";

const SUM_OF_PROJECT: &str = "select
        cast(coalesce(sum(cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(cost_pico_rest), 0) as bigint) as rest
    from usage_hours
    where project_id = $1 and hour >= $2 and hour < $3 and workspace_id = $4";

const SUM_OF_WORKSPACE: &str = "select
        cast(coalesce(sum(cost_micro_usd), 0) as bigint) as micro,
        cast(coalesce(sum(cost_pico_rest), 0) as bigint) as rest
    from usage_hours
    where workspace_id = $1 and hour >= $2 and hour < $3";

#[cfg(test)]
mod tests;
