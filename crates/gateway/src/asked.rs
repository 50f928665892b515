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
    /// The output limit the caller set, for all answers that it asked for.
    pub output_tokens_max: Option<u64>,
    pub pricing: Pricing,
}

/// Whether what a call will cost can be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pricing {
    /// It costs nothing, whatever the model.
    Free,
    /// By its tokens.
    #[default]
    Tokens,
    /// In units that have no price here.
    Unknown,
}

impl Pricing {
    pub const fn of(operation: Operation) -> Self {
        use Operation as Op;
        match operation {
            counts if counts.only_counts() => Self::Free,
            Op::ImageEdits
            | Op::Images
            | Op::Passthrough
            | Op::Speech
            | Op::Transcriptions
            | Op::Translations => Self::Unknown,
            _ => Self::Tokens,
        }
    }
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
