//! What belongs to no tenant or to all of them: the only place with queries across tenants, each with its reason.

mod attempts;
mod instance;
mod people;

use model::ProjectId;

use crate::Result;
use crate::db::{Db, args};
use crate::workspace::{GatewayKeyRow, WorkspaceRow, gateway_key_row, workspace_row};

pub use attempts::AttemptRow;
pub use instance::{InstanceRow, InstanceSecretRow, KeyState, KeyringRow, SealCount};
pub use people::{SessionRow, UserRow};

pub(crate) use attempts::{fold, settle_orphans};

pub struct System<'a> {
    pub(crate) db: &'a Db,
}

impl System<'_> {
    /// Across tenants, because the token is all a caller gives: the hash decides the tenant.
    pub async fn gateway_key_by_hash(&self, hash: &[u8]) -> Result<Option<GatewayKeyRow>> {
        let row = self.db.one(GATEWAY_KEY_BY_HASH, args![hash]).await?;
        row.as_ref().map(gateway_key_row).transpose()
    }

    /// Across tenants, because some routes name only the project.
    pub async fn workspace_of_project(&self, project: ProjectId) -> Result<Option<WorkspaceRow>> {
        let row = self.db.one(WORKSPACE_OF_PROJECT, args![project]).await?;
        row.as_ref().map(workspace_row).transpose()
    }
}

const GATEWAY_KEY_BY_HASH: &str = "select id, workspace_id, project_id, user_id, name, token_hash,
        shown, scopes, allowed_models, expires_at, revoked_at, created_at
    from gateway_keys
    where token_hash = $1";

const WORKSPACE_OF_PROJECT: &str = "select w.id as workspace_id, w.name, w.salt, w.created_at
    from projects p
    join workspaces w on w.id = p.workspace_id
    where p.id = $1";
