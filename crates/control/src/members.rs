//! Who belongs to a workspace, and as what. Every change locks the workspace first, so that the last owner stays whatever
//! happens at the same time.

use model::{Code, Refusal, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::MemberRow;
use utoipa::ToSchema;

use crate::access::only_writers;
use crate::unit::Unit;
use crate::{Control, Page, PageWish, Reader, Writer};

#[derive(Serialize, ToSchema)]
pub struct MemberView {
    pub user_id: UserId,
    pub email: String,
    pub role: Role,
    pub created_at: Timestamp,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    pub role: Role,
}

impl Control {
    pub async fn members(
        &self,
        reader: &Reader,
        wish: PageWish,
    ) -> Result<Page<MemberView>, Refusal> {
        let workspace = self.store.workspace(reader.workspace());
        let rows = workspace.members(wish.after(), wish.rows()).await?;
        Ok(wish.page(rows, |row| row.user.to_string(), view))
    }

    /// Who may no longer invite has invited nobody: what they sent out and nobody accepted ends with their right to it.
    pub async fn change_role(
        &self,
        writer: &Writer,
        user: &str,
        input: &ChangeRole,
    ) -> Result<MemberView, Refusal> {
        let user: UserId = user.parse().map_err(|_| Refusal::not_found())?;
        let (mut unit, acting) = self.locked(writer).await?;
        must_write(acting)?;
        let mut rows = unit.rows();
        let mut member = rows.member(user).await?.ok_or_else(Refusal::not_found)?;
        let before = member.role;
        if before == Role::Owner || input.role == Role::Owner {
            must_own(acting)?;
        }
        if before == Role::Owner && input.role != Role::Owner {
            refuse_last_owner(rows.has_other_owner(user).await?)?;
        }
        rows.set_role(user, input.role).await?;
        member.role = input.role;
        let now = unit.now();
        if input.role != before && input.role != Role::Owner {
            unit.rows().revoke_invitations_by(user, now).await?;
        }
        let detail = json!({ "from": before, "to": input.role });
        unit.commit("member.role_changed", user, detail).await?;
        Ok(view(member))
    }

    /// Everybody may leave; owners and admins may remove others. The gateway keys of who is gone stay, because they are the
    /// workspace's and applications run on them: an owner or an admin may block or revoke them.
    pub async fn remove_member(&self, reader: &Reader, user: &str) -> Result<(), Refusal> {
        let user: UserId = user.parse().map_err(|_| Refusal::not_found())?;
        let (mut unit, acting) = self.locked(reader).await?;
        let leaves = user == reader.user();
        if !leaves {
            must_write(acting)?;
        }
        let mut rows = unit.rows();
        let member = rows.member(user).await?.ok_or_else(Refusal::not_found)?;
        if member.role == Role::Owner {
            must_own(acting)?;
            refuse_last_owner(rows.has_other_owner(user).await?)?;
        }
        rows.delete_member(user).await?;
        let now = unit.now();
        unit.rows().revoke_invitations_by(user, now).await?;
        let action = if leaves { "member.left" } else { "member.removed" };
        unit.commit(action, user, json!({ "role": member.role })).await
    }

    /// A unit in which nobody else changes the members, and what the caller is among them: they may have been demoted or
    /// removed since they were let in.
    pub(crate) async fn locked(&self, reader: &Reader) -> Result<(Unit, Role), Refusal> {
        let mut unit = self.unit(reader).await?;
        let mut rows = unit.rows();
        rows.lock().await?;
        let acting = rows.member(reader.user()).await?.ok_or_else(Refusal::not_found)?;
        Ok((unit, acting.role))
    }
}

pub(crate) fn must_write(acting: Role) -> Result<(), Refusal> {
    if acting.may_write() { Ok(()) } else { Err(only_writers()) }
}

pub(crate) fn must_own(acting: Role) -> Result<(), Refusal> {
    if acting == Role::Owner {
        return Ok(());
    }
    let public = "only an owner makes, demotes or removes owners";
    Err(Refusal::new(Code::ForbiddenRole, public))
}

fn refuse_last_owner(has_other: bool) -> Result<(), Refusal> {
    if has_other {
        return Ok(());
    }
    let public = "this is the last owner of the workspace: make another one first";
    Err(Refusal::new(Code::Conflict, public))
}

fn view(row: MemberRow) -> MemberView {
    MemberView { user_id: row.user, email: row.email, role: row.role, created_at: row.created_at }
}
