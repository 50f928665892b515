//! Signing in and out.

use std::net::IpAddr;
use std::time::Duration;

use model::{Actor, Code, Doer, Refusal, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Write;
use utoipa::ToSchema;
use vault::SessionClaims;

use crate::sign_ins::Attempt;
use crate::{Control, Person, fields};

const SESSION_LENGTH: Duration = Duration::from_secs(12 * 3600);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub email: String,
    pub password: String,
}

#[derive(Serialize, ToSchema)]
pub struct UserView {
    pub id: UserId,
    pub email: String,
}

#[derive(Serialize, ToSchema)]
pub struct LoginView {
    pub token: String,
    pub expires_at: Timestamp,
    pub user: UserView,
}

impl Control {
    /// An unknown address and a wrong password look, take and are written down the same.
    pub async fn sign_in(
        &self,
        input: &SignIn,
        from: Option<IpAddr>,
    ) -> Result<LoginView, Refusal> {
        let email = fields::email_form(&input.email);
        let user = self.store.system().user_by_email(&email).await?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let nobody = Doer { from, ..Doer::SYSTEM };
        let attempt = Attempt { email: &email, doer: nobody, route: "POST /v1/sessions" };
        let is_right = self.is_password(&attempt, &input.password, stored).await?;
        let user = user.filter(|_| is_right).ok_or_else(wrong_password)?;
        let mut write = self.store.write().await?;
        if !write.hold_password(user.id, &user.password_hash).await? {
            return Err(wrong_password());
        }
        let doer = Doer { actor: Actor::User(user.id), from };
        let (token, expires_at) = self.open_session(&mut write, doer, user.id).await?;
        write.commit(self.clock.now()).await?;
        Ok(LoginView { token, expires_at, user: UserView { id: user.id, email: user.email } })
    }

    pub async fn sign_out(&self, person: &Person) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut write = self.store.write().await?;
        write.revoke_session(person.session, now).await?;
        write.audit(person.doer(), None, "session.ended", person.session, json!({}));
        Ok(write.commit(now).await?)
    }

    pub(crate) async fn open_session(
        &self,
        write: &mut Write,
        doer: Doer,
        user: UserId,
    ) -> Result<(String, Timestamp), Refusal> {
        let issued_at = self.clock.now();
        let expires_at = issued_at.plus(SESSION_LENGTH);
        let session = SessionId::new(&*self.clock, &*self.random);
        write.insert_session(session, user, issued_at, expires_at).await?;
        write.audit(doer, None, "session.started", session, json!({}));
        let claims = SessionClaims { session, user, issued_at, expires_at };
        Ok((self.signer.issue(&claims), expires_at))
    }
}

pub(crate) fn wrong_password() -> Refusal {
    Refusal::new(Code::InvalidSession, "the email or the password is wrong")
}
