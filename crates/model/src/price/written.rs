//! A price as the catalogue's files write it, and part by part for people.

use std::fmt;

use super::{Price, Rates, TierPrice};

impl Price {
    /// Each part by its name, like `input` or `flex.long.cached`, in USD as written.
    pub fn parts(&self) -> Vec<(String, String)> {
        let mut parts = self.rates.parts("");
        if let Some(long) = &self.long {
            parts.push(("long.above".to_owned(), long.above.to_string()));
            parts.extend(long.rates.parts("long."));
        }
        for (tier, price) in &self.tiers {
            parts.extend(price.rates.parts(&format!("{tier}.")));
            let long = price.long_rates.as_ref();
            parts.extend(long.into_iter().flat_map(|it| it.parts(&format!("{tier}.long."))));
        }
        parts.extend(self.search.map(|price| ("search".to_owned(), price.to_string())));
        if let Some(next) = &self.next {
            let from = format!("from {}: ", next.from);
            let later = next.price.parts().into_iter();
            parts.extend(later.map(|(name, price)| (format!("{from}{name}"), price)));
        }
        parts
    }
}

impl Rates {
    fn parts(&self, of: &str) -> Vec<(String, String)> {
        let told = self.told().into_iter();
        told.map(|(name, price)| (format!("{of}{name}"), price)).collect()
    }

    fn told(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("input", Some(self.input)),
            ("output", Some(self.output)),
            ("cached", self.cached),
            ("write", self.write),
            ("write_long", self.write_long),
            ("audio", self.audio),
        ];
        all.into_iter().filter_map(|(name, price)| Some((name, price?.to_string()))).collect()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ usd = {}", self.rates)?;
        if let Some(long) = &self.long {
            write!(f, ", long = {{ above = {}, usd = {} }}", long.above, long.rates)?;
        }
        if !self.tiers.is_empty() {
            let tiers = self.tiers.iter().map(|(tier, price)| format!("{tier} = {price}"));
            write!(f, ", tiers = {{ {} }}", tiers.collect::<Vec<_>>().join(", "))?;
        }
        if let Some(search) = self.search {
            write!(f, ", search = \"{search}\"")?;
        }
        if let Some(next) = &self.next {
            write!(f, ", next = {{ from = {}, price = {} }}", next.from, next.price)?;
        }
        f.write_str(" }")
    }
}

impl fmt::Display for TierPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ usd = {}", self.rates)?;
        if let Some(long) = &self.long_rates {
            write!(f, ", long = {long}")?;
        }
        f.write_str(" }")
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told().into_iter().map(|(name, price)| format!("{name} = \"{price}\""));
        write!(f, "{{ {} }}", told.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn what_is_written_is_read_again() {
        let catalogue = Catalogue::shipped().expect("valid");
        for provider in catalogue.providers() {
            for (name, model) in catalogue.models(&provider.id) {
                let Some(price) = &model.price else { continue };
                let again: toml::Table = format!("price = {price}").parse().expect("TOML");

                let again: Price = again["price"].clone().try_into().expect("a price");

                assert_eq!(&again, price.as_ref(), "{name}");
            }
        }
    }

    #[test]
    fn every_part_has_a_name() {
        let text = "usd = { input = '2', output = '0.5' }\nlong = { above = 99, usd = { input = '4', output = '1' } }
            tiers = { flex = { usd = { input = '1', output = '0.25', cached = '0.1' } } }\nsearch = '10'
            next = { from = 2026-12-01, price = { usd = { input = '3', output = '0.5' } } }";
        let price: Price = toml::from_str(text).expect("a price");

        let parts = price.parts();

        let parts: Vec<_> = parts.iter().map(|(name, price)| format!("{name} {price}")).collect();
        let expected = "input 2, output 0.5, long.above 99, long.input 4, long.output 1, flex.input 1, flex.output 0.25, \
            flex.cached 0.1, search 10, from 2026-12-01: input 3, from 2026-12-01: output 0.5";
        assert_eq!(parts.join(", "), expected);
    }
}
