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
    /// Counted by us because the provider's own count never came.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// For a provider that told nothing: one token for each piece of its answer.
    pub fn counted(pieces: u64) -> Self {
        Self { output_tokens: Some(pieces), estimated: true, ..Self::default() }
    }
}
