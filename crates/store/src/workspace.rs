//! Everything that belongs to one tenant. Each query here carries the workspace's id, by construction.

mod attempts;
mod gateway_keys;
mod invitations;
mod members;
mod projects;
mod provider_keys;
mod secrets;
mod uploads;
mod usage;

use model::{Settings, Timestamp, WorkspaceId};

use crate::db::{Db, args};
use crate::{Result, WorkspaceWrite};

pub use attempts::{
    AttemptFilter, AttemptPlace, AttemptsPage, EDGE_OF_ATTEMPTS, PAGE_OF_ATTEMPTS,
    PAGE_OF_FILTERED, PAGE_OF_UNSETTLED,
};
pub use gateway_keys::{GatewayKeyRow, PreviousToken};
pub use invitations::InvitationRow;
pub use members::MemberRow;
pub use projects::ProjectRow;
pub use provider_keys::{Health, PROVIDER_KEY_FIELD, Probe, ProviderKeyRow, Validation};
pub use secrets::{SECRET_FIELD, SecretRow};
pub use uploads::UploadRow;
pub use usage::{USAGE_BY_HOUR, USAGE_SUMS, UsageFilter, UsageRow, UsageSums};

pub(crate) use gateway_keys::gateway_key_row;
pub(crate) use invitations::invitation_row;
pub(crate) use usage::usage_sums;

/// Reads of one tenant.
pub struct Workspace<'a> {
    pub(crate) db: &'a Db,
    pub(crate) id: WorkspaceId,
}

#[derive(Clone, Debug)]
pub struct WorkspaceRow {
    pub id: WorkspaceId,
    pub name: String,
    /// The name of one in the configuration.
    pub plan: String,
    pub settings: Settings,
    /// Rises with every change that a person makes.
    pub version: i64,
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

impl WorkspaceWrite<'_> {
    /// Until the commit nobody else changes who belongs to it. Comes before any other lock, so that no two changes can
    /// wait for each other. Whether there is such a workspace.
    pub async fn lock(&mut self) -> Result<bool> {
        Ok(self.tx.one(LOCK, args![self.id]).await?.is_some())
    }

    /// The row as it is, locked until the commit, with the version that `save` will give it.
    pub async fn touch(&mut self) -> Result<Option<WorkspaceRow>> {
        let row = self.tx.one(TOUCH, args![self.id]).await?;
        row.as_ref().map(workspace_row).transpose()
    }

    pub async fn save(&mut self, row: &WorkspaceRow) -> Result<()> {
        self.tx.run(SAVE, args![self.id, &row.name, &row.plan, &row.settings]).await?;
        Ok(())
    }

    /// With all that belongs to it, its salt included: what was sealed under it opens nowhere any more.
    pub async fn delete(&mut self) -> Result<bool> {
        Ok(self.tx.run(DELETE, args![self.id]).await? > 0)
    }
}

pub(crate) fn workspace_row(row: &crate::db::Row) -> Result<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: row.parse("workspace_id")?,
        name: row.get("name")?,
        plan: row.get("plan")?,
        settings: row.json("settings")?,
        version: row.get("version")?,
        salt: row.get("salt")?,
        created_at: row.time("created_at")?,
    })
}

const BY_ID: &str = "select id as workspace_id, name, plan, settings, version, salt, created_at
    from workspaces
    where id = $1";

const LOCK: &str = "update workspaces
    set name = name
    where id = $1
    returning id as workspace_id";

const TOUCH: &str = "update workspaces
    set version = version + 1
    where id = $1
    returning id as workspace_id, name, plan, settings, version, salt, created_at";

const SAVE: &str = "update workspaces
    set name = $2, plan = $3, settings = $4
    where id = $1";

const DELETE: &str = "delete from workspaces
    where id = $1";
