//! What a person sees and changes of themselves.

use model::{Refusal, Role, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::sign_ins::Attempt;
use crate::{Control, Person, fields};

#[derive(Serialize, ToSchema)]
pub struct CurrentUserView {
    pub id: UserId,
    pub email: String,
    pub is_operator: bool,
    /// The first thousand; `GET /v1/workspaces` has all of them, page by page.
    pub workspaces: Vec<MembershipView>,
}

#[derive(Serialize, ToSchema)]
pub struct MembershipView {
    pub id: WorkspaceId,
    pub name: String,
    pub role: Role,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current_password: String,
    pub new_password: String,
}

const WORKSPACES_MAX: u32 = 1000;

impl Control {
    pub async fn current_user(&self, person: &Person) -> Result<CurrentUserView, Refusal> {
        let rows = self.store.system().workspaces_of(person.user, "", WORKSPACES_MAX).await?;
        let view = |(row, role): (store::workspace::WorkspaceRow, Role)| MembershipView {
            id: row.id,
            name: row.name,
            role,
        };
        Ok(CurrentUserView {
            id: person.user,
            email: person.email.clone(),
            is_operator: person.is_operator,
            workspaces: rows.into_iter().map(view).collect(),
        })
    }

    /// Whoever else is signed in as this user is so no more.
    pub async fn change_password(
        &self,
        person: &Person,
        input: &ChangePassword,
    ) -> Result<(), Refusal> {
        let new = fields::password("new_password", &input.new_password)?;
        let user = self.store.system().user(person.user).await?;
        let user = user.ok_or_else(Refusal::not_found)?;
        let attempt = Attempt {
            email: &user.email,
            doer: person.doer(),
            route: "PUT /v1/users/current/password",
        };
        let stored = Some(user.password_hash.clone());
        if !self.is_password(&attempt, &input.current_password, stored).await? {
            return Err(wrong_password());
        }
        let hash = self.passwords.hash(new).await?;
        let now = self.clock.now();
        let mut write = self.store.write().await?;
        if !write.hold_password(user.id, &user.password_hash).await? {
            return Err(wrong_password());
        }
        write.set_password(user.id, &hash).await?;
        let ended = write.revoke_other_sessions(user.id, person.session, now).await?;
        let detail = json!({ "sessions_ended": ended });
        write.audit(person.doer(), None, "user.password_changed", user.id, detail);
        Ok(write.commit(now).await?)
    }
}

/// The session is sound, so this is not the 401 that sends people to sign in.
fn wrong_password() -> Refusal {
    Refusal::invalid("current_password", "the current password is wrong")
}
