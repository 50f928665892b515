//! Who calls: a person with a session, or an application with a gateway key. Knows no headers.

use model::{Actor, Code, Refusal, SessionId, UserId};
use store::workspace::GatewayKeyRow;
use vault::GatewayToken;

use crate::{Control, storage};

/// A user whose session is alive.
pub struct Person {
    pub user: UserId,
    pub session: SessionId,
}

/// A gateway key that is alive.
pub struct KeyCaller {
    pub(crate) row: GatewayKeyRow,
}

impl Person {
    pub const fn actor(&self) -> Actor {
        Actor::User(self.user)
    }
}

impl Control {
    /// The token's signature first, then the row that can be revoked.
    pub async fn person(&self, token: Option<&str>) -> Result<Person, Refusal> {
        let Some(token) = token else {
            return Err(invalid_session("the request carries no session token"));
        };
        if token.starts_with("ks_") {
            return Err(invalid_session("a gateway key cannot do this"));
        }
        let now = self.clock.now();
        let Some(claims) = self.signer.verify(token, now) else {
            return Err(invalid_session("the session token is not valid or has expired"));
        };
        let session = self.store.system().session(claims.session).await.map_err(storage)?;
        let alive = session.filter(|session| {
            session.user == claims.user && session.revoked_at.is_none() && session.expires_at > now
        });
        let Some(session) = alive else {
            return Err(invalid_session("the session has ended"));
        };
        Ok(Person { user: session.user, session: claims.session })
    }

    pub async fn key_caller(&self, token: Option<&str>) -> Result<KeyCaller, Refusal> {
        let token = token.and_then(GatewayToken::parse);
        let Some(token) = token else { return Err(invalid_api_key()) };
        let hash = token.hash(&self.pepper);
        let row = self.store.system().gateway_key_by_hash(hash.as_bytes()).await;
        let now = self.clock.now();
        let alive = row.map_err(storage)?.filter(|row| {
            row.revoked_at.is_none() && row.expires_at.is_none_or(|expiry| expiry > now)
        });
        alive.map(|row| KeyCaller { row }).ok_or_else(invalid_api_key)
    }
}

fn invalid_session(why: &str) -> Refusal {
    Refusal::new(Code::InvalidSession, format!("{why}: sign in with POST /v1/sessions"))
}

fn invalid_api_key() -> Refusal {
    let public = "the gateway key is missing, unknown, revoked or expired";
    Refusal::new(Code::InvalidApiKey, public)
}
