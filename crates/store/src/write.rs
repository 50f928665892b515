//! One unit of change. A change whose audit row cannot be written does not happen.

use std::sync::Arc;

use model::{Actor, Timestamp, WorkspaceId};

use crate::db::{Tx, args};
use crate::{Bus, Change, Result, StoreError};

/// Dropped without `commit`, nothing happened.
#[must_use = "nothing happens before `commit`"]
pub struct Write {
    pub(crate) tx: Tx,
    bus: Arc<Bus>,
    changes: Vec<Change>,
    audit: Vec<AuditRow>,
}

/// Who did what to what. `detail` is JSON and never holds a value.
struct AuditRow {
    workspace: Option<WorkspaceId>,
    actor: Actor,
    action: &'static str,
    subject: String,
    detail: serde_json::Value,
}

/// The same unit, seen from inside one tenant.
pub struct WorkspaceWrite<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) id: WorkspaceId,
}

impl Write {
    pub(crate) fn new(tx: Tx, bus: Arc<Bus>) -> Self {
        Self { tx, bus, changes: Vec::new(), audit: Vec::new() }
    }

    pub fn workspace(&mut self, id: WorkspaceId) -> WorkspaceWrite<'_> {
        WorkspaceWrite { tx: &mut self.tx, id }
    }

    /// Tells every node to forget what it cached.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub fn audit(
        &mut self,
        actor: Actor,
        workspace: Option<WorkspaceId>,
        action: &'static str,
        subject: impl ToString,
        detail: serde_json::Value,
    ) {
        let subject = subject.to_string();
        self.audit.push(AuditRow { workspace, actor, action, subject, detail });
    }

    /// Commits, and on this node applies the news before returning.
    pub async fn commit(mut self, now: Timestamp) -> Result<()> {
        let numbers = i64::try_from(self.changes.len() + self.audit.len()).unwrap_or(i64::MAX);
        if numbers > 0 {
            // The counter's row lock is held from here to the commit, so it comes last.
            let row = self.tx.one(TAKE_NUMBERS, args![numbers]).await?;
            let row = row.ok_or(StoreError::Corrupt { column: "seq" })?;
            let last: i64 = row.get("seq")?;
            let mut seq = last.saturating_sub(numbers);
            for change in &self.changes {
                seq = seq.saturating_add(1);
                let kind = change.kind.to_string();
                let args = args![seq, &kind, change.workspace, &change.subject, now];
                self.tx.run(INSERT_CHANGE, args).await?;
            }
            for row in &self.audit {
                seq = seq.saturating_add(1);
                let detail = row.detail.to_string();
                let args =
                    args![seq, row.workspace, now, row.actor, row.action, &row.subject, &detail];
                self.tx.run(INSERT_AUDIT, args).await?;
            }
        }
        // A caller that goes away between the commit and the news must not leave stale caches behind: the task does
        // both, whoever waits for it. A commit that failed may have happened, its answer lost on the way; forgetting
        // costs a lookup, so the news is applied either way.
        let Self { tx, bus, changes, .. } = self;
        let committed = tokio::spawn(async move {
            let committed = tx.commit().await;
            changes.iter().for_each(|change| bus.apply(change));
            committed
        });
        committed.await.unwrap_or(Err(StoreError::Interrupted))
    }
}

const TAKE_NUMBERS: &str = "update change_counter
    set seq = seq + $1
    where one = 1
    returning seq";

const INSERT_CHANGE: &str = "insert into changes (seq, kind, workspace_id, subject, at)
    values ($1, $2, $3, $4, $5)";

const INSERT_AUDIT: &str =
    "insert into audit (seq, workspace_id, at, actor, action, subject, detail)
    values ($1, $2, $3, $4, $5, $6, $7)";
