//! What people send to make a secret or to change one.

use model::{Refusal, SecretCategory};
use serde::Deserialize;
use utoipa::ToSchema;
use vault::SecretValue;

use crate::patch::mentioned;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSecret {
    pub name: String,
    /// Never comes back.
    pub value: String,
    /// Without one: `llm_provider` for a provider key, else `api_key`.
    #[serde(default)]
    pub category: Option<SecretCategory>,
    #[serde(default)]
    pub description: Option<String>,
}

/// Absent is unchanged, null is the default again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateSecret {
    #[serde(deserialize_with = "mentioned")]
    pub name: Option<String>,
    #[serde(deserialize_with = "mentioned")]
    pub value: Option<String>,
    #[serde(deserialize_with = "mentioned")]
    #[schema(value_type = Option<SecretCategory>)]
    pub category: Option<Option<SecretCategory>>,
    #[serde(deserialize_with = "mentioned")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
}

pub const DEFAULT_CATEGORY: SecretCategory = SecretCategory::ApiKey;
const DESCRIPTION_CHARS_MAX: usize = 500;

/// For people. Blank is none.
pub fn description(text: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        let public = format!("description must have at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(Refusal::invalid("description", public));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Refusal::invalid("description", "description must be plain text"));
    }
    Ok(Some(text.to_owned()))
}

/// As it is: trimmed of nothing.
pub fn value(text: String) -> Result<SecretValue, Refusal> {
    SecretValue::parse(text.into_bytes())
        .map_err(|error| Refusal::invalid("value", format!("value: {error}")))
}
