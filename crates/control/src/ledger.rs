//! The books of the instance, for whoever runs it: how far the journals are folded in, what is leased to whom, and whether
//! every sum is what it is a sum of. Works on a database alone, so that it also works while no gateway runs.

mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use model::{NodeId, PicoUsd, RequestId, Timestamp, WorkspaceId};
use serde::Serialize;
use store::journal::{Position, known_node_id, undrained_on_disk};
use store::system::{BudgetRow, LeaseRow, UnsettledRow};
use store::{Store, StoreError};

use crate::nodes::SILENT_MAX;

pub use verify::{Finding, verify_ledger};

#[derive(Serialize)]
pub struct LedgerStatus {
    /// One for each node that the ledger knows of.
    pub journals: Vec<JournalStatus>,
    pub budgets: Vec<BudgetStatus>,
    pub leases: Vec<LeaseStatus>,
}

#[derive(Serialize)]
pub struct JournalStatus {
    pub node: NodeId,
    pub is_alive: bool,
    pub seen_at: Option<Timestamp>,
    /// How far it is folded in.
    pub segment: i64,
    pub offset_bytes: i64,
    /// On disk and not folded in; known of the journal of this machine only.
    pub undrained_bytes: Option<u64>,
    pub open: i64,
    pub unsettled: i64,
    pub leased_micro_usd: i64,
}

/// In micro-USD; of a workspace's pool, in tokens.
#[derive(Serialize)]
pub struct BudgetStatus {
    pub scope: String,
    pub period_start: Timestamp,
    /// Null where it never ends.
    pub period_end: Option<Timestamp>,
    pub spent_micro_usd: i64,
    /// The part of it that no attempt shows.
    pub forgotten_micro_usd: i64,
    pub leased_micro_usd: i64,
}

#[derive(Serialize)]
pub struct LeaseStatus {
    pub scope: String,
    pub period_start: Timestamp,
    pub node: NodeId,
    pub granted_micro_usd: i64,
    pub used_micro_usd: i64,
}

#[derive(Serialize)]
pub struct UnsettledView {
    pub request_id: RequestId,
    pub attempt: i64,
    pub node: NodeId,
    pub workspace_id: WorkspaceId,
    pub provider: String,
    pub model: String,
    pub started_at: Timestamp,
    /// What it is charged.
    pub cost_micro_usd: Option<i64>,
}

const BUDGETS_MAX: u32 = 10_000;

/// `data_dir` is this machine's: its journal's files are measured, not opened.
pub async fn ledger_status(
    store: &Store,
    data_dir: &Path,
    now: Timestamp,
) -> Result<LedgerStatus, StoreError> {
    let system = store.system();
    let leases = system.leases().await?;
    let mut journals = journals(store, &leases, now).await?;
    if let Some(here) = known_node_id(data_dir) {
        measure(&mut journals, here, data_dir)?;
    }
    let budgets = system.budgets(now, BUDGETS_MAX).await?;
    Ok(LedgerStatus {
        journals,
        budgets: budgets.iter().map(|budget| budget_status(budget, &leases)).collect(),
        leases: leases.iter().map(lease_status).collect(),
    })
}

/// The newest first.
pub async fn unsettled_attempts(
    store: &Store,
    limit: u32,
) -> Result<Vec<UnsettledView>, StoreError> {
    let view = |row: UnsettledRow| UnsettledView {
        request_id: row.request,
        attempt: row.attempt,
        node: row.node,
        workspace_id: row.workspace,
        provider: row.provider,
        model: row.model,
        started_at: row.started_at,
        cost_micro_usd: row.cost.map(|cost| cost.rounded().0),
    };
    Ok(store.system().unsettled(limit).await?.into_iter().map(view).collect())
}

async fn journals(
    store: &Store,
    leases: &[LeaseRow],
    now: Timestamp,
) -> Result<Vec<JournalStatus>, StoreError> {
    let system = store.system();
    let mut journals: BTreeMap<NodeId, JournalStatus> = BTreeMap::new();
    for row in system.nodes().await? {
        let journal = journals.entry(row.id).or_insert_with(|| JournalStatus::of(row.id));
        journal.is_alive = now.since(row.seen_at) <= SILENT_MAX;
        journal.seen_at = Some(row.seen_at);
    }
    for row in system.journal_offsets().await? {
        let journal = journals.entry(row.node).or_insert_with(|| JournalStatus::of(row.node));
        (journal.segment, journal.offset_bytes) = (row.segment, row.offset_bytes);
    }
    for row in system.unended_attempts().await? {
        let journal = journals.entry(row.node).or_insert_with(|| JournalStatus::of(row.node));
        match row.state.as_str() {
            "open" => journal.open = row.attempts,
            _ => journal.unsettled = row.attempts,
        }
    }
    for row in leases {
        let journal = journals.entry(row.node).or_insert_with(|| JournalStatus::of(row.node));
        let leased = row.outstanding().rounded().0;
        journal.leased_micro_usd = journal.leased_micro_usd.saturating_add(leased);
    }
    Ok(journals.into_values().collect())
}

fn measure(
    journals: &mut Vec<JournalStatus>,
    here: NodeId,
    data_dir: &Path,
) -> Result<(), StoreError> {
    if !journals.iter().any(|journal| journal.node == here) {
        journals.push(JournalStatus::of(here));
    }
    for journal in journals.iter_mut().filter(|journal| journal.node == here) {
        let position = |number| u64::try_from(number).unwrap_or_default();
        let drained =
            Position { segment: position(journal.segment), offset: position(journal.offset_bytes) };
        journal.undrained_bytes = Some(undrained_on_disk(&data_dir.join("journal"), drained)?);
    }
    Ok(())
}

impl JournalStatus {
    /// Of which nothing is known yet.
    const fn of(node: NodeId) -> Self {
        Self {
            node,
            is_alive: false,
            seen_at: None,
            segment: 0,
            offset_bytes: 0,
            undrained_bytes: None,
            open: 0,
            unsettled: 0,
            leased_micro_usd: 0,
        }
    }
}

fn budget_status(budget: &BudgetRow, leases: &[LeaseRow]) -> BudgetStatus {
    let never = Timestamp::from_unix_ms(i64::MAX);
    BudgetStatus {
        scope: budget.scope.clone(),
        period_start: budget.period_start,
        period_end: Some(budget.period_end).filter(|end| *end != never),
        spent_micro_usd: budget.spent.rounded().0,
        forgotten_micro_usd: budget.forgotten.rounded().0,
        leased_micro_usd: leased(budget, leases).rounded().0,
    }
}

/// What nodes may still spend of a budget without asking.
fn leased(budget: &BudgetRow, leases: &[LeaseRow]) -> PicoUsd {
    let of_budget = |lease: &&LeaseRow| {
        lease.scope == budget.scope
            && lease.period_start == budget.period_start
            && lease.period_end == budget.period_end
    };
    let sum = |sum: i128, lease: &LeaseRow| sum.saturating_add(lease.outstanding().0);
    PicoUsd(leases.iter().filter(of_budget).fold(0, sum))
}

fn lease_status(row: &LeaseRow) -> LeaseStatus {
    LeaseStatus {
        scope: row.scope.clone(),
        period_start: row.period_start,
        node: row.node,
        granted_micro_usd: row.granted.rounded().0,
        used_micro_usd: row.used.rounded().0,
    }
}
