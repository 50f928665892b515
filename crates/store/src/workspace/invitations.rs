//! Who was asked to join a workspace. The token of the link is here as a hash only.

use model::{InvitationId, Role, Timestamp, UserId, WorkspaceId};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    pub id: InvitationId,
    pub workspace: WorkspaceId,
    pub email: String,
    pub role: Role,
    pub token_hash: Vec<u8>,
    pub invited_by: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Workspace<'_> {
    /// Those that may still be accepted, in the order they were made, from after `after`.
    pub async fn open_invitations(
        &self,
        now: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<Vec<InvitationRow>> {
        let rows = self.db.all(OPEN, args![self.id, now, after, limit]).await?;
        rows.iter().map(invitation_row).collect()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_invitation(&mut self, invitation: &InvitationRow) -> Result<()> {
        let args = args![
            invitation.id,
            self.id,
            &invitation.email,
            invitation.role,
            invitation.token_hash.as_slice(),
            invitation.invited_by,
            invitation.created_at,
            invitation.expires_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    pub async fn count_open_invitations(&mut self, now: Timestamp) -> Result<u64> {
        let row = self.tx.one(COUNT_OPEN, args![self.id, now]).await?;
        let count: i64 = row.map(|row| row.get("open_invitations")).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// What it was, if it could still be accepted, which it now was.
    pub async fn accept_invitation(
        &mut self,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<Option<InvitationRow>> {
        let row = self.tx.one(ACCEPT, args![self.id, id, now]).await?;
        row.as_ref().map(invitation_row).transpose()
    }

    /// Whether it could still be accepted.
    pub async fn revoke_invitation(&mut self, id: InvitationId, now: Timestamp) -> Result<bool> {
        Ok(self.tx.run(REVOKE, args![self.id, id, now]).await? > 0)
    }

    /// Those that one who may not invite any more has made.
    pub async fn revoke_invitations_by(&mut self, user: UserId, now: Timestamp) -> Result<u64> {
        self.tx.run(REVOKE_BY, args![self.id, user, now]).await
    }

    /// Those that a newer one takes the place of.
    pub async fn revoke_invitations_to(&mut self, email: &str, now: Timestamp) -> Result<u64> {
        self.tx.run(REVOKE_TO, args![self.id, email, now]).await
    }
}

pub(crate) fn invitation_row(row: &Row) -> Result<InvitationRow> {
    Ok(InvitationRow {
        id: row.parse("id")?,
        workspace: row.parse("workspace_id")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        token_hash: row.get("token_hash")?,
        invited_by: row.parse("invited_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

const OPEN: &str =
    "select id, workspace_id, email, role, token_hash, invited_by, created_at, expires_at
    from invitations
    where workspace_id = $1 and expires_at > $2 and accepted_at is null and revoked_at is null
        and id > $3
    order by id
    limit $4";

const INSERT: &str = "insert into invitations (id, workspace_id, email, role, token_hash,
        invited_by, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

const COUNT_OPEN: &str = "select count(*) as open_invitations
    from invitations
    where workspace_id = $1 and expires_at > $2 and accepted_at is null and revoked_at is null";

const ACCEPT: &str = "update invitations
    set accepted_at = $3
    where workspace_id = $1 and id = $2 and expires_at > $3 and accepted_at is null
        and revoked_at is null
    returning id, workspace_id, email, role, token_hash, invited_by, created_at, expires_at";

const REVOKE: &str = "update invitations
    set revoked_at = $3
    where workspace_id = $1 and id = $2 and expires_at > $3 and accepted_at is null
        and revoked_at is null";

const REVOKE_BY: &str = "update invitations
    set revoked_at = $3
    where workspace_id = $1 and invited_by = $2 and accepted_at is null and revoked_at is null";

const REVOKE_TO: &str = "update invitations
    set revoked_at = $3
    where workspace_id = $1 and email = $2 and accepted_at is null and revoked_at is null";
