//! The processes that serve this database, as each says of itself every few seconds.

use model::{KeyVersion, NodeId, Timestamp};

use super::{System, settle_orphans};
use crate::budget::lease;
use crate::db::{Row, args};
use crate::{Result, Write};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    pub id: NodeId,
    /// Of the program.
    pub version: String,
    /// The versions of the master key it holds.
    pub keys: Vec<KeyVersion>,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

impl System<'_> {
    /// In the order of their ids. A node that ended is among them until it is deleted.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>> {
        self.db.all(ALL, args![]).await?.iter().map(node_row).collect()
    }
}

impl Write {
    pub async fn set_node(&mut self, node: &NodeRow) -> Result<()> {
        let keys: Vec<u32> = node.keys.iter().map(|version| version.0).collect();
        let keys = serde_json::json!(keys).to_string();
        let args = args![node.id, &node.version, &keys, node.started_at, node.seen_at];
        self.tx.run(SET, args).await?;
        Ok(())
    }

    /// One whose data is lost: what it had begun is charged as after a crash, and what it had leased counts as spent.
    /// Returns how many attempts it left.
    pub async fn forget_node(&mut self, id: NodeId, now: Timestamp) -> Result<u64> {
        let orphans = settle_orphans(&mut self.tx, id, now).await?;
        lease::forget(&mut self.tx, id).await?;
        self.tx.run(DELETE, args![id]).await?;
        Ok(orphans)
    }

    /// Those that nobody has heard of since.
    pub async fn delete_nodes(&mut self, before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_OLD, args![before]).await?;
        Ok(())
    }
}

fn node_row(row: &Row) -> Result<NodeRow> {
    let keys: Vec<u32> = row.json("keys")?;
    Ok(NodeRow {
        id: row.parse("id")?,
        version: row.get("version")?,
        keys: keys.into_iter().map(KeyVersion).collect(),
        started_at: row.time("started_at")?,
        seen_at: row.time("seen_at")?,
    })
}

const ALL: &str = "select id, version, keys, started_at, seen_at
    from nodes
    order by id";

const SET: &str = "insert into nodes (id, version, keys, started_at, seen_at)
    values ($1, $2, $3, $4, $5)
    on conflict (id) do update
    set version = excluded.version, keys = excluded.keys, started_at = excluded.started_at,
        seen_at = excluded.seen_at";

const DELETE: &str = "delete from nodes
    where id = $1";

const DELETE_OLD: &str = "delete from nodes
    where seen_at < $1";
