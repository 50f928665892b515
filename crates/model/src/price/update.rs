//! A price told anew by somebody who may not know all of it.

use super::{Price, Rates, TierPrice};

impl Price {
    /// What was not told again stays as long as input and output cost the same. Where they do not, only the searches and
    /// what was announced do: the rest belonged to the old price.
    #[must_use]
    pub fn updated(&self, told: Self) -> Self {
        let search = told.search.or(self.search);
        let next = told.next.or_else(|| self.next.clone());
        if !told.rates.costs_as(&self.rates) {
            return Self { search, next, ..told };
        }
        let long = match (told.long, &self.long) {
            (Some(mut told), Some(known)) if told.rates.costs_as(&known.rates) => {
                told.rates = told.rates.or(&known.rates);
                Some(told)
            }
            (told, known) => told.or_else(|| known.clone()),
        };
        let mut tiers = self.tiers.clone();
        for (tier, told) in told.tiers {
            let updated = match tiers.get(&tier) {
                Some(known) => known.updated(told),
                None => told,
            };
            tiers.insert(tier, updated);
        }
        Self { rates: told.rates.or(&self.rates), long, tiers, search, next }
    }
}

impl TierPrice {
    fn updated(&self, told: Self) -> Self {
        if !told.rates.costs_as(&self.rates) {
            return told;
        }
        let long_rates = match (told.long_rates, self.long_rates) {
            (Some(told), Some(known)) if told.costs_as(&known) => Some(told.or(&known)),
            (told, known) => told.or(known),
        };
        Self { rates: told.rates.or(&self.rates), long_rates }
    }
}

impl Rates {
    fn costs_as(&self, other: &Self) -> bool {
        (self.input, self.output) == (other.input, other.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        toml::from_str(text).expect("a price")
    }

    const KNOWN: &str = "usd = { input = '2', output = '4', cached = '1', write_long = '3' }
        long = { above = 99999, usd = { input = '4', output = '8', cached = '2' } }
        tiers = { flex = { usd = { input = '1', output = '2', cached = '0.5' } }, fast = { usd = { input = '4', output = '8' } } }
        search = '10'
        next = { from = 2026-12-01, price = { usd = { input = '3', output = '6' } } }";

    #[test]
    fn what_is_not_told_again_stays() {
        let told = price(
            "usd = { input = '2', output = '4', cached = '0.5' }
            tiers = { flex = { usd = { input = '1', output = '2' } }, batch = { usd = { input = '1', output = '2' } } }",
        );

        let updated = price(KNOWN).updated(told);

        let expected = price(
            &KNOWN
                .replace("cached = '1'", "cached = '0.5'")
                .replace("tiers = {", "tiers = { batch = { usd = { input = '1', output = '2' } },"),
        );
        assert_eq!(updated, expected);
        assert_eq!(price(KNOWN).updated(price(KNOWN)), price(KNOWN));
    }

    #[test]
    fn a_new_price_leaves_nothing_of_the_old_but_what_hangs_on_neither() {
        let told = price("usd = { input = '2', output = '5' }");

        let updated = price(KNOWN).updated(told.clone());

        assert_eq!(updated.rates, told.rates);
        assert!(updated.long.is_none() && updated.tiers.is_empty());
        assert_eq!((updated.search, updated.next), (price(KNOWN).search, price(KNOWN).next));
    }

    #[test]
    fn a_tiers_new_price_leaves_nothing_of_the_old() {
        let told = price(
            "usd = { input = '2', output = '4' }\ntiers = { flex = { usd = { input = '1', output = '3' } } }",
        );

        let updated = price(KNOWN).updated(told.clone());

        assert_eq!(updated.tiers[&crate::ServiceTier::Flex], told.tiers[&crate::ServiceTier::Flex]);
        assert_eq!(updated.tiers.len(), 2);
    }
}
