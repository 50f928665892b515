//! What routing knows of a request: which model, for what, with which wishes. Never the prompt.

use model::{Operation, Provider};
use wire::Wishes;

pub struct Asked<'a> {
    pub operation: Operation,
    /// As the caller wrote it; absent where it leaves that to the settings.
    pub model: Option<String>,
    pub stream: bool,
    pub wishes: Wishes,
    /// The one provider whose other routes are asked for (`/passthrough/{provider}/...`).
    pub passthrough: Option<&'a Provider>,
    /// For estimates: bytes of the body, of which a token takes at least one.
    pub body_bytes: usize,
    /// The output limit the caller set.
    pub output_tokens_max: Option<u64>,
}

impl Asked<'_> {
    /// What is reserved of limits that count tokens: an ordinary text's, and the answer's where the caller bounds it.
    pub fn tokens_expected(&self) -> u64 {
        let input = u64::try_from(self.body_bytes / BYTES_PER_TOKEN).unwrap_or(u64::MAX);
        input.max(1).saturating_add(self.output_tokens_max.unwrap_or_default())
    }
}

/// A token of ordinary text takes about four bytes.
pub const BYTES_PER_TOKEN: usize = 4;
