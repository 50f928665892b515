//! A price as people write it: exact decimals of a dollar, kept as whole pico-USD.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::PicoUsd;

/// Pico-USD for one token, which is micro-USD for a million of them. Written as USD for a million: `"0.075"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenPrice(pub u64);

/// Pico-USD for one search. Written as USD for a thousand: `"10"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchPrice(pub u64);

impl TokenPrice {
    /// 10,000 USD for a million tokens: whatever costs more is a mistake.
    pub const MAX: Self = Self(10_000_000_000);

    /// What costs nothing costs nothing however much of it there was.
    pub(crate) fn times(self, tokens: Option<u64>) -> Option<PicoUsd> {
        if self.0 == 0 {
            return Some(PicoUsd::default());
        }
        i128::from(self.0).checked_mul(i128::from(tokens?)).map(PicoUsd)
    }
}

impl SearchPrice {
    /// As much for a thousand as the dearest million tokens.
    pub const MAX: Self = Self(TokenPrice::MAX.0 * PICO_PER_MICRO_A_THOUSAND);

    pub(crate) fn times(self, searches: u64) -> Option<PicoUsd> {
        i128::from(self.0).checked_mul(i128::from(searches)).map(PicoUsd)
    }
}

const DECIMALS: usize = 6;
/// A micro-USD for a thousand is so many pico-USD for one.
const PICO_PER_MICRO_A_THOUSAND: u64 = 1_000;

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
        if Self(pico) <= Self::MAX { Ok(Self(pico)) } else { Err(InvalidPrice) }
    }
}

impl FromStr for SearchPrice {
    type Err = InvalidPrice;

    fn from_str(text: &str) -> Result<Self, InvalidPrice> {
        let TokenPrice(micro) = text.parse()?;
        micro.checked_mul(PICO_PER_MICRO_A_THOUSAND).map(Self).ok_or(InvalidPrice)
    }
}

/// As it is written: no zero at the end says nothing.
impl fmt::Display for TokenPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, micro) = (self.0 / PER_USD, self.0 % PER_USD);
        if micro == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{micro:0>DECIMALS$}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl fmt::Display for SearchPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TokenPrice(self.0 / PICO_PER_MICRO_A_THOUSAND).fmt(f)
    }
}

const PER_USD: u64 = 1_000_000;

impl<'de> Deserialize<'de> for TokenPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SearchPrice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
