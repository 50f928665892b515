//! The prices of one model's tokens, by what became of them.

use serde::Deserialize;

use super::TokenPrice;
use crate::{PicoUsd, Usage};

/// Where a price is absent, the next more general one holds: input's for what was cached, written or heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub input: TokenPrice,
    pub output: TokenPrice,
    #[serde(default)]
    pub cached: Option<TokenPrice>,
    #[serde(default)]
    pub write: Option<TokenPrice>,
    /// For what a cache keeps longer.
    #[serde(default)]
    pub write_long: Option<TokenPrice>,
    /// For sound that no cache had.
    #[serde(default)]
    pub audio: Option<TokenPrice>,
}

impl Rates {
    /// `None` where tokens that have a price were not told.
    pub(super) fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        let cached = usage.cached_tokens.unwrap_or_default();
        let written = usage.cache_write_tokens.unwrap_or_default();
        let written_long = usage.cache_write_long_tokens.unwrap_or_default();
        // Some have told of more in its parts than in the whole: the parts are billed.
        let fresh =
            usage.input_tokens.map(|all| all.saturating_sub(cached).saturating_sub(written));
        // What part of the sound was in a cache, nobody tells.
        let heard = usage.audio_input_tokens.unwrap_or_default().min(fresh.unwrap_or_default());
        [
            (self.input, fresh.map(|fresh| fresh.saturating_sub(heard))),
            (self.audio(), Some(heard)),
            (self.cached(), Some(cached)),
            (self.write(), Some(written.saturating_sub(written_long))),
            (self.write_long(), Some(written_long)),
            (self.output, usage.output_tokens),
        ]
        .into_iter()
        .try_fold(PicoUsd::default(), |sum, (price, tokens)| sum.checked_add(price.times(tokens)?))
    }

    /// The most that a token of the input can cost.
    pub(crate) fn dearest_input(&self) -> TokenPrice {
        let others = [self.cached(), self.write(), self.write_long(), self.audio()];
        others.into_iter().fold(self.input, TokenPrice::max)
    }

    /// With another's prices for what has none of its own here.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            cached: self.cached.or(other.cached),
            write: self.write.or(other.write),
            write_long: self.write_long.or(other.write_long),
            audio: self.audio.or(other.audio),
            ..*self
        }
    }

    /// The dearer of two prices for each sort of token.
    pub(super) fn dearer(&self, other: &Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cached: Some(self.cached().max(other.cached())),
            write: Some(self.write().max(other.write())),
            write_long: Some(self.write_long().max(other.write_long())),
            audio: Some(self.audio().max(other.audio())),
        }
    }

    fn cached(&self) -> TokenPrice {
        self.cached.unwrap_or(self.input)
    }

    fn write(&self) -> TokenPrice {
        self.write.unwrap_or(self.input)
    }

    fn write_long(&self) -> TokenPrice {
        self.write_long.unwrap_or_else(|| self.write())
    }

    fn audio(&self) -> TokenPrice {
        self.audio.unwrap_or(self.input)
    }
}
