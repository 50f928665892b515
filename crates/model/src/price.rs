//! What a model's tokens cost. Exact: no floating point, and nothing is rounded before people see it. Prices tokens only.

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::{PicoUsd, Usage};

/// Pico-USD for one token, which is micro-USD for a million of them. Written as USD for a million: `"0.075"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenPrice(pub u64);

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    #[serde(rename = "usd")]
    pub rates: Rates,
    #[serde(default)]
    pub long: Option<LongPrice>,
}

/// What holds for every token of a call, and not only for those past the threshold, once its input is longer than that.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    pub above: u64,
    #[serde(rename = "usd")]
    pub rates: Rates,
}

/// Where a price is absent, the next more general one holds: input's for what was cached or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
}

impl Price {
    /// `None` where the provider did not tell the number of tokens that have a price.
    pub fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        let input_tokens = usage.input_tokens.unwrap_or_default();
        let long = self.long.as_ref().filter(|long| input_tokens > long.above);
        long.map_or(&self.rates, |long| &long.rates).cost(usage)
    }
}

impl Rates {
    fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        let cached = usage.cached_tokens.unwrap_or_default();
        let written = usage.cache_write_tokens.unwrap_or_default();
        let written_long = usage.cache_write_long_tokens.unwrap_or_default();
        // Some have told of more in its parts than in the whole: the parts are billed.
        let fresh =
            usage.input_tokens.map(|all| all.saturating_sub(cached).saturating_sub(written));
        let write = self.write.unwrap_or(self.input);
        [
            (self.input, fresh),
            (self.cached.unwrap_or(self.input), Some(cached)),
            (write, Some(written.saturating_sub(written_long))),
            (self.write_long.unwrap_or(write), Some(written_long)),
            (self.output, usage.output_tokens),
        ]
        .into_iter()
        .try_fold(PicoUsd::default(), |sum, (price, tokens)| sum.checked_add(price.times(tokens)?))
    }
}

impl TokenPrice {
    /// What costs nothing costs nothing however much of it there was.
    fn times(self, tokens: Option<u64>) -> Option<PicoUsd> {
        if self.0 == 0 {
            return Some(PicoUsd::default());
        }
        i128::from(self.0).checked_mul(i128::from(tokens?)).map(PicoUsd)
    }
}

/// 10,000 USD for a million tokens: whatever costs more is a mistake.
const PICO_USD_MAX: u64 = 10_000_000_000;
const DECIMALS: usize = 6;

/// Text that is no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a price is USD for a million tokens, like 2.5: up to 10000, with up to six decimals")]
pub struct InvalidPrice;

impl FromStr for TokenPrice {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
            return Err(InvalidPrice);
        }
        let pico: u64 =
            format!("{whole}{decimals:0<DECIMALS$}").parse().map_err(|_| InvalidPrice)?;
        if pico <= PICO_USD_MAX { Ok(Self(pico)) } else { Err(InvalidPrice) }
    }
}

impl<'de> Deserialize<'de> for TokenPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
