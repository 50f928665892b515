//! Who belongs to a workspace, and as what.

use model::{Role, Timestamp, UserId};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    pub user: UserId,
    pub email: String,
    pub role: Role,
    pub created_at: Timestamp,
}

impl Workspace<'_> {
    pub async fn role(&self, user: UserId) -> Result<Option<Role>> {
        let row = self.db.one(ROLE, args![self.id, user]).await?;
        row.map(|row| row.parse("role")).transpose()
    }

    /// In the order of their ids, from after `after`.
    pub async fn members(&self, after: &str, limit: u32) -> Result<Vec<MemberRow>> {
        let rows = self.db.all(MEMBERS, args![self.id, after, limit]).await?;
        rows.iter().map(member_row).collect()
    }
}

/// What is read here holds until the commit only if the workspace is locked.
impl WorkspaceWrite<'_> {
    pub async fn insert_member(&mut self, user: UserId, role: Role, now: Timestamp) -> Result<()> {
        self.tx.run(INSERT, args![self.id, user, role, now]).await?;
        Ok(())
    }

    pub async fn member(&mut self, user: UserId) -> Result<Option<MemberRow>> {
        self.tx.one(MEMBER, args![self.id, user]).await?.as_ref().map(member_row).transpose()
    }

    pub async fn has_member_called(&mut self, email: &str) -> Result<bool> {
        Ok(self.tx.one(MEMBER_CALLED, args![self.id, email]).await?.is_some())
    }

    pub async fn has_other_owner(&mut self, user: UserId) -> Result<bool> {
        Ok(self.tx.one(OTHER_OWNER, args![self.id, user]).await?.is_some())
    }

    pub async fn set_role(&mut self, user: UserId, role: Role) -> Result<bool> {
        Ok(self.tx.run(SET_ROLE, args![self.id, user, role]).await? > 0)
    }

    pub async fn delete_member(&mut self, user: UserId) -> Result<bool> {
        Ok(self.tx.run(DELETE, args![self.id, user]).await? > 0)
    }
}

fn member_row(row: &Row) -> Result<MemberRow> {
    Ok(MemberRow {
        user: row.parse("user_id")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        created_at: row.time("created_at")?,
    })
}

const ROLE: &str = "select role
    from members
    where workspace_id = $1 and user_id = $2";

const MEMBERS: &str = "select m.user_id, u.email, m.role, m.created_at
    from members m
    join users u on u.id = m.user_id
    where m.workspace_id = $1 and m.user_id > $2
    order by m.user_id
    limit $3";

const MEMBER: &str = "select m.user_id, u.email, m.role, m.created_at
    from members m
    join users u on u.id = m.user_id
    where m.workspace_id = $1 and m.user_id = $2";

const MEMBER_CALLED: &str = "select 1 as present
    from members m
    join users u on u.id = m.user_id
    where m.workspace_id = $1 and u.email = $2";

const OTHER_OWNER: &str = "select 1 as present
    from members
    where workspace_id = $1 and user_id <> $2 and role = 'owner'
    limit 1";

const INSERT: &str = "insert into members (workspace_id, user_id, role, created_at)
    values ($1, $2, $3, $4)";

const SET_ROLE: &str = "update members
    set role = $3
    where workspace_id = $1 and user_id = $2";

const DELETE: &str = "delete from members
    where workspace_id = $1 and user_id = $2";
