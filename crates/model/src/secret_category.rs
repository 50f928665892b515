//! What a secret is for, which is for people to sort by: nothing else depends on it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretCategory {
    /// What an external service asks for.
    Api,
    ApiKey,
    Custom,
    Database,
    /// A provider key.
    LlmProvider,
}

impl SecretCategory {
    pub const ALL: [Self; 5] =
        [Self::Api, Self::ApiKey, Self::Custom, Self::Database, Self::LlmProvider];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::ApiKey => "api_key",
            Self::Custom => "custom",
            Self::Database => "database",
            Self::LlmProvider => "llm_provider",
        }
    }
}

impl fmt::Display for SecretCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a category is api_key, api, llm_provider, database or custom")]
pub struct UnknownSecretCategory;

impl FromStr for SecretCategory {
    type Err = UnknownSecretCategory;

    fn from_str(text: &str) -> Result<Self, UnknownSecretCategory> {
        let found = Self::ALL.into_iter().find(|category| category.as_str() == text);
        found.ok_or(UnknownSecretCategory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_survives_its_text_and_its_json() {
        for category in SecretCategory::ALL {
            let text = category.to_string();

            assert_eq!(text.parse(), Ok(category));
            let json = serde_json::to_string(&category).expect("text");
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<SecretCategory>(&json).expect("read"), category);
        }
        assert!("API_KEY".parse::<SecretCategory>().is_err());
    }
}
