//! What a model costs at a time, and whose word that is. The one door to prices.

use std::sync::Arc;

use crate::price::{Price, Rates, TokenPrice};
use crate::settings::PriceOverride;
use crate::usage::ServiceTier;
use crate::{Catalogue, PicoUsd, ProviderId, Timestamp, Usage};

/// Cheap to clone.
#[derive(Clone)]
pub struct Tariff {
    price: Arc<Price>,
    version: Arc<str>,
}

/// What a call may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub searches: u64,
    pub tier: Option<ServiceTier>,
}

impl Catalogue {
    pub fn tariff(&self, provider: &ProviderId, model: &str, at: Timestamp) -> Option<Tariff> {
        let _ = at;
        let price = self.model(provider, model)?.price.clone()?;
        Some(Tariff { price: Arc::new(price), version: "catalogue".into() })
    }
}

impl Tariff {
    pub fn of_override(over: &PriceOverride) -> Self {
        let rates = Rates {
            input: TokenPrice(over.input_pico_usd),
            output: TokenPrice(over.output_pico_usd),
            cached: over.cache_read_pico_usd.map(TokenPrice),
            write: over.cache_write_pico_usd.map(TokenPrice),
            write_long: None,
        };
        Self { price: Arc::new(Price { rates, long: None }), version: "workspace".into() }
    }

    /// Exact; a cost that the provider itself reports wins. `None` where tokens that have a price were not told.
    pub fn cost(&self, usage: &Usage, ended_at: Timestamp) -> Option<PicoUsd> {
        let _ = ended_at;
        match usage.reported_pico_usd {
            Some(reported) => Some(PicoUsd(i128::from(reported))),
            None => self.price.cost(usage),
        }
    }

    /// The most that so much can cost.
    pub fn worst(&self, bound: &Bound) -> PicoUsd {
        let (input, output) = self.dearest();
        let cost = |price: u64, tokens: u64| i128::from(price).saturating_mul(i128::from(tokens));
        PicoUsd(cost(input, bound.input_tokens).saturating_add(cost(output, bound.output_tokens)))
    }

    /// How many tokens of output such an amount buys beside that input, at the dearest. `None` where output is free.
    pub fn output_for(&self, amount: PicoUsd, bound: &Bound) -> Option<u64> {
        let (_, output) = self.dearest();
        let input = self.worst(&Bound { output_tokens: 0, ..*bound });
        let left = amount.0.saturating_sub(input.0).max(0);
        let tokens = left.checked_div(i128::from(output))?;
        Some(u64::try_from(tokens).unwrap_or(u64::MAX))
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    fn dearest(&self) -> (u64, u64) {
        let rates = [Some(&self.price.rates), self.price.long.as_ref().map(|long| &long.rates)];
        let rates = rates.into_iter().flatten();
        rates.fold((0, 0), |(input, output), rates| {
            let writes = [rates.write, rates.write_long, rates.cached].into_iter().flatten();
            let dearest = writes.map(|price| price.0).max().unwrap_or_default();
            (input.max(rates.input.0).max(dearest), output.max(rates.output.0))
        })
    }
}
