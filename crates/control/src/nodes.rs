//! The processes of the instance: each says every few seconds that it is there, and which master keys it holds.

use std::time::Duration;

use model::{NodeId, Refusal, Timestamp};
use serde::Serialize;
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
}
