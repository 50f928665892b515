//! Who does something: what the audit names and what the operations ask.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{GatewayKeyId, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    GatewayKey(GatewayKeyId),
    /// The process itself: set-up, rotation, a probe.
    System,
    User(UserId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GatewayKey(id) => id.fmt(f),
            Self::System => f.write_str("system"),
            Self::User(id) => id.fmt(f),
        }
    }
}

/// Text that names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an actor is a gateway key, a user or \"system\"")]
pub struct UnknownActor;

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        if text == "system" {
            return Ok(Self::System);
        }
        let key = text.parse().map(Self::GatewayKey);
        key.or_else(|_| text.parse().map(Self::User)).map_err(|_| UnknownActor)
    }
}

/// An actor, and the address it came from, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doer {
    pub actor: Actor,
    pub from: Option<IpAddr>,
}

impl Doer {
    /// The process itself, which comes from nowhere.
    pub const SYSTEM: Self = Self { actor: Actor::System, from: None };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::random::OsRandom;

    #[test]
    fn an_actor_survives_its_text() {
        for actor in [
            Actor::GatewayKey(GatewayKeyId::new(&SystemClock, &OsRandom)),
            Actor::System,
            Actor::User(UserId::new(&SystemClock, &OsRandom)),
        ] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        assert_eq!("ws_0123".parse::<Actor>(), Err(UnknownActor));
    }
}
