//! The processes of the instance: each says every few seconds that it is there, and which master keys it holds.

use std::time::Duration;

use model::{Code, NodeId, Refusal, Timestamp};
use serde::Serialize;
use serde_json::json;
use store::StoreError;
use store::system::NodeRow;
use utoipa::ToSchema;

use crate::{Control, Operator, Page, PageWish};

/// This process.
pub struct Node {
    pub id: NodeId,
    pub version: &'static str,
    pub started_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct NodeView {
    pub id: NodeId,
    /// Of the program.
    pub version: String,
    /// The versions of the master key it holds.
    pub master_keys: Vec<u32>,
    pub started_at: Timestamp,
    /// Every fifteen seconds, as long as it runs.
    pub seen_at: Timestamp,
    pub is_alive: bool,
}

/// Whether something is done although it looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forcing {
    No,
    Yes,
}

#[derive(Serialize, ToSchema)]
pub struct ForgottenNodeView {
    pub id: NodeId,
    /// What it had begun, charged now as after a crash.
    pub unsettled_attempts: u64,
    /// What it had leased and counts as spent now, of how many caps.
    pub leases: usize,
}

/// A few reports may be late: a busy database, a long pause of the machine.
pub(crate) const SILENT_MAX: Duration = Duration::from_secs(60);
/// A node that was replaced is of interest for a while.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

impl Control {
    /// Tells all nodes that this one runs, and how many there are with it.
    pub async fn report_node(&self) -> Result<u32, StoreError> {
        let now = self.clock.now();
        let row = NodeRow {
            id: self.node.id,
            version: self.node.version.to_owned(),
            keys: self.right_versions().await?,
            started_at: self.node.started_at,
            seen_at: now,
        };
        let mut write = self.store.write().await?;
        write.set_node(&row).await?;
        write.delete_nodes(now.minus(KEPT)).await?;
        write.commit(now).await?;
        let nodes = self.store.system().nodes().await?;
        let alive = nodes.iter().filter(|row| now.since(row.seen_at) <= SILENT_MAX).count();
        Ok(u32::try_from(alive).unwrap_or(u32::MAX).max(1))
    }

    pub async fn nodes(
        &self,
        _operator: &Operator,
        wish: PageWish,
    ) -> Result<Page<NodeView>, Refusal> {
        let now = self.clock.now();
        let rows = self.store.system().nodes().await?;
        let view = |row: NodeRow| NodeView {
            id: row.id,
            version: row.version,
            master_keys: row.keys.into_iter().map(|version| version.0).collect(),
            started_at: row.started_at,
            seen_at: row.seen_at,
            is_alive: now.since(row.seen_at) <= SILENT_MAX,
        };
        Ok(wish.cut(rows, |row| row.id.to_string(), view))
    }
    /// For a node whose data is lost. One that may still run would go on spending what is booked here.
    pub async fn forget_node(
        &self,
        operator: &Operator,
        id: &str,
        whether: Forcing,
    ) -> Result<ForgottenNodeView, Refusal> {
        let id: NodeId = id.parse().map_err(|_| Refusal::not_found())?;
        let now = self.clock.now();
        let system = self.store.system();
        let row = system.nodes().await?.into_iter().find(|row| row.id == id);
        let leases = system.leases().await?.iter().filter(|lease| lease.node == id).count();
        let unended = system.unended_attempts().await?;
        let is_known = row.is_some()
            || leases > 0
            || unended.iter().any(|row| row.node == id && row.state == "open");
        if !is_known {
            return Err(Refusal::not_found());
        }
        if id == self.node.id {
            return Err(Refusal::new(Code::Conflict, "this is the node that answers you"));
        }
        let silent = row.map_or(Duration::MAX, |row| now.since(row.seen_at));
        if silent <= SILENT_MAX && whether == Forcing::No {
            let public = format!(
                "node {id} was seen {} s ago: stop it first, or force it if it is gone for sure",
                silent.as_secs()
            );
            return Err(Refusal::new(Code::Conflict, public));
        }
        let mut write = self.store.write().await?;
        let unsettled_attempts = write.forget_node(id, now).await?;
        let detail = json!({ "unsettled_attempts": unsettled_attempts, "leases": leases });
        write.audit(operator.doer(), None, "node.forgotten", id, detail);
        write.commit(now).await?;
        self.notice_unsettled(id, now).await?;
        Ok(ForgottenNodeView { id, unsettled_attempts, leases })
    }
}
