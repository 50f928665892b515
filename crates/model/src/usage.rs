//! What a call used, in one meaning whatever the provider called it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Tokens of one attempt. `None` is "not told", which is not zero.
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
    /// All output, reasoning included.
    pub output_tokens: Option<u64>,
    /// The part of the output that was reasoning.
    pub reasoning_tokens: Option<u64>,
    /// The part of the input that was sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input_tokens: Option<u64>,
    /// Searches of the web that the provider made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<u64>,
    /// What the answer says it was served by, where that is not the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<ServiceTier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
    /// What the provider itself says it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_pico_usd: Option<u64>,
    /// Counted by us because the provider's own count never came.
    #[serde(default)]
    pub estimated: bool,
}

/// A way of serving that has prices of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    Batch,
    Fast,
    Flex,
    Priority,
    Ultrafast,
}

impl ServiceTier {
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

/// Text that names no tier of service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tier of service is batch, fast, flex, priority or ultrafast")]
pub struct UnknownServiceTier;

impl std::str::FromStr for ServiceTier {
    type Err = UnknownServiceTier;

    fn from_str(text: &str) -> Result<Self, UnknownServiceTier> {
        let tiers = [Self::Batch, Self::Fast, Self::Flex, Self::Priority, Self::Ultrafast];
        tiers.into_iter().find(|tier| tier.as_str() == text).ok_or(UnknownServiceTier)
    }
}

/// Where a call was bound to be worked on, for a dearer price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Geo {
    Us,
}

impl Usage {
    /// For a provider that told nothing: one token for each piece of its answer.
    pub fn counted(pieces: u64) -> Self {
        Self { output_tokens: Some(pieces), estimated: true, ..Self::default() }
    }
}
