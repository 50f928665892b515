//! Names of things: UUIDv7 behind a prefix that says what it names, so that one id cannot stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Clock, Random};

/// Text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_<32 hex digits>")]
pub struct InvalidId {
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;
            /// The id no created row ever has: version and variant bits are missing.
            pub const NIL: Self = Self(Uuid::nil());

            /// A fresh id; ids made later sort later.
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Self {
                Self(uuid_v7(clock, random))
            }

            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text, Self::PREFIX).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        $crate::schema::written_as_text!(
            $name,
            concat!("An id that begins with ", $prefix, "_"),
            Some(concat!("^", $prefix, "_[0-9a-f]{32}$"))
        );

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A key an application sends us.
    GatewayKeyId = "gk";
    /// One installation: every node over the same database shares it.
    InstanceId = "ins";
    InvitationId = "inv";
    /// One process's journal.
    NodeId = "node";
    ProjectId = "prj";
    /// A key we send a provider.
    ProviderKeyId = "pk";
    RequestId = "req";
    /// Any other sealed value.
    SecretId = "sec";
    SessionId = "ses";
    UserId = "usr";
    /// A tenant.
    WorkspaceId = "ws";
}

fn uuid_v7(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut tail = [0; 10];
    random.fill(&mut tail);
    let millis = u64::try_from(clock.now().unix_ms()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Exactly one spelling of each id is accepted, so that an id can be compared as text.
fn parse_uuid(text: &str, prefix: &'static str) -> Result<Uuid, InvalidId> {
    let invalid = InvalidId { prefix };
    let hex = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    let Some(hex) = hex else { return Err(invalid) };
    let canonical =
        hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return Err(invalid);
    }
    Uuid::try_parse(hex).map_err(|_| invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, random::OsRandom};

    #[test]
    fn an_id_survives_its_text_and_no_other_kind_reads_it() {
        let id = WorkspaceId::new(&SystemClock, &OsRandom);

        assert_eq!(id.to_string().parse::<WorkspaceId>(), Ok(id));
        assert!(id.to_string().parse::<ProjectId>().is_err());
    }

    #[test]
    fn one_spelling_only() {
        let text = WorkspaceId::new(&SystemClock, &OsRandom).to_string();

        for bad in [
            text.to_uppercase(),
            format!("{text} "),
            text.replace("ws_", ""),
            text.replace("ws_", "ws-"),
            format!("{text}0"),
            String::new(),
        ] {
            assert!(bad.parse::<WorkspaceId>().is_err(), "{bad}");
        }
    }
}
