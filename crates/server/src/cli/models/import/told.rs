//! What another catalogue tells, whichever it is: models with their prices, and what cannot be believed.

use std::collections::BTreeMap;

use model::price::{InvalidPrice, LongPrice, Price, Rates, SearchPrice};
use model::{Catalogue, ModelKind, ServiceTier, Timestamp, TokenPrice, decimal};
use serde_json::value::RawValue;

use super::{genai_prices, litellm, models_dev};

pub struct Told {
    /// What the rows say they come from.
    pub source: &'static str,
    pub models: Vec<Line>,
    /// Of providers we do not have, or not priced by the token.
    pub skipped: usize,
}

/// One model of one of our providers.
pub struct Line {
    pub provider: &'static str,
    pub model: String,
    pub kind: ModelKind,
    pub context: Option<u64>,
    pub output: Option<u64>,
    /// Or why it is not believed.
    pub price: Result<Price, String>,
}

impl Told {
    /// `None` for a file of no kind that is known.
    pub fn read(text: &str, at: Timestamp) -> Option<Self> {
        litellm::read(text)
            .or_else(|| models_dev::read(text))
            .or_else(|| genai_prices::read(text, at))
    }
}

impl Line {
    pub fn is_known_to(&self, catalogue: &Catalogue) -> bool {
        let provider = catalogue.provider(self.provider);
        provider.is_some_and(|provider| catalogue.model(&provider.id, &self.model).is_some())
    }
}

/// An object as JSON wrote it, so that its numbers keep their last digit.
pub struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Object<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// `null` is nothing.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied().filter(|value| value.get() != "null")
    }

    pub fn object(&self, name: &str) -> Option<Object<'a>> {
        Self::parse(self.get(name)?.get())
    }

    pub fn list(&self, name: &str) -> Vec<&'a RawValue> {
        self.get(name).and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    pub fn count(&self, name: &str) -> Option<u64> {
        decimal::units(self.get(name)?.get(), 0).filter(|count| *count > 0)
    }

    pub fn members(&self) -> impl Iterator<Item = (&str, Option<Object<'a>>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), Self::parse(value.get())))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn price(&self, name: &str, unit: Unit) -> Result<Option<TokenPrice>, String> {
        self.get(name).map(|value| token_price(name, value, unit)).transpose()
    }
}

/// What a number is USD for.
#[derive(Clone, Copy)]
pub enum Unit {
    MillionTokens,
    Token,
}

pub fn token_price(name: &str, value: &RawValue, unit: Unit) -> Result<TokenPrice, String> {
    let places = match unit {
        Unit::MillionTokens => 6,
        Unit::Token => 12,
    };
    let pico = decimal::units(value.get(), places).map(TokenPrice);
    pico.filter(|price| *price <= TokenPrice::MAX).ok_or_else(|| not_believed(name, value))
}

/// `places` make pico-USD for one search of it: 12 where it is USD for one, 9 where it is for a thousand.
pub fn search_price(name: &str, value: &RawValue, places: i32) -> Result<SearchPrice, String> {
    let pico = decimal::units(value.get(), places).map(SearchPrice);
    pico.filter(|price| *price <= SearchPrice::MAX).ok_or_else(|| not_believed(name, value))
}

fn not_believed(name: &str, value: &RawValue) -> String {
    let told: String = value.get().chars().take(CHARS_MAX).collect();
    format!("{name} is {told}: {InvalidPrice}")
}

const CHARS_MAX: usize = 24;

/// Rates without an input are none; without an output, output is free, as it is of an embedding.
pub fn rates(
    kind: ModelKind,
    read: impl Fn(Part) -> Result<Option<TokenPrice>, String>,
) -> Result<Option<Rates>, String> {
    let Some(input) = read(Part::Input)? else { return Ok(None) };
    let output = match (read(Part::Output)?, kind) {
        (Some(output), _) => output,
        (None, ModelKind::Embedding) => TokenPrice(0),
        (None, _) => return Ok(None),
    };
    Ok(Some(Rates {
        input,
        output,
        cached: read(Part::Cached)?,
        write: read(Part::Write)?,
        write_long: read(Part::WriteLong)?,
        audio: read(Part::Audio)?,
    }))
}

#[derive(Clone, Copy)]
pub enum Part {
    Audio,
    Cached,
    Input,
    Output,
    Write,
    WriteLong,
}

/// xAI's own threshold is the first token of a long input, where others name the last of a short one.
pub fn long(provider: &str, named: u64, rates: Rates, inclusive: bool) -> LongPrice {
    let above = if provider == "xai" && inclusive { named.saturating_sub(1) } else { named };
    LongPrice { above, rates }
}

/// OpenAI takes either word for the same.
pub fn both_words(provider: &str, price: &mut Price) {
    let priority = price.tiers.get(&ServiceTier::Priority).cloned();
    if let (Some(priority), "openai") = (priority, provider) {
        price.tiers.entry(ServiceTier::Fast).or_insert(priority);
    }
}
