//! What is to become of each key that was found: one for each provider, and none over one that is there unless that is
//! wished.

use std::fmt;

use model::Catalogue;
use serde_json::Value;
use zeroize::Zeroizing;

use super::find::Found;
use crate::cli::client::path;
use crate::cli::connection::Connection;
use crate::cli::providers::{byok_keys, provider_keys};

pub struct Planned {
    pub found: Found,
    pub action: Action,
}

pub enum Action {
    Add,
    /// The path of the value that is replaced.
    Replace(String),
    Skip(String),
}

/// Where keys are stored.
pub enum Home {
    Project(String),
    Workspace(String),
}

pub async fn plan(
    to: &Connection,
    home: &Home,
    found: Vec<Found>,
    replace: bool,
) -> anyhow::Result<Vec<Planned>> {
    let stored = to.all(|query| to.client.get(&format!("{}{query}", home.keys()))).await?;
    let stored = Stored { items: stored, catalogue: Catalogue::shipped()? };
    let mut taken = Vec::new();
    let planned = found.into_iter().map(|found| {
        let action = match skipped(&found, &mut taken) {
            Some(why) => Action::Skip(why),
            None => match (stored.of(found.provider), replace) {
                (None, _) => Action::Add,
                (Some(there), true) => Action::Replace(home.value_of(there, found.provider)),
                (Some(_), false) => Action::Skip("there is a key already (--replace)".to_owned()),
            },
        };
        Planned { found, action }
    });
    Ok(planned.collect())
}

/// A provider whose key is found already, and where.
struct Taken {
    provider: &'static str,
    variable: &'static str,
    value: Zeroizing<String>,
}

/// Why a key is passed over, if it is; otherwise it takes its provider's place.
fn skipped(found: &Found, taken: &mut Vec<Taken>) -> Option<String> {
    let Some(value) = &found.value else { return Some("it refers to something else".to_owned()) };
    if let Some(other) = taken.iter().find(|taken| taken.provider == found.provider) {
        let why = if *other.value == **value { "is the same" } else { "goes first" };
        return Some(format!("{} {why}", other.variable));
    }
    let (provider, variable) = (found.provider, found.variable);
    taken.push(Taken { provider, variable, value: value.clone() });
    None
}

/// The keys that are there.
struct Stored {
    items: Vec<Value>,
    catalogue: Catalogue,
}

impl Stored {
    /// The one of a provider, however it is spelled: its default, where there are several.
    fn of(&self, provider: &str) -> Option<&Value> {
        let of_provider = |item: &&Value| {
            let name = item.pointer("/provider").and_then(Value::as_str);
            let known = name.and_then(|name| self.catalogue.provider(name));
            known.is_some_and(|known| known.id.as_str() == provider)
        };
        let is_default = |item: &&Value| item.pointer("/is_default") == Some(&Value::Bool(true));
        let mut of_provider = self.items.iter().filter(of_provider);
        of_provider.clone().find(is_default).or_else(|| of_provider.next())
    }
}

impl Home {
    pub fn keys(&self) -> String {
        match self {
            Self::Project(project) => byok_keys(project),
            Self::Workspace(workspace) => provider_keys(workspace),
        }
    }

    fn value_of(&self, stored: &Value, provider: &str) -> String {
        let id = stored.pointer("/id").and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Project(_) => format!("{}{}", self.keys(), path([provider])),
            Self::Workspace(_) => format!("{}{}/secret", self.keys(), path([id])),
        }
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(id) => write!(f, "project {id}"),
            Self::Workspace(id) => write!(f, "workspace {id}"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add => f.write_str("add"),
            Self::Replace(_) => f.write_str("replace"),
            Self::Skip(why) => write!(f, "skip: {why}"),
        }
    }
}
