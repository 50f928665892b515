//! Who belongs to a workspace, and as what.

use model::{Role, Timestamp, UserId};

use super::Workspace;
use crate::db::args;
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug)]
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

    pub async fn members(&self) -> Result<Vec<MemberRow>> {
        let rows = self.db.all(MEMBERS, args![self.id]).await?;
        rows.iter()
            .map(|row| {
                Ok(MemberRow {
                    user: row.parse("user_id")?,
                    email: row.get("email")?,
                    role: row.parse("role")?,
                    created_at: row.time("created_at")?,
                })
            })
            .collect()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_member(&mut self, user: UserId, role: Role, now: Timestamp) -> Result<()> {
        self.tx.run(INSERT, args![self.id, user, role, now]).await?;
        Ok(())
    }
}

const ROLE: &str = "select role
    from members
    where workspace_id = $1 and user_id = $2";

const MEMBERS: &str = "select m.user_id, u.email, m.role, m.created_at
    from members m
    join users u on u.id = m.user_id
    where m.workspace_id = $1
    order by m.created_at, m.user_id";

const INSERT: &str = "insert into members (workspace_id, user_id, role, created_at)
    values ($1, $2, $3, $4)";
