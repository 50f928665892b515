//! genai-prices' data, version 2: a list of providers with their models, USD for a million tokens, some of it dated.

use std::sync::Arc;

use model::price::{NextPrice, Price, Rates, TierPrice};
use model::{ModelKind, ServiceTier, Timestamp};
use serde_json::value::RawValue;
use toml::value::{Date, Datetime};

use super::told::{
    Line, Object, Part, Told, Unit, both_words, long, rates, search_price, token_price,
};

/// `None` for a file of another kind.
pub fn read(text: &str, at: Timestamp) -> Option<Told> {
    let file: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let providers: Vec<_> = file.iter().filter_map(|it| Object::parse(it.get())).collect();
    if !providers.iter().any(|provider| provider.get("api_pattern").is_some()) {
        return None;
    }
    let today = date(&at.to_string())?;
    let (mut models, mut skipped) = (Vec::new(), 0);
    for provider in &providers {
        let theirs = provider.text("id").unwrap_or_default();
        let ours = PROVIDERS.into_iter().find(|(name, _)| *name == theirs);
        for entry in provider.list("models") {
            let entry = Object::parse(entry.get());
            let lines = ours.zip(entry).map(|((_, ours), entry)| lines(ours, &entry, today));
            match lines.filter(|lines| !lines.is_empty()) {
                Some(lines) => models.extend(lines),
                None => skipped += 1,
            }
        }
    }
    Some(Told { source: "genai-prices", models, skipped })
}

/// One for each exact name. What only begins like a model's name, or holds a part of it, may be another model.
fn lines(provider: &'static str, entry: &Object<'_>, today: Date) -> Vec<Line> {
    let Some(id) = entry.text("id") else { return Vec::new() };
    let kind = if id.contains("embed") { ModelKind::Embedding } else { ModelKind::Chat };
    let mut names = equals(entry.get("match"));
    names.insert(0, id);
    names.sort();
    names.dedup();
    let Some(price) = price(provider, kind, entry, today).transpose() else { return Vec::new() };
    let line = |model| Line {
        provider,
        model,
        kind,
        context: entry.count("context_window"),
        output: None,
        price: price.clone(),
    };
    names.into_iter().map(line).collect()
}

fn equals(rule: Option<&RawValue>) -> Vec<String> {
    let Some(rule) = rule.and_then(|rule| Object::parse(rule.get())) else { return Vec::new() };
    let either = rule.list("or").into_iter().flat_map(|rule| equals(Some(rule)));
    rule.text("equals").into_iter().chain(either).collect()
}

fn price(
    provider: &str,
    kind: ModelKind,
    entry: &Object<'_>,
    today: Date,
) -> Result<Option<Price>, String> {
    let dated = dated(entry.get("prices"));
    let active = dated.iter().rfind(|it| it.from.is_none_or(|from| from <= today));
    let Some(active) = active else { return Ok(None) };
    let Some(mut price) = flat(provider, kind, &active.prices)? else { return Ok(None) };
    let variants: Vec<_> = entry.list("price_variants").into_iter().filter_map(variant).collect();
    tiers(&mut price, kind, &variants, today)?;
    both_words(provider, &mut price);
    // Those after the next one are told by the next import.
    let coming = dated.iter().filter(|it| it.from.is_some_and(|from| from > today));
    if let Some(next) = coming.min_by_key(|it| it.from)
        && let Some(from) = next.from
        && let Some(mut later) = flat(provider, kind, &next.prices)?
    {
        tiers(&mut later, kind, &variants, from)?;
        both_words(provider, &mut later);
        price.next = Some(NextPrice { from, price: Arc::new(later) });
    }
    Ok(Some(price))
}

struct Dated<'a> {
    from: Option<Date>,
    prices: Object<'a>,
}

/// Prices by the hour are left out: what they add is in the catalogue, with the days that they do not hold on.
fn dated(prices: Option<&RawValue>) -> Vec<Dated<'_>> {
    let Some(prices) = prices else { return Vec::new() };
    if let Some(prices) = Object::parse(prices.get()) {
        return vec![Dated { from: None, prices }];
    }
    let list: Vec<&RawValue> = serde_json::from_str(prices.get()).unwrap_or_default();
    list.into_iter().filter_map(one_dated).collect()
}

fn one_dated(it: &RawValue) -> Option<Dated<'_>> {
    let it = Object::parse(it.get())?;
    let from = match it.object("constraint") {
        None => None,
        Some(constraint) => Some(date(&constraint.text("start_date")?)?),
    };
    Some(Dated { from, prices: it.object("prices")? })
}

struct Variant<'a> {
    tier: ServiceTier,
    from: Option<Date>,
    prices: Object<'a>,
}

fn variant(it: &RawValue) -> Option<Variant<'_>> {
    let it = Object::parse(it.get())?;
    let when = it.object("when")?;
    let named = ["service_tier", "processing", "speed"].into_iter().find_map(|it| when.text(it));
    let from = it.object("constraint").and_then(|it| date(&it.text("start_date")?));
    Some(Variant { tier: named?.parse().ok()?, from, prices: it.object("prices")? })
}

fn tiers(
    price: &mut Price,
    kind: ModelKind,
    variants: &[Variant<'_>],
    day: Date,
) -> Result<(), String> {
    for tier in ServiceTier::ALL {
        let of_tier = variants.iter().filter(|it| it.tier == tier);
        // The latest that holds, however they are listed.
        let held = of_tier.filter(|it| it.from.is_none_or(|from| from <= day));
        let Some(variant) = held.max_by_key(|it| it.from) else { continue };
        let Some(rates) = read_rates(&variant.prices, kind, false)? else { continue };
        let long_rates = match price.long.is_some() && start(&variant.prices).is_some() {
            true => read_rates(&variant.prices, kind, true)?,
            false => None,
        };
        price.tiers.insert(tier, TierPrice { rates, long_rates });
    }
    Ok(())
}

fn flat(provider: &str, kind: ModelKind, prices: &Object<'_>) -> Result<Option<Price>, String> {
    let Some(base) = read_rates(prices, kind, false)? else { return Ok(None) };
    let mut price = Price::flat(base);
    if let Some(above) = start(prices)
        && let Some(rates) = read_rates(prices, kind, true)?
    {
        price.long = Some(long(provider, above, rates, false));
    }
    if let Some(each) = prices.get("web_searches_kcount") {
        price.search = Some(search_price("web_searches_kcount", each, 9)?);
    }
    Ok(Some(price))
}

/// Where the input's price changes.
fn start(prices: &Object<'_>) -> Option<u64> {
    tier_of(prices.get("input_mtok")?)?.count("start")
}

fn tier_of(price: &RawValue) -> Option<Object<'_>> {
    let price = Object::parse(price.get())?;
    price.list("tiers").first().and_then(|tier| Object::parse(tier.get()))
}

fn read_rates(
    prices: &Object<'_>,
    kind: ModelKind,
    is_long: bool,
) -> Result<Option<Rates>, String> {
    let one = |name: &str| {
        let Some(value) = prices.get(name) else { return Ok(None) };
        let number = match (Object::parse(value.get()), is_long) {
            (None, _) => Some(value),
            (Some(price), false) => price.get("base"),
            (Some(_), true) => tier_of(value).and_then(|tier| tier.get("price")),
        };
        number.map(|number| token_price(name, number, Unit::MillionTokens)).transpose()
    };
    rates(kind, |part| match part {
        Part::Audio => one("input_audio_mtok"),
        Part::Cached => one("cache_read_mtok"),
        Part::Input => one("input_mtok"),
        Part::Output => one("output_mtok"),
        Part::Write => one("cache_write_mtok"),
        Part::WriteLong => one("cache_write_1h_mtok"),
    })
}

/// The day of a date, or of a time.
fn date(text: &str) -> Option<Date> {
    text.split('T').next()?.parse::<Datetime>().ok()?.date
}

const PROVIDERS: [(&str, &str); 13] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("google", "gemini"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("together", "together"),
    ("fireworks", "fireworks"),
    ("x-ai", "xai"),
    ("deepseek", "deepseek"),
    ("openrouter", "openrouter"),
    ("zai", "zai"),
    ("minimax", "minimax"),
    ("moonshotai", "moonshot"),
];
