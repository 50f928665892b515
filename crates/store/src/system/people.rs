//! Users, their sessions and where they belong. Passwords are here as Argon2 hashes only.

use model::{Role, SessionId, Timestamp, UserId, WorkspaceId};

use super::System;
use crate::db::{Row, args};
use crate::workspace::{InvitationRow, WorkspaceRow, invitation_row, workspace_row};
use crate::{Result, Write};

#[derive(Clone)]
pub struct UserRow {
    pub id: UserId,
    pub email: String,
    pub password_hash: String,
    pub is_operator: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct SessionRow {
    pub user: UserId,
    pub email: String,
    pub is_operator: bool,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl System<'_> {
    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserRow>> {
        self.db.one(BY_EMAIL, args![email]).await?.as_ref().map(user_row).transpose()
    }

    pub async fn user(&self, id: UserId) -> Result<Option<UserRow>> {
        self.db.one(BY_ID, args![id]).await?.as_ref().map(user_row).transpose()
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>> {
        let Some(row) = self.db.one(SESSION, args![id]).await? else { return Ok(None) };
        Ok(Some(SessionRow {
            user: row.parse("user_id")?,
            email: row.get("email")?,
            is_operator: row.flag("operator")?,
            expires_at: row.time("expires_at")?,
            revoked_at: row.time_opt("revoked_at")?,
        }))
    }

    /// Across tenants, because a user may belong to several. In the order they were made, from after `after`.
    pub async fn workspaces_of(
        &self,
        user: UserId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(WorkspaceRow, Role)>> {
        let rows = self.db.all(WORKSPACES_OF, args![user, after, limit]).await?;
        rows.iter().map(|row| Ok((workspace_row(row)?, row.parse("role")?))).collect()
    }

    /// Across tenants, because the operator looks after all of them. In the order they were made, from after `after`;
    /// without the reserved one.
    pub async fn workspaces(&self, after: &str, limit: u32) -> Result<Vec<WorkspaceRow>> {
        let args = args![after, limit, WorkspaceId::NIL];
        self.db.all(WORKSPACES, args).await?.iter().map(workspace_row).collect()
    }

    /// Across tenants, because the token of the link is all that is given. `None` for one that cannot be accepted any
    /// more. With the name of the workspace.
    pub async fn open_invitation(
        &self,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<Option<(InvitationRow, String)>> {
        let row = self.db.one(OPEN_INVITATION, args![token_hash, now]).await?;
        row.map(|row| Ok((invitation_row(&row)?, row.get("workspace_name")?))).transpose()
    }
}

impl Write {
    pub async fn insert_user(&mut self, user: &UserRow) -> Result<()> {
        let args =
            args![user.id, &user.email, &user.password_hash, user.is_operator, user.created_at];
        self.tx.run(INSERT_USER, args).await?;
        Ok(())
    }

    /// Whether this is still the user's password. It stays so until the commit: a session that is being opened with it
    /// is there when it is changed, and ends then.
    pub async fn hold_password(&mut self, user: UserId, password_hash: &str) -> Result<bool> {
        Ok(self.tx.run(HOLD_PASSWORD, args![user, password_hash]).await? > 0)
    }

    pub async fn set_password(&mut self, user: UserId, password_hash: &str) -> Result<()> {
        self.tx.run(SET_PASSWORD, args![user, password_hash]).await?;
        Ok(())
    }

    pub async fn insert_session(
        &mut self,
        id: SessionId,
        user: UserId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.tx.run(INSERT_SESSION, args![id, user, now, expires_at]).await?;
        Ok(())
    }

    pub async fn revoke_session(&mut self, id: SessionId, now: Timestamp) -> Result<()> {
        self.tx.run(REVOKE_SESSION, args![id, now]).await?;
        Ok(())
    }

    /// All of a user's but one; how many.
    pub async fn revoke_other_sessions(
        &mut self,
        user: UserId,
        kept: SessionId,
        now: Timestamp,
    ) -> Result<u64> {
        self.tx.run(REVOKE_OTHERS, args![user, kept, now]).await
    }

    /// Across tenants: what nobody can accept any more is of no use to any.
    pub async fn delete_invitations(&mut self, expired_before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_INVITATIONS, args![expired_before]).await?;
        Ok(())
    }

    pub async fn delete_expired_sessions(&mut self, now: Timestamp) -> Result<()> {
        self.tx.run(DELETE_EXPIRED, args![now]).await?;
        Ok(())
    }

    pub async fn insert_workspace(&mut self, row: &WorkspaceRow) -> Result<()> {
        let args = args![
            row.id,
            &row.name,
            &row.plan,
            &row.settings,
            row.version,
            row.salt.as_slice(),
            row.created_at,
        ];
        self.tx.run(INSERT_WORKSPACE, args).await?;
        Ok(())
    }
}

fn user_row(row: &Row) -> Result<UserRow> {
    Ok(UserRow {
        id: row.parse("id")?,
        email: row.get("email")?,
        password_hash: row.get("password_hash")?,
        is_operator: row.flag("operator")?,
        created_at: row.time("created_at")?,
    })
}

const BY_EMAIL: &str = "select id, email, password_hash, operator, created_at
    from users
    where email = $1";

const BY_ID: &str = "select id, email, password_hash, operator, created_at
    from users
    where id = $1";

const SESSION: &str = "select s.user_id, u.email, u.operator, s.expires_at, s.revoked_at
    from sessions s
    join users u on u.id = s.user_id
    where s.id = $1";

const WORKSPACES_OF: &str =
    "select w.id as workspace_id, w.name, w.plan, w.settings, w.version, w.salt,
        w.created_at, m.role
    from members m
    join workspaces w on w.id = m.workspace_id
    where m.user_id = $1 and w.id > $2
    order by w.id
    limit $3";

const WORKSPACES: &str =
    "select id as workspace_id, name, plan, settings, version, salt, created_at
    from workspaces
    where id > $1 and id <> $3
    order by id
    limit $2";

const OPEN_INVITATION: &str = "select i.id, i.workspace_id, i.email, i.role, i.token_hash,
        i.invited_by, i.created_at, i.expires_at, w.name as workspace_name
    from invitations i
    join workspaces w on w.id = i.workspace_id
    where i.token_hash = $1 and i.expires_at > $2 and i.accepted_at is null
        and i.revoked_at is null";

const HOLD_PASSWORD: &str = "update users
    set password_hash = password_hash
    where id = $1 and password_hash = $2";

const SET_PASSWORD: &str = "update users
    set password_hash = $2
    where id = $1";

const INSERT_USER: &str = "insert into users (id, email, password_hash, operator, created_at)
    values ($1, $2, $3, $4, $5)";

const INSERT_SESSION: &str = "insert into sessions (id, user_id, created_at, expires_at)
    values ($1, $2, $3, $4)";

const REVOKE_SESSION: &str = "update sessions
    set revoked_at = coalesce(revoked_at, $2)
    where id = $1";

const REVOKE_OTHERS: &str = "update sessions
    set revoked_at = $3
    where user_id = $1 and id <> $2 and revoked_at is null";

const DELETE_INVITATIONS: &str = "delete from invitations
    where expires_at < $1";

const DELETE_EXPIRED: &str = "delete from sessions
    where expires_at < $1";

const INSERT_WORKSPACE: &str =
    "insert into workspaces (id, name, plan, settings, version, salt, created_at)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (id) do nothing";
