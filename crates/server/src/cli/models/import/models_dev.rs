//! models.dev's api.json: an object of providers with their models, USD for a million tokens.

use model::price::{Price, Rates, TierPrice};
use model::{ModelKind, ServiceTier};
use serde_json::value::RawValue;

use super::told::{Line, Object, Part, Told, Unit, both_words, long, rates};

/// `None` for a file of another kind.
pub fn read(text: &str) -> Option<Told> {
    let file = Object::parse(text)?;
    let has_models = |provider: Object<'_>| provider.object("models").is_some();
    if !file.members().filter_map(|(_, provider)| provider).any(has_models) {
        return None;
    }
    let (mut models, mut skipped) = (Vec::new(), 0);
    for (theirs, provider) in file.members() {
        let Some(listed) = provider.and_then(|provider| provider.object("models")) else {
            continue;
        };
        let ours = PROVIDERS.into_iter().find(|(name, _)| *name == theirs);
        for (name, entry) in listed.members() {
            let line = ours.zip(entry).and_then(|((_, ours), entry)| line(ours, name, &entry));
            match line {
                Some(line) => models.push(line),
                None => skipped += 1,
            }
        }
    }
    Some(Told { source: "models.dev", models, skipped })
}

fn line(provider: &'static str, name: &str, entry: &Object<'_>) -> Option<Line> {
    let modalities = entry.object("modalities")?;
    let speaks = |way: &str| modalities.list(way).iter().any(|it| it.get() == "\"text\"");
    // Of models that draw, the output's price is that of a picture.
    if !speaks("input") || modalities.list("output").len() != 1 || !speaks("output") {
        return None;
    }
    let kind = if name.contains("embed") { ModelKind::Embedding } else { ModelKind::Chat };
    let limit = entry.object("limit");
    let limit = |name: &str| limit.as_ref()?.count(name);
    Some(Line {
        provider,
        model: name.to_owned(),
        kind,
        context: limit("context"),
        output: limit("output").filter(|_| kind == ModelKind::Chat),
        // No cost is not "free".
        price: price(provider, kind, &entry.object("cost")?, entry).transpose()?,
    })
}

fn price(
    provider: &str,
    kind: ModelKind,
    cost: &Object<'_>,
    entry: &Object<'_>,
) -> Result<Option<Price>, String> {
    let Some(base) = read_rates(cost, kind)? else { return Ok(None) };
    let mut price = Price::flat(base);
    // `context_over_200k` beside it is a copy, whatever the threshold is.
    if let Some((above, rates)) = long_tier(&cost.list("tiers"), kind)? {
        price.long = Some(long(provider, above, rates, true));
    }
    let modes = entry.object("experimental").and_then(|it| it.object("modes"));
    for (_, mode) in modes.iter().flat_map(Object::members) {
        let Some(mode) = mode else { continue };
        let body = mode.object("provider").and_then(|it| it.object("body"));
        let tier = body.and_then(|body| body.text("service_tier").or_else(|| body.text("speed")));
        let tier = tier.and_then(|tier| tier.parse::<ServiceTier>().ok());
        if let (Some(tier), Some(cost)) = (tier, mode.object("cost"))
            && let Some(rates) = read_rates(&cost, kind)?
        {
            price.tiers.insert(tier, TierPrice { rates, long_rates: None });
        }
    }
    both_words(provider, &mut price);
    Ok(Some(price))
}

fn long_tier(tiers: &[&RawValue], kind: ModelKind) -> Result<Option<(u64, Rates)>, String> {
    // One threshold is all that any of our providers has.
    let Some(tier) = tiers.first().and_then(|tier| Object::parse(tier.get())) else {
        return Ok(None);
    };
    let above = tier.object("tier").and_then(|it| it.count("size"));
    Ok(above.zip(read_rates(&tier, kind)?))
}

fn read_rates(cost: &Object<'_>, kind: ModelKind) -> Result<Option<Rates>, String> {
    let one = |name: &str| cost.price(name, Unit::MillionTokens);
    rates(kind, |part| match part {
        Part::Audio => one("input_audio"),
        Part::Cached => one("cache_read"),
        Part::Input => one("input"),
        Part::Output => one("output"),
        Part::Write => one("cache_write"),
        Part::WriteLong => Ok(None),
    })
}

const PROVIDERS: [(&str, &str); 13] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("google", "gemini"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("togetherai", "together"),
    ("fireworks-ai", "fireworks"),
    ("xai", "xai"),
    ("deepseek", "deepseek"),
    ("openrouter", "openrouter"),
    ("zai", "zai"),
    ("minimax", "minimax"),
    ("moonshotai", "moonshot"),
];
