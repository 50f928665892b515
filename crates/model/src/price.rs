//! What a model's tokens and searches cost. Exact: no floating point, and nothing is rounded before people see it. Knows
//! neither whose price it is nor what the hour adds to it.

mod rates;
mod surcharges;
mod token_price;
mod update;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use toml::value::Date;

use crate::usage::ServiceTier;
use crate::{PicoUsd, Timestamp, Usage};

pub use rates::Rates;
pub use surcharges::{Peak, Ratio, Surcharges};
pub use token_price::{InvalidPrice, SearchPrice, TokenPrice};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    #[serde(rename = "usd")]
    pub rates: Rates,
    #[serde(default)]
    pub long: Option<LongPrice>,
    /// Where an answer comes sooner or later than usual, for more or less.
    #[serde(default)]
    pub tiers: BTreeMap<ServiceTier, TierPrice>,
    /// Absent where it is unknown, which is not free.
    #[serde(default)]
    pub search: Option<SearchPrice>,
    /// What has been announced.
    #[serde(default)]
    pub next: Option<NextPrice>,
}

/// What holds for every token of a call, and not only for those past the threshold, once its input is longer than that.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPrice {
    pub above: u64,
    #[serde(rename = "usd")]
    pub rates: Rates,
}

/// What is not in it costs what is usual. The threshold of its long price is the usual one's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierPrice {
    #[serde(rename = "usd")]
    pub rates: Rates,
    #[serde(rename = "long", default)]
    pub long_rates: Option<Rates>,
}

/// A whole price, of which nothing is taken from the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextPrice {
    /// From midnight, UTC.
    pub from: Date,
    pub price: Arc<Price>,
}

impl Price {
    pub const fn flat(rates: Rates) -> Self {
        Self { rates, long: None, tiers: BTreeMap::new(), search: None, next: None }
    }

    /// The one that holds at a time.
    #[must_use]
    pub fn at(self: &Arc<Self>, at: Timestamp) -> Arc<Self> {
        let mut price = Arc::clone(self);
        while let Some(next) = price.next.as_ref().filter(|next| surcharges::day(at) >= next.from) {
            price = Arc::clone(&next.price);
        }
        price
    }

    /// `None` where the provider did not tell the number of tokens that have a price.
    pub fn cost(&self, usage: &Usage) -> Option<PicoUsd> {
        self.tokens(usage)?.checked_add(self.searches(usage.searches.unwrap_or_default())?)
    }

    pub(crate) fn tokens(&self, usage: &Usage) -> Option<PicoUsd> {
        self.rates_of(usage.tier, usage.input_tokens.unwrap_or_default()).cost(usage)
    }

    /// `None` where there were some and their price is unknown.
    pub(crate) fn searches(&self, searches: u64) -> Option<PicoUsd> {
        match self.search {
            None if searches > 0 => None,
            None => Some(PicoUsd::default()),
            Some(price) => price.times(searches),
        }
    }

    /// Of so long an input in that tier. A tier without a price of its own has the usual one. Where it has none for long
    /// inputs, the dearer of what it costs otherwise and of what they usually cost is never too little.
    pub(crate) fn rates_of(&self, tier: Option<ServiceTier>, input_tokens: u64) -> Rates {
        let long = self.long.as_ref().filter(|long| input_tokens > long.above);
        let tier = tier.and_then(|tier| self.tiers.get(&tier));
        match (tier, long) {
            (None, None) => self.rates,
            (None, Some(long)) => long.rates,
            (Some(tier), None) => tier.rates.or(&self.rates),
            (Some(tier), Some(long)) => match tier.long_rates {
                Some(rates) => rates.or(&long.rates),
                None => tier.rates.or(&self.rates).dearer(&long.rates),
            },
        }
    }
}

#[cfg(test)]
mod tests;
