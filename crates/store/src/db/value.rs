//! What a query can be given: integers, text and blobs, each possibly null. Knows no driver.

use model::{
    GatewayKeyId, InstanceId, KeyVersion, NodeId, ProjectId, ProviderId, ProviderKeyId, RequestId,
    Role, Sealed, SessionId, Timestamp, UserId, WorkspaceId,
};

/// Nulls keep their type, because PostgreSQL asks for it.
pub(crate) enum Value {
    Blob(Option<Vec<u8>>),
    Int(Option<i64>),
    Text(Option<String>),
}

impl Value {
    /// PostgreSQL has no NUL in texts and SQLite has. Refused on both, so that neither is a surprise.
    pub(crate) fn is_unstorable(&self) -> bool {
        matches!(self, Self::Text(Some(text)) if text.contains('\0'))
    }
}

/// The arguments of a query, in the order of its `$1`, `$2`, ...
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(crate::db::Value::from($value)),*] };
}
pub(crate) use args;

macro_rules! text {
    ($($type:ty),+) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(Some(value.to_string()))
            }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::Text(value.map(|value| value.to_string()))
            }
        }
    )+};
}
text!(
    &str,
    &String,
    &ProviderId,
    &model::Origin,
    &model::BaseUrl,
    &model::ScopeSet,
    &model::Tier,
    GatewayKeyId,
    InstanceId,
    model::InvitationId,
    NodeId,
    ProjectId,
    ProviderKeyId,
    RequestId,
    Role,
    model::SecretId,
    SessionId,
    UserId,
    WorkspaceId,
    model::Actor
);

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

/// Counts past 2^63 do not occur; should one be claimed, the largest is stored rather than a wrapped one.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.unix_ms()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::unix_ms))
    }
}

impl From<KeyVersion> for Value {
    fn from(value: KeyVersion) -> Self {
        Self::Int(Some(i64::from(value.0)))
    }
}

impl From<Option<KeyVersion>> for Value {
    fn from(value: Option<KeyVersion>) -> Self {
        Self::Int(value.map(|version| i64::from(version.0)))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Some(value.to_vec()))
    }
}

impl From<Option<&[u8]>> for Value {
    fn from(value: Option<&[u8]>) -> Self {
        Self::Blob(value.map(<[u8]>::to_vec))
    }
}

impl From<&Sealed> for Value {
    fn from(value: &Sealed) -> Self {
        Self::Blob(Some(value.as_bytes().to_vec()))
    }
}

impl From<Option<&Sealed>> for Value {
    fn from(value: Option<&Sealed>) -> Self {
        Self::Blob(value.map(|sealed| sealed.as_bytes().to_vec()))
    }
}

/// Settings are structs of ours, which always have a JSON form.
impl From<&model::Settings> for Value {
    fn from(value: &model::Settings) -> Self {
        Self::Text(serde_json::to_string(value).ok())
    }
}

impl From<&model::KeyPolicy> for Value {
    fn from(value: &model::KeyPolicy) -> Self {
        Self::Text(serde_json::to_string(value).ok())
    }
}

impl From<Option<&Vec<String>>> for Value {
    fn from(value: Option<&Vec<String>>) -> Self {
        Self::Text(value.and_then(|list| serde_json::to_string(list).ok()))
    }
}
