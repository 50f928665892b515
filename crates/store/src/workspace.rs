//! Everything that belongs to one tenant. Each query here carries the workspace's id, by construction.

mod gateway_keys;
mod members;
mod projects;
mod provider_keys;

use model::{Timestamp, WorkspaceId};

use crate::Result;
use crate::db::{Db, args};

pub use gateway_keys::{GatewayKeyRow, NewGatewayKey};
pub use members::MemberRow;
pub use projects::ProjectRow;
pub use provider_keys::{Health, PROVIDER_KEY_FIELD, ProviderKeyRow, Validation};

pub(crate) use gateway_keys::gateway_key_row;

/// Reads of one tenant.
pub struct Workspace<'a> {
    pub(crate) db: &'a Db,
    pub(crate) id: WorkspaceId,
}

#[derive(Clone, Debug)]
pub struct WorkspaceRow {
    pub id: WorkspaceId,
    pub name: String,
    /// Makes the workspace's key; destroying it destroys every value sealed under it.
    pub salt: Vec<u8>,
    pub created_at: Timestamp,
}

impl Workspace<'_> {
    pub async fn row(&self) -> Result<Option<WorkspaceRow>> {
        let row = self.db.one(BY_ID, args![self.id]).await?;
        row.as_ref().map(workspace_row).transpose()
    }
}

pub(crate) fn workspace_row(row: &crate::db::Row) -> Result<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: row.parse("workspace_id")?,
        name: row.get("name")?,
        salt: row.get("salt")?,
        created_at: row.time("created_at")?,
    })
}

const BY_ID: &str = "select id as workspace_id, name, salt, created_at
    from workspaces
    where id = $1";
