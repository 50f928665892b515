//! What a gateway key may do: exact, lower-case, verb first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Inference,
    ReadByok,
    ReadKeys,
    ReadSecrets,
    ReadUsage,
    WriteByok,
    WriteKeys,
    WriteSecrets,
}

impl Scope {
    pub const ALL: [Self; 8] = [
        Self::Inference,
        Self::ReadByok,
        Self::ReadKeys,
        Self::ReadSecrets,
        Self::ReadUsage,
        Self::WriteByok,
        Self::WriteKeys,
        Self::WriteSecrets,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::ReadByok => "read:byok",
            Self::ReadKeys => "read:keys",
            Self::ReadSecrets => "read:secrets",
            Self::ReadUsage => "read:usage",
            Self::WriteByok => "write:byok",
            Self::WriteKeys => "write:keys",
            Self::WriteSecrets => "write:secrets",
        }
    }

    /// Whether it changes something.
    pub const fn is_write(self) -> bool {
        matches!(self, Self::WriteByok | Self::WriteKeys | Self::WriteSecrets)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scopes of one gateway key: a list of them, or `*`, which also grants the scopes of later versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeSet {
    Everything,
    Only(Vec<Scope>),
}

impl ScopeSet {
    pub fn allows(&self, scope: Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(scopes) => scopes.contains(&scope),
        }
    }

    /// Nothing may be missing, unknown or written otherwise than it is defined.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UnknownScope> {
        let mut scopes = Vec::new();
        let mut everything = false;
        for name in names {
            if name == EVERYTHING {
                everything = true;
            } else {
                let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
                let scope = scope.ok_or_else(|| UnknownScope(name.to_owned()))?;
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        Ok(if everything { Self::Everything } else { Self::Only(scopes) })
    }

    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Everything => vec![EVERYTHING],
            Self::Only(scopes) => scopes.iter().map(|scope| scope.as_str()).collect(),
        }
    }
}

const EVERYTHING: &str = "*";

/// A list of scopes.
impl utoipa::PartialSchema for ScopeSet {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder};
        let names = std::iter::once(EVERYTHING).chain(Scope::ALL.iter().map(|s| s.as_str()));
        let name = ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(names));
        ArrayBuilder::new().items(name).into()
    }
}

impl utoipa::ToSchema for ScopeSet {}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown scope \"{0}\": scopes are inference, read:byok, write:byok, read:keys, write:keys, \
     read:secrets, write:secrets, read:usage, or *"
)]
pub struct UnknownScope(String);

/// As stored: the names, separated by spaces.
impl FromStr for ScopeSet {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::parse(text.split_ascii_whitespace())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Self::parse(names.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_exact_lower_case_verb_first() {
        assert!(ScopeSet::parse(["read:byok"]).is_ok());
        for bad in ["Read:byok", "byok:read", "READ:BYOK", "read:", "", "inference "] {
            assert!(ScopeSet::parse([bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_star_allows_all_and_a_list_only_what_it_names() {
        let some = ScopeSet::parse(["inference", "read:byok"]).expect("known");

        for scope in Scope::ALL {
            assert!(ScopeSet::Everything.allows(scope));
            assert_eq!(some.allows(scope), matches!(scope, Scope::Inference | Scope::ReadByok));
        }
        assert_eq!(some.to_string().parse(), Ok(some));
    }
}
