//! Signing in and out.

use std::time::Duration;

use model::{Actor, Code, Refusal, SessionId, Timestamp, UserId};
use serde::Serialize;
use serde_json::json;
use store::Write;
use vault::SessionClaims;

use crate::{Control, Person, fields, storage};

const SESSION_LENGTH: Duration = Duration::from_secs(12 * 3600);

#[derive(Serialize)]
pub struct UserView {
    pub id: UserId,
    pub email: String,
}

#[derive(Serialize)]
pub struct LoginView {
    pub token: String,
    pub expires_at: Timestamp,
    pub user: UserView,
}

impl Control {
    /// An unknown address and a wrong password look and take the same.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<LoginView, Refusal> {
        let email = fields::email_form(email);
        let user = self.store.system().user_by_email(&email).await.map_err(storage)?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        if !self.passwords.verify(password, stored).await? {
            return Err(wrong_password());
        }
        let user = user.ok_or_else(wrong_password)?;
        let mut write = self.store.write().await.map_err(storage)?;
        let (token, expires_at) = self.open_session(&mut write, user.id).await?;
        write.commit(self.clock.now()).await.map_err(storage)?;
        Ok(LoginView { token, expires_at, user: UserView { id: user.id, email: user.email } })
    }

    pub async fn sign_out(&self, person: &Person) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut write = self.store.write().await.map_err(storage)?;
        write.revoke_session(person.session, now).await.map_err(storage)?;
        write.audit(person.actor(), None, "session.ended", person.session, json!({}));
        write.commit(now).await.map_err(storage)
    }

    pub(crate) async fn open_session(
        &self,
        write: &mut Write,
        user: UserId,
    ) -> Result<(String, Timestamp), Refusal> {
        let issued_at = self.clock.now();
        let expires_at = issued_at.plus(SESSION_LENGTH);
        let session = SessionId::new(&*self.clock, &*self.random);
        write.insert_session(session, user, issued_at, expires_at).await.map_err(storage)?;
        write.audit(Actor::User(user), None, "session.started", session, json!({}));
        let claims = SessionClaims { session, user, issued_at, expires_at };
        Ok((self.signer.issue(&claims), expires_at))
    }
}

fn wrong_password() -> Refusal {
    Refusal::new(Code::InvalidSession, "the email or the password is wrong")
}
