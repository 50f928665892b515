//! Who calls: a person with a session, or an application with a gateway key. Knows no headers.

use std::net::IpAddr;

use model::{Actor, Code, Doer, Refusal, SessionId, UserId, WorkspaceId};
use store::workspace::GatewayKeyRow;
use vault::GatewayToken;

use crate::Control;

/// Whoever manages something.
pub enum Caller {
    Key(KeyCaller),
    Person(Person),
}

/// A user whose session is alive.
#[derive(Clone)]
pub struct Person {
    pub user: UserId,
    pub session: SessionId,
    pub email: String,
    pub is_operator: bool,
    pub from: Option<IpAddr>,
}

/// A gateway key that is alive.
pub struct KeyCaller {
    pub(crate) row: Box<GatewayKeyRow>,
    pub(crate) from: Option<IpAddr>,
}

impl Caller {
    /// A gateway key has one; a person may have many.
    pub const fn workspace(&self) -> Option<WorkspaceId> {
        match self {
            Self::Key(key) => Some(key.row.workspace),
            Self::Person(_) => None,
        }
    }

    pub fn doer(&self) -> Doer {
        match self {
            Self::Key(key) => Doer { actor: Actor::GatewayKey(key.row.id), from: key.from },
            Self::Person(person) => person.doer(),
        }
    }
}

impl Person {
    pub const fn doer(&self) -> Doer {
        Doer { actor: Actor::User(self.user), from: self.from }
    }
}

impl Control {
    /// By what the token looks like: a gateway key, else a session.
    pub async fn caller(
        &self,
        token: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Caller, Refusal> {
        if token.is_some_and(is_gateway_key) {
            return self.key_caller(token, from).await.map(Caller::Key);
        }
        self.person(token, from).await.map(Caller::Person)
    }

    /// The token's signature first, then the row that can be revoked.
    pub async fn person(
        &self,
        token: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<Person, Refusal> {
        let Some(token) = token else {
            return Err(invalid_session("the request carries no session token"));
        };
        if is_gateway_key(token) {
            return Err(invalid_session("a gateway key cannot do this"));
        }
        let now = self.clock.now();
        let Some(claims) = self.signer.verify(token, now) else {
            return Err(invalid_session("the session token is not valid or has expired"));
        };
        let session = self.store.system().session(claims.session).await?;
        let alive = session.filter(|session| {
            session.user == claims.user && session.revoked_at.is_none() && session.expires_at > now
        });
        let Some(session) = alive else {
            return Err(invalid_session("the session has ended"));
        };
        Ok(Person {
            user: session.user,
            session: claims.session,
            email: session.email,
            is_operator: session.is_operator,
            from,
        })
    }

    pub async fn key_caller(
        &self,
        token: Option<&str>,
        from: Option<IpAddr>,
    ) -> Result<KeyCaller, Refusal> {
        let token = token.and_then(GatewayToken::parse);
        let Some(token) = token else { return Err(invalid_api_key()) };
        let hash = token.hash(&self.pepper);
        let row = self.store.system().gateway_key_by_hash(hash.as_bytes()).await?;
        let now = self.clock.now();
        let alive = row.filter(|row| row.is_alive(hash.as_bytes(), now));
        alive.map(|row| KeyCaller { row: Box::new(row), from }).ok_or_else(invalid_api_key)
    }
}

fn is_gateway_key(token: &str) -> bool {
    token.starts_with("ks_")
}

fn invalid_session(why: &str) -> Refusal {
    Refusal::new(Code::InvalidSession, format!("{why}: sign in with POST /v1/sessions"))
}

fn invalid_api_key() -> Refusal {
    let public = "the gateway key is missing, unknown, revoked, blocked or expired";
    Refusal::new(Code::InvalidApiKey, public)
}
