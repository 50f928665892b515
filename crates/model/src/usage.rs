//! What a call used, in one meaning whatever the provider called it. Knows no prices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Tokens of one attempt, and what else its price hangs on. `None` is "not told", which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// All input, whatever part of it came from or went to a cache.
    pub input_tokens: Option<u64>,
    /// The part of the input read from a cache.
    pub cached_tokens: Option<u64>,
    /// The part of the input written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// The part of what was written that is kept longer, and costs more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_long_tokens: Option<u64>,
    /// The part of the input that was sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input_tokens: Option<u64>,
    /// All output, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of the output that was reasoning.
    pub reasoning_tokens: Option<u64>,
    /// What the provider itself looked up in the web.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<u64>,
    /// As the answer names it, whatever was asked for; absent for the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ServiceTier>,
    /// Where it was computed, if only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
    /// What the provider itself says it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_pico_usd: Option<u64>,
    /// Counted by us because the provider's own count never came.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// A provider may claim any number of tokens. More than this in one attempt is not believed: sums of such claims must fit
    /// their columns for ever.
    pub const TOKENS_MAX: u64 = 1_000_000_000_000;

    /// What a pool counts.
    pub fn total_tokens(&self) -> u64 {
        let [input, output] = [self.input_tokens, self.output_tokens]
            .map(|tokens| tokens.unwrap_or_default().min(Self::TOKENS_MAX));
        input.saturating_add(output)
    }

    /// For a provider that told nothing: one token for each piece of its answer.
    pub fn counted(pieces: u64) -> Self {
        Self { output_tokens: Some(pieces), estimated: true, ..Self::default() }
    }
}

/// How soon a provider computes, where it sells that at another price.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    Batch,
    Fast,
    Flex,
    Priority,
    Ultrafast,
}

impl ServiceTier {
    pub const ALL: [Self; 5] =
        [Self::Batch, Self::Fast, Self::Flex, Self::Priority, Self::Ultrafast];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Fast => "fast",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Ultrafast => "ultrafast",
        }
    }
}

impl fmt::Display for ServiceTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no tier with a price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of batch, fast, flex, priority and ultrafast")]
pub struct InvalidServiceTier;

impl FromStr for ServiceTier {
    type Err = InvalidServiceTier;

    fn from_str(text: &str) -> Result<Self, InvalidServiceTier> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or(InvalidServiceTier)
    }
}

/// A part of the world that computing in costs more.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Geo {
    Us,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_survives_its_text_and_its_json() {
        for tier in ServiceTier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
            let json = format!("\"{tier}\"");
            assert_eq!(serde_json::to_string(&tier).expect("JSON"), json);
            assert_eq!(serde_json::from_str::<ServiceTier>(&json).expect("a tier"), tier);
        }
        for other in ["", "default", "standard", "Flex", "auto"] {
            assert_eq!(other.parse::<ServiceTier>(), Err(InvalidServiceTier), "{other}");
        }
    }

    #[test]
    fn what_was_not_told_is_not_written_and_need_not_be_there() {
        let old = r#"{"input_tokens":1,"cached_tokens":null,"output_tokens":2,"reasoning_tokens":null,"estimated":false}"#;
        let plain = Usage { input_tokens: Some(1), output_tokens: Some(2), ..Usage::default() };

        assert_eq!(serde_json::from_str::<Usage>(old).expect("usage"), plain);
        assert_eq!(serde_json::to_string(&plain).expect("JSON"), old);
        let whole = Usage {
            audio_input_tokens: Some(3),
            searches: Some(4),
            tier: Some(ServiceTier::Flex),
            geo: Some(Geo::Us),
            reported_pico_usd: Some(5),
            ..plain
        };
        let text = serde_json::to_string(&whole).expect("JSON");
        assert_eq!(serde_json::from_str::<Usage>(&text).expect("usage"), whole);
        assert!(text.contains(r#""tier":"flex","geo":"us""#), "{text}");
    }
}
