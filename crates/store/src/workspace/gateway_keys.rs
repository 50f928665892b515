//! What applications send us: hashes of tokens, never tokens, and what each may do.

use model::{GatewayKeyId, ProjectId, ScopeSet, Timestamp, UserId, WorkspaceId};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, StoreError, WorkspaceWrite};

#[derive(Clone, Debug)]
pub struct GatewayKeyRow {
    pub id: GatewayKeyId,
    pub workspace: WorkspaceId,
    /// Absent for a key of the whole workspace.
    pub project: Option<ProjectId>,
    pub owner: UserId,
    pub name: String,
    pub token_hash: Vec<u8>,
    /// The first characters of the token, for people to tell keys apart.
    pub shown: String,
    pub scopes: ScopeSet,
    /// Absent: every model the workspace can reach.
    pub allowed_models: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewGatewayKey {
    pub id: GatewayKeyId,
    pub project: Option<ProjectId>,
    pub owner: UserId,
    pub name: String,
    pub token_hash: Vec<u8>,
    pub shown: String,
    pub scopes: ScopeSet,
    pub allowed_models: Option<Vec<String>>,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Workspace<'_> {
    /// Of the whole workspace, or of one project.
    pub async fn gateway_keys(&self, project: Option<ProjectId>) -> Result<Vec<GatewayKeyRow>> {
        let rows = match project {
            None => self.db.all(ALL, args![self.id]).await?,
            Some(project) => self.db.all(OF_PROJECT, args![self.id, project]).await?,
        };
        rows.iter().map(gateway_key_row).collect()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_gateway_key(&mut self, key: &NewGatewayKey) -> Result<()> {
        let allowed_models =
            key.allowed_models.as_ref().map(|models| serde_json::json!(models).to_string());
        let args = args![
            key.id,
            self.id,
            key.project,
            key.owner,
            &key.name,
            key.token_hash.as_slice(),
            &key.shown,
            &key.scopes,
            allowed_models.as_deref(),
            key.expires_at,
            key.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    /// The hash the key was cached under, if there was one to revoke. Revoking twice keeps the first time.
    pub async fn revoke_gateway_key(
        &mut self,
        project: Option<ProjectId>,
        id: GatewayKeyId,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>> {
        let row = match project {
            None => self.tx.one(REVOKE, args![self.id, id, now]).await?,
            Some(project) => {
                self.tx.one(REVOKE_IN_PROJECT, args![self.id, id, now, project]).await?
            }
        };
        row.map(|row| row.get("token_hash")).transpose()
    }
}

pub(crate) fn gateway_key_row(row: &Row) -> Result<GatewayKeyRow> {
    let allowed_models: Option<String> = row.get("allowed_models")?;
    let allowed_models = allowed_models
        .map(|json| serde_json::from_str(&json))
        .transpose()
        .map_err(|_| StoreError::Corrupt { column: "allowed_models" })?;
    Ok(GatewayKeyRow {
        id: row.parse("id")?,
        workspace: row.parse("workspace_id")?,
        project: row.parse_opt("project_id")?,
        owner: row.parse("user_id")?,
        name: row.get("name")?,
        token_hash: row.get("token_hash")?,
        shown: row.get("shown")?,
        scopes: row.parse("scopes")?,
        allowed_models,
        expires_at: row.time_opt("expires_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        created_at: row.time("created_at")?,
    })
}

const ALL: &str = "select id, workspace_id, project_id, user_id, name, token_hash, shown, scopes,
        allowed_models, expires_at, revoked_at, created_at
    from gateway_keys
    where workspace_id = $1 and project_id is null
    order by created_at, id";

const OF_PROJECT: &str = "select id, workspace_id, project_id, user_id, name, token_hash, shown,
        scopes, allowed_models, expires_at, revoked_at, created_at
    from gateway_keys
    where workspace_id = $1 and project_id = $2
    order by created_at, id";

const INSERT: &str = "insert into gateway_keys (id, workspace_id, project_id, user_id, name,
        token_hash, shown, scopes, allowed_models, expires_at, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const REVOKE: &str = "update gateway_keys
    set revoked_at = coalesce(revoked_at, $3)
    where workspace_id = $1 and id = $2 and project_id is null
    returning token_hash";

const REVOKE_IN_PROJECT: &str = "update gateway_keys
    set revoked_at = coalesce(revoked_at, $3)
    where workspace_id = $1 and id = $2 and project_id = $4
    returning token_hash";
