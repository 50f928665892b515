//! The first owner: made once, by whoever holds the set-up token.

use std::net::IpAddr;

use model::{Actor, Code, Doer, ProjectId, Refusal, Role, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::StoreError;
use store::system::UserRow;
use utoipa::ToSchema;
use vault::SecretValue;

use crate::workspaces::NamedId;
use crate::{Control, UserView, fields};

/// Printed at first start, or given by the operator. Nobody becomes owner by being first.
pub struct SetupToken(SecretValue);

impl SetupToken {
    pub fn new(text: String) -> Self {
        Self(SecretValue::new(text.into_bytes()))
    }

    fn matches(&self, given: &str) -> bool {
        self.0.ct_eq(given.as_bytes())
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub setup_token: String,
    pub email: String,
    pub password: String,
    pub workspace: String,
}

#[derive(Serialize, ToSchema)]
pub struct SetUpView {
    pub token: String,
    pub expires_at: Timestamp,
    pub user: UserView,
    pub workspace: NamedId<WorkspaceId>,
    pub project: NamedId<ProjectId>,
}

impl Control {
    pub async fn set_up(&self, input: SetUp, from: Option<IpAddr>) -> Result<SetUpView, Refusal> {
        let instance = self.store.system().instance().await?;
        if instance.is_some_and(|row| row.set_up_at.is_some()) {
            return Err(set_up_already());
        }
        if !self.setup_token.matches(&input.setup_token) {
            let public =
                "the set-up token is wrong: it was printed at its last start, or configured";
            return Err(Refusal {
                param: Some("setup_token"),
                ..Refusal::new(Code::InvalidSession, public)
            });
        }
        let email = fields::email(&input.email)?;
        let password = fields::password("password", &input.password)?;
        let workspace = fields::name("workspace", &input.workspace)?;
        let password_hash = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let user = UserRow {
            id: UserId::new(&*self.clock, &*self.random),
            email,
            password_hash,
            is_operator: true,
            created_at: now,
        };

        let doer = Doer { actor: Actor::User(user.id), from };
        let id = WorkspaceId::new(&*self.clock, &*self.random);
        let mut write = self.store.write().await?;
        if !write.mark_set_up(now).await? {
            return Err(set_up_already());
        }
        write.insert_user(&user).await.map_err(|error| match error {
            StoreError::Conflict => Refusal::new(Code::Conflict, "there is such a user already"),
            error => error.into(),
        })?;
        let plan = self.plans.default_name();
        let made = self.insert_workspace(&mut write, id, &workspace, plan).await?;
        write.workspace(id).insert_member(user.id, Role::Owner, now).await?;
        let named = json!({ "name": workspace });
        write.audit(doer, Some(id), "workspace.created", id, named);
        write.audit(doer, Some(id), "instance.set_up", user.id, json!({}));
        let (token, expires_at) = self.open_session(&mut write, doer, user.id).await?;
        write.commit(now).await?;
        Ok(SetUpView {
            token,
            expires_at,
            user: UserView { id: user.id, email: user.email },
            workspace: NamedId { id, name: made.row.name },
            project: made.project,
        })
    }
}

fn set_up_already() -> Refusal {
    let public = "this gateway has been set up: sign in with POST /v1/sessions";
    Refusal::new(Code::Conflict, public)
}
