//! Users and their sessions. Passwords are here as Argon2 hashes only.

use model::{Role, SessionId, Timestamp, UserId, WorkspaceId};

use super::System;
use crate::db::{Row, args};
use crate::workspace::{WorkspaceRow, workspace_row};
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

    /// Across tenants, because a user may belong to several.
    pub async fn workspaces_of(&self, user: UserId) -> Result<Vec<(WorkspaceRow, Role)>> {
        let rows = self.db.all(WORKSPACES_OF, args![user]).await?;
        rows.iter().map(|row| Ok((workspace_row(row)?, row.parse("role")?))).collect()
    }
}

impl Write {
    pub async fn insert_user(&mut self, user: &UserRow) -> Result<()> {
        let args =
            args![user.id, &user.email, &user.password_hash, user.is_operator, user.created_at];
        self.tx.run(INSERT_USER, args).await?;
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

    pub async fn delete_expired_sessions(&mut self, now: Timestamp) -> Result<()> {
        self.tx.run(DELETE_EXPIRED, args![now]).await?;
        Ok(())
    }

    pub async fn insert_workspace(
        &mut self,
        id: WorkspaceId,
        name: &str,
        salt: &[u8],
        now: Timestamp,
    ) -> Result<()> {
        self.tx.run(INSERT_WORKSPACE, args![id, name, salt, now]).await?;
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

const SESSION: &str = "select s.user_id, u.email, u.operator, s.expires_at, s.revoked_at
    from sessions s
    join users u on u.id = s.user_id
    where s.id = $1";

const WORKSPACES_OF: &str = "select w.id as workspace_id, w.name, w.salt, w.created_at, m.role
    from members m
    join workspaces w on w.id = m.workspace_id
    where m.user_id = $1
    order by w.created_at, w.id";

const INSERT_USER: &str = "insert into users (id, email, password_hash, operator, created_at)
    values ($1, $2, $3, $4, $5)";

const INSERT_SESSION: &str = "insert into sessions (id, user_id, created_at, expires_at)
    values ($1, $2, $3, $4)";

const REVOKE_SESSION: &str = "update sessions
    set revoked_at = coalesce(revoked_at, $2)
    where id = $1";

const DELETE_EXPIRED: &str = "delete from sessions
    where expires_at < $1";

const INSERT_WORKSPACE: &str = "insert into workspaces (id, name, salt, created_at)
    values ($1, $2, $3, $4)";
