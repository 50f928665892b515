//! What a client may ask of the gateway itself, in the body's `routing` member. Knows not whether a wish is granted.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::InvalidBody;
use crate::json::{self, Reading};

/// `routing: {...}`, word for word. Absent and `null` are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub only_byok: bool,
    pub only_platform: bool,
    /// The id of the provider key that must pay.
    pub provider_key: Option<String>,
    pub fallback_models: Vec<String>,
    pub data_policy: Option<String>,
    pub receipt: bool,
    pub project: Option<String>,
}

impl Wishes {
    pub(super) fn read(routing: &RawValue) -> Result<Self, InvalidBody> {
        if routing.get() == "null" {
            return Ok(Self::default());
        }
        let [
            only_byok,
            only_platform,
            provider_key,
            fallback_models,
            data_policy,
            receipt,
            project,
        ] = json::members(routing.get(), &FIELDS, Reading::Closed)
            .map_err(|flaw| InvalidBody::flaw(Some("routing"), flaw))?;
        let wishes = Self {
            only_byok: field(only_byok, "only_byok", YES_OR_NO)?.unwrap_or_default(),
            only_platform: field(only_platform, "only_platform", YES_OR_NO)?.unwrap_or_default(),
            provider_key: field(provider_key, "provider_key", TEXT)?,
            fallback_models: field(fallback_models, "fallback_models", TEXTS)?.unwrap_or_default(),
            data_policy: field(data_policy, "data_policy", TEXT)?,
            receipt: field(receipt, "receipt", YES_OR_NO)?.unwrap_or_default(),
            project: field(project, "project", TEXT)?,
        };
        if wishes.only_byok && wishes.only_platform {
            return Err(InvalidBody::new(
                Some("routing"),
                "`routing.only_byok` and `routing.only_platform` exclude each other",
            ));
        }
        Ok(wishes)
    }
}

fn field<T: DeserializeOwned>(
    value: Option<&RawValue>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, InvalidBody> {
    serde_json::from_str(value.map_or("null", RawValue::get)).map_err(|_| {
        InvalidBody::new(Some("routing"), format!("`routing.{name}` must be {expected}"))
    })
}

const FIELDS: [&str; 7] = [
    "only_byok",
    "only_platform",
    "provider_key",
    "fallback_models",
    "data_policy",
    "receipt",
    "project",
];
const YES_OR_NO: &str = "true or false";
const TEXT: &str = "a string";
const TEXTS: &str = "a list of strings";
