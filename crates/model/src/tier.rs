//! A provider's own name for how much an account may do: `tier-5`, `build`, `enterprise`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// Kebab case; which names a provider has is in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Tier(String);

const NAME_BYTES_MAX: usize = 32;

impl Tier {
    pub const ENTERPRISE: &'static str = "enterprise";

    pub fn enterprise() -> Self {
        Self(Self::ENTERPRISE.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::schema::written_as_text!(Tier, "A tier's name in kebab case", Some("^[a-z0-9-]{1,32}$"));

/// Text that is no tier's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tier is written in lower case, as in tier-2 or enterprise")]
pub struct InvalidTier;

impl FromStr for Tier {
    type Err = InvalidTier;

    fn from_str(text: &str) -> Result<Self, InvalidTier> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(plain);
        let well_formed = text.len() <= NAME_BYTES_MAX && text.split('-').all(is_word);
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidTier) }
    }
}

impl<'de> Deserialize<'de> for Tier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How a key's tier is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierSource {
    AutoDetected,
    Default,
    UserSpecified,
}

impl TierSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AutoDetected => "auto_detected",
            Self::Default => "default",
            Self::UserSpecified => "user_specified",
        }
    }
}

impl fmt::Display for TierSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no source of a tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tier's source is auto_detected, user_specified or default")]
pub struct UnknownTierSource;

impl FromStr for TierSource {
    type Err = UnknownTierSource;

    fn from_str(text: &str) -> Result<Self, UnknownTierSource> {
        [Self::AutoDetected, Self::Default, Self::UserSpecified]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or(UnknownTierSource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_written_in_kebab_case() {
        for text in ["free", "tier-1", "tier-5", "start", "pay-as-you-go", "enterprise"] {
            assert_eq!(text.parse::<Tier>().expect(text).to_string(), text);
        }
        for text in ["", "-", "Tier-1", "tier 1", "tier_1", "-tier", "tier-", "a--b", "tïer"] {
            assert_eq!(text.parse::<Tier>(), Err(InvalidTier), "{text}");
        }
        assert_eq!("a".repeat(33).parse::<Tier>(), Err(InvalidTier));
        assert_eq!(Tier::enterprise().as_str(), Tier::ENTERPRISE);
        assert!(serde_json::from_str::<Tier>("\"Tier 1\"").is_err());
    }

    #[test]
    fn a_source_survives_its_text() {
        for source in [TierSource::AutoDetected, TierSource::Default, TierSource::UserSpecified] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert!("guessed".parse::<TierSource>().is_err());
    }
}
