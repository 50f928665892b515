//! One unit of change. A change whose audit row cannot be written does not happen.

use std::sync::Arc;

use model::{Doer, Timestamp, WorkspaceId};

use crate::audit::{Chains, NewAuditRow};
use crate::db::{Tx, args};
use crate::{Bus, Chain, Change, Result, StoreError};

/// Dropped without `commit`, nothing happened.
#[must_use = "nothing happens before `commit`"]
pub struct Write {
    pub(crate) tx: Tx,
    bus: Arc<Bus>,
    chain: Option<Arc<dyn Chain>>,
    changes: Vec<Change>,
    audit: Vec<NewAuditRow>,
}

/// The same unit, seen from inside one tenant.
pub struct WorkspaceWrite<'a> {
    pub(crate) tx: &'a mut Tx,
    pub(crate) id: WorkspaceId,
}

impl Write {
    pub(crate) fn new(tx: Tx, bus: Arc<Bus>, chain: Option<Arc<dyn Chain>>) -> Self {
        Self { tx, bus, chain, changes: Vec::new(), audit: Vec::new() }
    }

    pub fn workspace(&mut self, id: WorkspaceId) -> WorkspaceWrite<'_> {
        WorkspaceWrite { tx: &mut self.tx, id }
    }

    /// Tells every node to forget what it cached.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Who did what to what, from where. `detail` never holds a value.
    pub fn audit(
        &mut self,
        doer: Doer,
        workspace: Option<WorkspaceId>,
        action: &'static str,
        subject: impl ToString,
        detail: serde_json::Value,
    ) {
        let subject = subject.to_string();
        self.audit.push(NewAuditRow { workspace, doer, action, subject, detail });
    }

    /// Commits, and on this node applies the news before returning.
    pub async fn commit(mut self, now: Timestamp) -> Result<()> {
        let numbers = i64::try_from(self.changes.len() + self.audit.len()).unwrap_or(i64::MAX);
        if numbers > 0 {
            self.number(numbers, now).await?;
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

    /// The counter's row lock is held from here to the commit, so this comes last; it makes the audit's chains grow
    /// one commit at a time.
    async fn number(&mut self, numbers: i64, now: Timestamp) -> Result<()> {
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
        if !self.changes.is_empty() {
            self.tx.notify().await?;
        }
        if self.audit.is_empty() {
            return Ok(());
        }
        let chain = self.chain.clone().ok_or(StoreError::Unchained)?;
        let mut chains = Chains::new(&*chain);
        for row in self.audit.drain(..) {
            seq = seq.saturating_add(1);
            chains.append(&mut self.tx, seq, row, now).await?;
        }
        chains.close(&mut self.tx).await
    }
}

const TAKE_NUMBERS: &str = "update change_counter
    set seq = seq + $1
    where one = 1
    returning seq";

const INSERT_CHANGE: &str = "insert into changes (seq, kind, workspace_id, subject, at)
    values ($1, $2, $3, $4, $5)";
