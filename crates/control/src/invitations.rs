//! Joining a workspace: by a link that works once, for the address it was made for, for a week.

use std::net::IpAddr;
use std::time::Duration;

use model::{Actor, Code, Doer, InvitationId, Refusal, Role, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::StoreError;
use store::system::UserRow;
use store::workspace::InvitationRow;
use utoipa::ToSchema;
use vault::{OneTimePurpose, OneTimeToken};

use crate::members::{must_own, must_write};
use crate::sessions::wrong_password;
use crate::sign_ins::Attempt;
use crate::unit::Unit;
use crate::workspaces::NamedId;
use crate::{Control, Once, Page, PageWish, UserView, Writer, fields};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub email: String,
    pub role: Role,
}

#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
}

/// To be sent to the person by whoever invited them: we send no mail.
#[derive(Serialize, ToSchema)]
pub struct NewInvitationView {
    #[serde(flatten)]
    pub view: InvitationView,
    /// Shown this once.
    pub token: String,
    /// Shown this once: the token as a link.
    pub link: String,
}

/// What whoever holds the link sees.
#[derive(Serialize, ToSchema)]
pub struct OpenInvitationView {
    pub workspace: NamedId<WorkspaceId>,
    pub email: String,
    pub role: Role,
    pub expires_at: Timestamp,
    /// Whether a password is to be chosen, because the address has no account yet; otherwise the account's own is asked.
    pub needs_password: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    pub password: String,
}

#[derive(Serialize, ToSchema)]
pub struct JoinedView {
    pub token: String,
    pub expires_at: Timestamp,
    pub user: UserView,
    pub workspace: NamedId<WorkspaceId>,
}

pub(crate) struct Invited {
    pub workspace: WorkspaceId,
    pub email: String,
    pub role: Role,
}

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
const OPEN_MAX: u64 = 1000;

impl Control {
    /// A newer invitation to the same address takes the place of the older one.
    pub async fn invite(
        &self,
        writer: &Writer,
        input: &Invite,
        once: Option<&Once>,
    ) -> Result<NewInvitationView, Refusal> {
        let email = fields::email(&input.email)?;
        let (mut unit, acting) = self.locked(writer).await?;
        must_write(acting)?;
        if input.role == Role::Owner {
            must_own(acting)?;
        }
        if unit.rows().has_member_called(&email).await? {
            return Err(member_already());
        }
        let invited = Invited { workspace: writer.workspace(), email, role: input.role };
        let made = self.insert_invitation(&mut unit, invited, writer.user()).await?;
        unit.remember(once, &made.view).await?;
        let detail = json!({ "role": input.role });
        unit.commit("invitation.created", made.view.id, detail).await?;
        Ok(made)
    }

    /// Into a workspace that the unit has locked or is just making.
    pub(crate) async fn insert_invitation(
        &self,
        unit: &mut Unit,
        invited: Invited,
        by: UserId,
    ) -> Result<NewInvitationView, Refusal> {
        let Invited { workspace, email, role } = invited;
        let now = unit.now();
        unit.rows().revoke_invitations_to(&email, now).await?;
        if unit.rows().count_open_invitations(now).await? >= OPEN_MAX {
            let public = format!("there are {OPEN_MAX} open invitations: revoke some first");
            return Err(Refusal::new(Code::Conflict, public));
        }
        let token = OneTimeToken::generate(OneTimePurpose::Invitation, &*self.random);
        let row = InvitationRow {
            id: InvitationId::new(&*self.clock, &*self.random),
            workspace,
            email,
            role,
            token_hash: token.hash(&self.pepper).as_bytes().to_vec(),
            invited_by: by,
            created_at: now,
            expires_at: now.plus(LIFETIME),
        };
        unit.rows().insert_invitation(&row).await?;
        let token = token.expose().to_owned();
        let link = self.public_url.join(&format!("/v1/invitations/{token}"));
        Ok(NewInvitationView { view: view(row), token, link })
    }

    /// Those that may still be accepted.
    pub async fn invitations(
        &self,
        writer: &Writer,
        wish: PageWish,
    ) -> Result<Page<InvitationView>, Refusal> {
        let workspace = self.store.workspace(writer.workspace());
        let now = self.clock.now();
        let rows = workspace.open_invitations(now, wish.after(), wish.rows()).await?;
        Ok(wish.page(rows, |row| row.id.to_string(), view))
    }

    pub async fn revoke_invitation(&self, writer: &Writer, id: &str) -> Result<(), Refusal> {
        let id: InvitationId = id.parse().map_err(|_| Refusal::not_found())?;
        let (mut unit, acting) = self.locked(writer).await?;
        must_write(acting)?;
        let now = unit.now();
        if !unit.rows().revoke_invitation(id, now).await? {
            return Err(Refusal::not_found());
        }
        unit.commit("invitation.revoked", id, json!({})).await
    }

    pub async fn open_invitation(&self, token: &str) -> Result<OpenInvitationView, Refusal> {
        let (row, workspace) = self.find_invitation(token).await?;
        let user = self.store.system().user_by_email(&row.email).await?;
        Ok(OpenInvitationView {
            workspace: NamedId { id: row.workspace, name: workspace },
            email: row.email,
            role: row.role,
            expires_at: row.expires_at,
            needs_password: user.is_none(),
        })
    }

    /// The link proves nothing about an account that is there already: its own password does.
    pub async fn accept_invitation(
        &self,
        token: &str,
        input: &AcceptInvitation,
        from: Option<IpAddr>,
    ) -> Result<JoinedView, Refusal> {
        let (invitation, workspace) = self.find_invitation(token).await?;
        let known = self.store.system().user_by_email(&invitation.email).await?;
        let is_new = known.is_none();
        let user = match known {
            Some(user) => self.known_user(user, &input.password, from).await?,
            None => self.new_user(&invitation.email, &input.password).await?,
        };
        let doer = Doer { actor: Actor::User(user.id), from };
        let mut unit = self.unit_by(doer, invitation.workspace).await?;
        let now = unit.now();
        let mut rows = unit.rows();
        rows.lock().await?;
        let accepted = rows.accept_invitation(invitation.id, now).await?;
        let role = accepted.ok_or_else(Refusal::not_found)?.role;
        if is_new {
            unit.write().insert_user(&user).await.map_err(joined_meanwhile)?;
        } else if !unit.write().hold_password(user.id, &user.password_hash).await? {
            return Err(wrong_password());
        }
        if unit.rows().member(user.id).await?.is_some() {
            return Err(member_already());
        }
        unit.rows().insert_member(user.id, role, now).await?;
        let (token, expires_at) = self.open_session(unit.write(), doer, user.id).await?;
        let detail = json!({ "role": role, "invited_by": invitation.invited_by });
        unit.commit("invitation.accepted", invitation.id, detail).await?;
        Ok(JoinedView {
            token,
            expires_at,
            user: UserView { id: user.id, email: user.email },
            workspace: NamedId { id: invitation.workspace, name: workspace },
        })
    }

    /// Used, revoked, expired, unknown and malformed look the same.
    async fn find_invitation(&self, token: &str) -> Result<(InvitationRow, String), Refusal> {
        let token = OneTimeToken::parse(OneTimePurpose::Invitation, token);
        let hash = token.ok_or_else(Refusal::not_found)?.hash(&self.pepper);
        let now = self.clock.now();
        let found = self.store.system().open_invitation(hash.as_bytes(), now).await?;
        found.ok_or_else(Refusal::not_found)
    }

    async fn known_user(
        &self,
        user: UserRow,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<UserRow, Refusal> {
        let doer = Doer { from, ..Doer::SYSTEM };
        let route = "POST /v1/invitations/{token}";
        let attempt = Attempt { email: &user.email, doer, route };
        let stored = Some(user.password_hash.clone());
        let is_right = self.is_password(&attempt, password, stored).await?;
        if is_right { Ok(user) } else { Err(wrong_password()) }
    }

    async fn new_user(&self, email: &str, password: &str) -> Result<UserRow, Refusal> {
        let password = fields::password("password", password)?;
        Ok(UserRow {
            id: UserId::new(&*self.clock, &*self.random),
            email: email.to_owned(),
            password_hash: self.passwords.hash(password).await?,
            is_operator: false,
            created_at: self.clock.now(),
        })
    }
}

fn member_already() -> Refusal {
    Refusal::new(Code::Conflict, "this address belongs to a member already")
}

/// By another invitation to the same address, in the time it took to hash a password.
fn joined_meanwhile(error: StoreError) -> Refusal {
    match error {
        StoreError::Conflict => {
            let public = "this address has just got an account: send its password";
            Refusal::new(Code::Conflict, public)
        }
        error => error.into(),
    }
}

fn view(row: InvitationRow) -> InvitationView {
    InvitationView {
        id: row.id,
        email: row.email,
        role: row.role,
        expires_at: row.expires_at,
        created_at: row.created_at,
    }
}
