//! What a model costs at a time, and whose word that is: the one door to prices for those who hold and settle money.

use std::sync::Arc;

use crate::price::{Price, Ratio, SearchPrice, Surcharges};
use crate::settings::PriceOverride;
use crate::usage::ServiceTier;
use crate::{PicoUsd, Rates, Timestamp, TokenPrice, Usage};

/// What a model costs at a time, and whose word that is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tariff {
    price: Arc<Price>,
    surcharges: Option<Arc<Surcharges>>,
    version: Arc<str>,
}

/// The most that a call may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub searches: u64,
    /// As the caller asked for one; none dearer than usual is given unasked.
    pub tiers: Tiers,
}

/// How a call may be served, beside as usual: whoever asks for another way may not get it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiers {
    Any,
    One(ServiceTier),
    #[default]
    Usual,
}

impl Tiers {
    /// Where both are asked for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Usual, one) | (one, Self::Usual) => one,
            (one, other) if one == other => one,
            _ => Self::Any,
        }
    }

    fn all(self) -> impl Iterator<Item = Option<ServiceTier>> {
        let may_be = move |tier: &ServiceTier| self == Self::Any || self == Self::One(*tier);
        std::iter::once(None).chain(ServiceTier::ALL.into_iter().filter(may_be).map(Some))
    }
}

impl Tariff {
    pub(crate) const fn new(
        price: Arc<Price>,
        surcharges: Option<Arc<Surcharges>>,
        version: Arc<str>,
    ) -> Self {
        Self { price, surcharges, version }
    }

    /// A workspace's own word. It has none on searches, which are in its price then.
    pub fn of_override(over: &PriceOverride) -> Self {
        let rates = Rates {
            input: TokenPrice(over.input_pico_usd),
            output: TokenPrice(over.output_pico_usd),
            cached: over.cache_read_pico_usd.map(TokenPrice),
            write: over.cache_write_pico_usd.map(TokenPrice),
            ..Rates::default()
        };
        let price = Price { search: Some(SearchPrice(0)), ..Price::flat(rates) };
        Self::new(Arc::new(price), None, WORKSPACE.into())
    }

    /// Exact; a cost that the provider itself reports wins. `None` where tokens that have a price were not told.
    pub fn cost(&self, usage: &Usage, ended_at: Timestamp) -> Option<PicoUsd> {
        if let Some(reported) = usage.reported_pico_usd {
            return Some(PicoUsd(i128::from(reported)));
        }
        let ratios = self.surcharges.iter().flat_map(|it| it.on(usage, ended_at));
        let (times, over) = product(ratios);
        // What is cut off here is less than a pico-USD, and so changes no rounding of a micro-USD.
        let tokens = self.price.tokens(usage)?.0.checked_mul(times)?.div_euclid(over);
        PicoUsd(tokens).checked_add(self.price.searches(usage.searches.unwrap_or_default())?)
    }

    /// The most that so many tokens can cost, whatever their cache, hour and place; a dearer tier only where it was asked
    /// for. Searches without a known price cannot be bounded.
    pub fn worst(&self, bound: &Bound) -> PicoUsd {
        let dearest = self.dearest(bound);
        let tokens = dearest.tokens(bound.input_tokens, bound.output_tokens);
        let (times, over) = dearest.ratio;
        let tokens = tokens.saturating_mul(times).saturating_add(over - 1).div_euclid(over);
        PicoUsd(tokens.saturating_add(self.worst_searches(bound)))
    }

    /// How many output tokens such an amount buys beside that input, at the dearest; `None` where output costs nothing.
    pub fn output_for(&self, amount: PicoUsd, bound: &Bound) -> Option<u64> {
        let dearest = self.dearest(bound);
        let each = i128::from(dearest.output.0);
        if each == 0 {
            return None;
        }
        let (times, over) = dearest.ratio;
        let for_tokens = amount.0.saturating_sub(self.worst_searches(bound));
        let before_surcharges = for_tokens.saturating_mul(over).div_euclid(times);
        let left = before_surcharges.saturating_sub(dearest.tokens(bound.input_tokens, 0));
        Some(u64::try_from(left.max(0) / each).unwrap_or(u64::MAX))
    }

    /// What the ledger's row keeps, so that re-pricing is a query.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn price(&self) -> &Price {
        &self.price
    }

    fn worst_searches(&self, bound: &Bound) -> i128 {
        self.price.searches(bound.searches).unwrap_or_default().0
    }

    /// What was asked for may still be served in the usual tier.
    fn dearest(&self, bound: &Bound) -> Dearest {
        let lengths = [0, bound.input_tokens];
        let all = lengths.into_iter().flat_map(|length| {
            bound.tiers.all().map(move |tier| self.price.rates_of(tier, length))
        });
        let (input, output) = all.fold(<(TokenPrice, TokenPrice)>::default(), |most, rates| {
            (most.0.max(rates.dearest_input()), most.1.max(rates.output))
        });
        let ratios = self.surcharges.iter().flat_map(|it| it.all());
        Dearest { input, output, ratio: product(ratios) }
    }
}

struct Dearest {
    input: TokenPrice,
    output: TokenPrice,
    ratio: (i128, i128),
}

impl Dearest {
    /// Saturates: no cap has room for what does not fit.
    fn tokens(&self, input_tokens: u64, output_tokens: u64) -> i128 {
        let times =
            |price: TokenPrice, tokens: u64| i128::from(price.0).saturating_mul(i128::from(tokens));
        times(self.input, input_tokens).saturating_add(times(self.output, output_tokens))
    }
}

/// The catalogue lets no ratio below one in, so nothing here is divided by zero.
fn product(ratios: impl Iterator<Item = Ratio>) -> (i128, i128) {
    ratios.fold((1, 1), |(times, over), ratio| {
        (times * i128::from(ratio.times), over * i128::from(ratio.over))
    })
}

const WORKSPACE: &str = "workspace";

#[cfg(test)]
mod tests;
