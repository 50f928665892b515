//! Names of things: UUIDv7 behind a prefix that says what it names, so that one id cannot stand in for another.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;
use uuid::fmt::Simple;

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
                write_id(concat!($prefix, "_"), &self.0, f)
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

/// Where one process has the ids of its requests from: they must differ, here and from other nodes', and need not be hard
/// to guess, so that chance is asked once and not for each.
pub struct RequestIds {
    node: [u8; 2],
    count: AtomicU64,
}

impl RequestIds {
    pub fn new(random: &dyn Random) -> Self {
        let (mut node, mut first) = ([0; 2], [0; 8]);
        random.fill(&mut node);
        random.fill(&mut first);
        Self { node, count: AtomicU64::new(u64::from_be_bytes(first)) }
    }

    pub fn next(&self, clock: &dyn Clock) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut tail = [0; 10];
        for (to, from) in tail.iter_mut().zip(self.node.into_iter().chain(count)) {
            *to = from;
        }
        RequestId(uuid_of(clock, &tail))
    }
}

/// In one piece, so that a string that takes it grows once: each request writes many.
fn write_id(prefix: &str, id: &Uuid, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0; TEXT_BYTES_MAX];
    let whole = text.get_mut(..prefix.len() + Simple::LENGTH).and_then(|text| {
        let (start, digits) = text.split_at_mut_checked(prefix.len())?;
        start.copy_from_slice(prefix.as_bytes());
        id.as_simple().encode_lower(digits);
        std::str::from_utf8(text).ok()
    });
    f.write_str(whole.ok_or(fmt::Error)?)
}

/// The longest prefix, and what follows it.
const TEXT_BYTES_MAX: usize = 40;

fn uuid_v7(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut tail = [0; 10];
    random.fill(&mut tail);
    uuid_of(clock, &tail)
}

fn uuid_of(clock: &dyn Clock, tail: &[u8; 10]) -> Uuid {
    let millis = u64::try_from(clock.now().unix_ms()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, tail).into_uuid()
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
    use std::collections::HashSet;

    use super::*;
    use crate::{clock::SystemClock, random::OsRandom};

    #[test]
    fn an_id_survives_its_text_and_no_other_kind_reads_it() {
        let id = WorkspaceId::new(&SystemClock, &OsRandom);

        assert_eq!(id.to_string().parse::<WorkspaceId>(), Ok(id));
        assert!(id.to_string().parse::<ProjectId>().is_err());
    }

    #[test]
    fn no_two_requests_share_an_id_whichever_node_they_came_to() {
        let nodes = [RequestIds::new(&OsRandom), RequestIds::new(&OsRandom)];

        let ids: Vec<_> = (0..20_000_usize).map(|n| nodes[n % 2].next(&SystemClock)).collect();

        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let text = ids[0].to_string();
        assert_eq!(text.parse::<RequestId>(), Ok(ids[0]), "{text}");
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
