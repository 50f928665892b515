//! Our prices against those of another program, genai-prices, for every model that both know by its exact name.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{Calculator, PriceRequest, Usage as Theirs, UsageKey};
use model::{Catalogue, ProviderId, ServiceTier, Timestamp, Usage};

/// Input, cached, written, output.
type Call = [u64; 4];

const CALLS: [(&str, Call); 5] = [
    ("plain", [12_345, 0, 0, 678]),
    ("tiny", [1, 0, 0, 1]),
    ("cached", [12_345, 8_192, 0, 678]),
    ("written", [12_345, 8_192, 1_024, 678]),
    ("long", [300_001, 200_000, 0, 4_321]),
];

/// A Saturday, when nobody has busy hours; and another.
const NOW: &str = "2026-11-21T12:00:00Z";
const LATER: &str = "2027-02-06T12:00:00Z";

/// How they spell our providers.
const PROVIDERS: [(&str, &str); 13] = [
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("gemini", "google"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("together", "together"),
    ("fireworks", "fireworks"),
    ("xai", "x-ai"),
    ("deepseek", "deepseek"),
    ("openrouter", "openrouter"),
    ("zai", "zai"),
    ("minimax", "minimax"),
    ("moonshot", "moonshotai"),
];

/// Where they differ, and why ours stands. OpenRouter's prices of open models float with the cheapest host: what it reports
/// is what counts, and the table only stands in.
const APART: [(&str, &str); 18] = [
    ("anthropic/claude-opus-4-8", NOT_FAST),
    ("anthropic/claude-opus-5", NOT_FAST),
    ("anthropic/claude-opus-5-5", NOT_FAST),
    ("anthropic/claude-sonnet-4-5", "the beta that had a long price ended on 2026-04-30"),
    ("mistral/mistral-embed", "an embedding has no output to be billed"),
    ("mistral/mistral-large-4", "the price fell on 2026-10-29, after their last look"),
    (
        "openai/gpt-5.5-pro",
        "its tiers have no long price: theirs is the short one then, ours the dearer",
    ),
    ("openrouter/deepseek/deepseek-v3.2", FLOATING),
    ("openrouter/deepseek/deepseek-v4.1-flash", FLOATING),
    ("openrouter/google/gemini-3.8-flash", FLOATING),
    ("openrouter/meta-llama/llama-3.3-70b-instruct", FLOATING),
    ("openrouter/mistralai/mistral-large-4-0", FLOATING),
    ("openrouter/moonshotai/kimi-k2.7-code", FLOATING),
    ("openrouter/moonshotai/kimi-k3", FLOATING),
    ("openrouter/openai/gpt-oss-120b", FLOATING),
    ("openrouter/qwen/qwen3.8-flash", FLOATING),
    ("openrouter/qwen/qwen3.8-max-0902", FLOATING),
    ("openrouter/z-ai/glm-5.3", FLOATING),
];
const NOT_FAST: &str = "their copy is older than the fast mode's price";
const FLOATING: &str = "floats, and their copy is older";

#[test]
fn another_program_comes_to_the_same_costs() {
    let catalogue = Catalogue::shipped().expect("valid");
    let mut compared = 0;
    let mut apart = BTreeMap::<String, Vec<String>>::new();
    for (ours, theirs) in PROVIDERS {
        let provider = &catalogue.provider(ours).expect("known").id;
        for (name, _) in catalogue.models(provider) {
            for (kind, at, tier, call) in questions(&catalogue, provider, name) {
                let asked = Asked { provider: theirs, name, call, at, tier };
                let Some(expected) = asked.oracle() else { continue };
                let tariff = catalogue.tariff(provider, name, at).expect("priced");
                compared += 1;
                let cost = tariff.cost(&asked.used(), at).expect("told").rounded().0;
                if cost != expected {
                    let calls = apart.entry(format!("{ours}/{name}")).or_default();
                    calls.push(format!("{kind} {at} {tier:?}: {cost}, not {expected}"));
                }
            }
        }
    }
    assert!(compared > 900, "only {compared} costs were compared");
    for (model, reason) in APART {
        assert!(apart.remove(model).is_some(), "{model} agrees again, so not: {reason}");
    }
    assert!(apart.is_empty(), "{apart:#?}");
}

struct Asked<'a> {
    provider: &'a str,
    name: &'a str,
    call: Call,
    at: Timestamp,
    tier: Option<ServiceTier>,
}

/// Each sort of call, today and after the price rises that are announced, in every tier that has a price then.
fn questions(
    catalogue: &Catalogue,
    provider: &ProviderId,
    name: &str,
) -> Vec<(&'static str, Timestamp, Option<ServiceTier>, Call)> {
    let [now, later] = [NOW, LATER].map(|at| at.parse::<Timestamp>().expect("a time"));
    let mut questions = Vec::new();
    for at in [now, later] {
        let Some(tariff) = catalogue.tariff(provider, name, at) else { continue };
        let tiers = tariff.price().tiers.keys().copied().map(Some);
        for tier in tiers.chain([None]) {
            questions.extend(CALLS.map(|(kind, call)| (kind, at, tier, call)));
        }
    }
    questions
}

impl Asked<'_> {
    fn used(&self) -> Usage {
        let [input, cached, written, output] = self.call.map(Some);
        Usage {
            input_tokens: input,
            cached_tokens: cached,
            cache_write_tokens: written,
            output_tokens: output,
            tier: self.tier,
            ..Usage::default()
        }
    }

    /// In micro-USD; `None` for what they do not know under this name.
    fn oracle(&self) -> Option<i64> {
        let [input, cached, written, output] = self.call.map(|tokens| tokens as f64);
        let usage = Theirs::from([
            (UsageKey::INPUT_TOKENS, input),
            (UsageKey::CACHE_READ_TOKENS, cached),
            (UsageKey::CACHE_WRITE_TOKENS, written),
            (UsageKey::OUTPUT_TOKENS, output),
        ]);
        let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(self.at.unix_seconds()).ok()?);
        let mut request =
            PriceRequest::new(self.name, &usage).with_provider_id(self.provider).with_timestamp(at);
        if let Some(tier) = self.tier {
            let key = match (tier, self.provider) {
                (ServiceTier::Batch, _) => "processing",
                (ServiceTier::Fast, "anthropic") => "speed",
                _ => "service_tier",
            };
            request = request.with_price_context(key, tier.as_str());
        }
        let price = Calculator::bundled().calculate(&request).ok()?;
        // A name that only begins like one they know is a guess of theirs.
        let is_exact = price.model_id.eq_ignore_ascii_case(self.name);
        // Half a micro-USD is often a little less in their floating point.
        is_exact.then(|| (price.total_price * 1e6 + 1e-6).round() as i64)
    }
}
