//! LiteLLM's price map: an object of flat models, USD for one token each.

use model::price::{Price, Rates, TierPrice};
use model::{ModelKind, ServiceTier};

use super::told::{Line, Object, Part, Told, Unit, both_words, long, rates, search_price};

/// `None` for a file of another kind.
pub fn read(text: &str) -> Option<Told> {
    let file = Object::parse(text)?;
    let is_ours = |entry: Object<'_>| entry.get("litellm_provider").is_some();
    if !file.members().filter_map(|(_, entry)| entry).any(is_ours) {
        return None;
    }
    let (mut models, mut skipped) = (Vec::new(), 0);
    for (name, entry) in file.members() {
        match entry.filter(|_| !NO_MODELS.contains(&name)).and_then(|entry| line(name, &entry)) {
            Some(line) => models.push(line),
            None => skipped += 1,
        }
    }
    Some(Told { source: "LiteLLM", models, skipped })
}

fn line(name: &str, entry: &Object<'_>) -> Option<Line> {
    let theirs = entry.text("litellm_provider")?;
    let (_, provider) = PROVIDERS.into_iter().find(|(name, _)| *name == theirs)?;
    let kind = match entry.text("mode")?.as_str() {
        "chat" | "responses" | "completion" => ModelKind::Chat,
        "embedding" => ModelKind::Embedding,
        _ => return None,
    };
    let model = name.strip_prefix(&format!("{theirs}/")).unwrap_or(name);
    if is_sized(model) {
        return None;
    }
    let price = price(provider, kind, entry).transpose()?;
    Some(Line {
        provider,
        model: model.to_owned(),
        kind,
        context: entry.count("max_input_tokens"),
        output: entry.count("max_output_tokens"),
        price,
    })
}

/// A picture of so many pixels, as `1024x1024/some-model`.
fn is_sized(model: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let size = model.split_once('/').and_then(|(size, _)| size.split_once(['x', '-']));
    size.is_some_and(|(width, height)| digits(width) && digits(height))
}

fn price(provider: &str, kind: ModelKind, entry: &Object<'_>) -> Result<Option<Price>, String> {
    // Where there are cheap hours, what stands in the entry is the price of the others.
    let off_peak = entry.object("off_peak_pricing");
    let Some(base) = read_rates(off_peak.as_ref().unwrap_or(entry), kind, "")? else {
        return Ok(None);
    };
    let mut price = Price::flat(base);
    let threshold = threshold(entry);
    let above = threshold.map(|thousands| format!("_above_{thousands}k_tokens"));
    if let (Some(thousands), Some(above)) = (threshold, &above)
        && let Some(rates) = read_rates(entry, kind, above)?
    {
        price.long = Some(long(provider, thousands.saturating_mul(1_000), rates, true));
    }
    for (suffix, tier) in TIERS {
        let Some(rates) = read_rates(entry, kind, suffix)? else { continue };
        let long_rates = match above.as_ref().filter(|_| price.long.is_some()) {
            Some(above) => read_rates(entry, kind, &format!("{above}{suffix}"))?,
            None => None,
        };
        price.tiers.insert(tier, TierPrice { rates, long_rates });
    }
    both_words(provider, &mut price);
    if let Some(search) = entry.object("search_context_cost_per_query")
        && let Some(each) = search.get("search_context_size_medium")
    {
        price.search = Some(search_price("search_context_size_medium", each, 12)?);
    }
    Ok(Some(price))
}

fn read_rates(entry: &Object<'_>, kind: ModelKind, suffix: &str) -> Result<Option<Rates>, String> {
    let one = |name: &str| entry.price(&format!("{name}{suffix}"), Unit::Token);
    rates(kind, |part| match part {
        Part::Audio => one("input_cost_per_audio_token"),
        Part::Cached => one("cache_read_input_token_cost"),
        Part::Input => one("input_cost_per_token"),
        Part::Output => one("output_cost_per_token"),
        Part::Write => one("cache_creation_input_token_cost"),
        Part::WriteLong => match one("cache_creation_input_token_cost_above_12hr")? {
            Some(price) => Ok(Some(price)),
            None => one("cache_creation_input_token_cost_above_1hr"),
        },
    })
}

/// In thousands of tokens.
fn threshold(entry: &Object<'_>) -> Option<u64> {
    let above = entry.names().find_map(|name| {
        name.strip_prefix("input_cost_per_token_above_")?.strip_suffix("k_tokens")
    });
    above?.parse().ok()
}

const TIERS: [(&str, ServiceTier); 4] = [
    ("_batches", ServiceTier::Batch),
    ("_flex", ServiceTier::Flex),
    ("_priority", ServiceTier::Priority),
    ("_ultrafast", ServiceTier::Ultrafast),
];

/// What stands among the models and is none.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Others sell the same models at other prices: they have no place here.
const PROVIDERS: [(&str, &str); 13] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "gemini"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("together_ai", "together"),
    ("fireworks_ai", "fireworks"),
    ("xai", "xai"),
    ("deepseek", "deepseek"),
    ("openrouter", "openrouter"),
    ("zai", "zai"),
    ("minimax", "minimax"),
    ("moonshot", "moonshot"),
];
