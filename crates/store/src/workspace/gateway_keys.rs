//! What applications send us: hashes of tokens, never tokens, and what each may do.

use model::{GatewayKeyId, KeyPolicy, ProjectId, ScopeSet, Timestamp, UserId, WorkspaceId};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug)]
pub struct GatewayKeyRow {
    pub id: GatewayKeyId,
    pub workspace: WorkspaceId,
    /// Absent for a key of the whole workspace.
    pub project: Option<ProjectId>,
    pub owner: UserId,
    pub name: String,
    pub token_hash: Vec<u8>,
    /// The token before the last rotation, and until when it lives.
    pub previous: Option<PreviousToken>,
    /// The first characters of the token, for people to tell keys apart.
    pub shown: String,
    pub scopes: ScopeSet,
    pub policy: KeyPolicy,
    pub version: i64,
    pub expires_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousToken {
    pub hash: Vec<u8>,
    pub until: Timestamp,
}

impl GatewayKeyRow {
    /// Whether a token with this hash opens the door now.
    pub fn is_alive(&self, hash: &[u8], now: Timestamp) -> bool {
        let current = self.token_hash == hash;
        let overlapping =
            self.previous.as_ref().is_some_and(|old| old.hash == hash && old.until > now);
        (current || overlapping) && self.is_usable(now)
    }

    /// Whatever the token.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.blocked_at.is_none()
            && self.expires_at.is_none_or(|expiry| expiry > now)
    }

    /// Every hash under which it may be cached.
    pub fn hashes(&self) -> impl Iterator<Item = &[u8]> {
        let previous = self.previous.as_ref().map(|old| old.hash.as_slice());
        std::iter::once(self.token_hash.as_slice()).chain(previous)
    }
}

impl Workspace<'_> {
    /// Of the whole workspace, or of one project; in the order they were made, from after `after`.
    pub async fn gateway_keys(
        &self,
        project: Option<ProjectId>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<GatewayKeyRow>> {
        let rows = match project {
            None => self.db.all(ALL, args![self.id, after, limit]).await?,
            Some(project) => self.db.all(OF_PROJECT, args![self.id, after, limit, project]).await?,
        };
        rows.iter().map(gateway_key_row).collect()
    }

    pub async fn gateway_key(&self, id: GatewayKeyId) -> Result<Option<GatewayKeyRow>> {
        self.db.one(BY_ID, args![self.id, id]).await?.as_ref().map(gateway_key_row).transpose()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_gateway_key(&mut self, key: &GatewayKeyRow) -> Result<()> {
        let args = args![
            key.id,
            self.id,
            key.project,
            key.owner,
            &key.name,
            key.token_hash.as_slice(),
            &key.shown,
            &key.scopes,
            &key.policy,
            key.version,
            key.expires_at,
            key.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    /// The row as it is, locked until the commit, with the version that `save_gateway_key` will give it.
    pub async fn touch_gateway_key(&mut self, id: GatewayKeyId) -> Result<Option<GatewayKeyRow>> {
        self.tx.one(TOUCH, args![self.id, id]).await?.as_ref().map(gateway_key_row).transpose()
    }

    pub async fn save_gateway_key(&mut self, key: &GatewayKeyRow) -> Result<()> {
        let args = args![
            self.id,
            key.id,
            &key.name,
            key.token_hash.as_slice(),
            key.previous.as_ref().map(|old| old.hash.as_slice()),
            key.previous.as_ref().map(|old| old.until),
            &key.shown,
            &key.scopes,
            &key.policy,
            key.expires_at,
            key.blocked_at,
            key.revoked_at,
        ];
        self.tx.run(SAVE, args).await?;
        Ok(())
    }
}

pub(crate) fn gateway_key_row(row: &Row) -> Result<GatewayKeyRow> {
    let previous: Option<Vec<u8>> = row.get("previous_hash")?;
    let until = row.time_opt("previous_until")?;
    Ok(GatewayKeyRow {
        id: row.parse("id")?,
        workspace: row.parse("workspace_id")?,
        project: row.parse_opt("project_id")?,
        owner: row.parse("user_id")?,
        name: row.get("name")?,
        token_hash: row.get("token_hash")?,
        previous: previous.zip(until).map(|(hash, until)| PreviousToken { hash, until }),
        shown: row.get("shown")?,
        scopes: row.parse("scopes")?,
        policy: row.json("policy")?,
        version: row.get("version")?,
        expires_at: row.time_opt("expires_at")?,
        blocked_at: row.time_opt("blocked_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        created_at: row.time("created_at")?,
    })
}

const ALL: &str = "select id, workspace_id, project_id, user_id, name, token_hash, previous_hash,
        previous_until, shown, scopes, policy, version, expires_at, blocked_at, revoked_at,
        created_at
    from gateway_keys
    where workspace_id = $1 and project_id is null and id > $2
    order by id
    limit $3";

const OF_PROJECT: &str = "select id, workspace_id, project_id, user_id, name, token_hash,
        previous_hash, previous_until, shown, scopes, policy, version, expires_at, blocked_at,
        revoked_at, created_at
    from gateway_keys
    where workspace_id = $1 and project_id = $4 and id > $2
    order by id
    limit $3";

const BY_ID: &str = "select id, workspace_id, project_id, user_id, name, token_hash, previous_hash,
        previous_until, shown, scopes, policy, version, expires_at, blocked_at, revoked_at,
        created_at
    from gateway_keys
    where workspace_id = $1 and id = $2";

const INSERT: &str = "insert into gateway_keys (id, workspace_id, project_id, user_id, name,
        token_hash, shown, scopes, policy, version, expires_at, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

const TOUCH: &str = "update gateway_keys
    set version = version + 1
    where workspace_id = $1 and id = $2
    returning id, workspace_id, project_id, user_id, name, token_hash, previous_hash,
        previous_until, shown, scopes, policy, version, expires_at, blocked_at, revoked_at,
        created_at";

const SAVE: &str = "update gateway_keys
    set name = $3, token_hash = $4, previous_hash = $5, previous_until = $6, shown = $7,
        scopes = $8, policy = $9, expires_at = $10, blocked_at = $11, revoked_at = $12
    where workspace_id = $1 and id = $2";
