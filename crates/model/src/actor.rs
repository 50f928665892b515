//! Who does something: what the audit names and what the operations ask.

use std::fmt;

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
