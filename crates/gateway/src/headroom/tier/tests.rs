//! Tiers told by the limits that providers publish.

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Catalogue, Timestamp};

use super::*;

fn tier(provider: &str, model: Option<&str>, pairs: &[(&str, &str)]) -> Option<String> {
    let catalogue = Catalogue::shipped().expect("valid");
    let provider = catalogue.provider(provider).expect("known");
    let header = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).expect("a name");
        (name, HeaderValue::try_from(*value).expect("a value"))
    };
    let headers: HeaderMap = pairs.iter().map(header).collect();
    let reading = Reading::of(provider, &headers, Timestamp::default())?;
    detect_tier(provider, model, &reading).map(|tier| tier.to_string())
}

fn openai(model: Option<&str>, requests: &str, tokens: &str) -> Option<String> {
    let pairs = [("x-ratelimit-limit-requests", requests), ("x-ratelimit-limit-tokens", tokens)];
    tier("openai", model, &pairs)
}

#[test]
fn openais_tier_is_told_by_the_tokens_of_the_models_family() {
    for (model, requests, tokens, name) in [
        ("gpt-5.4", "500", "500000", Some("tier-1")),
        ("gpt-5.4", "5000", "1000000", Some("tier-2")),
        ("gpt-5.4", "5000", "2000000", Some("tier-3")),
        ("gpt-5.4", "10000", "4000000", Some("tier-4")),
        ("gpt-6.1-sol", "15000", "40000000", Some("tier-5")),
        ("gpt-5.4-mini-2026-03-17", "5000", "2000000", Some("tier-2")),
        ("gpt-6-luna", "10000", "10000000", Some("tier-4")),
        ("gpt-5-nano", "500", "200000", Some("tier-1")),
        ("gpt-5.1-chat-latest", "5000", "2000000", Some("tier-4")),
        // A project's cap, or a contract: no tier has it.
        ("gpt-5.4", "5000", "1234567", None),
        ("gpt-5.4", "500", "0", None),
        // Requests alone are the same in two tiers.
        ("gpt-5.4", "5000", "", None),
        // Nothing is known of this model's limits, though other models' would fit.
        ("gpt-4o", "5000", "2000000", None),
    ] {
        assert_eq!(openai(Some(model), requests, tokens).as_deref(), name, "{model} {tokens}");
    }
}

#[test]
fn a_projects_own_limit_tells_nothing_of_the_account() {
    let pairs =
        [("x-ratelimit-limit-project-tokens", "1000000"), ("x-ratelimit-limit-tokens", "40000000")];
    assert_eq!(tier("openai", Some("gpt-5.4"), &pairs).as_deref(), Some("tier-5"));
}

#[test]
fn without_a_model_only_what_all_models_agree_on_counts() {
    assert_eq!(openai(None, "30000", "180000000").as_deref(), Some("tier-5"));
    // Tier 2 of one family, tier 3 of another, tier 4 of a third.
    assert_eq!(openai(None, "", "2000000"), None);
    assert_eq!(openai(None, "1", "7"), None);
}

fn anthropic(model: Option<&str>, requests: &str, input: &str) -> Option<String> {
    let pairs = [
        ("anthropic-ratelimit-requests-limit", requests),
        ("anthropic-ratelimit-input-tokens-limit", input),
        ("anthropic-ratelimit-tokens-limit", "1"),
    ];
    tier("anthropic", model, &pairs)
}

#[test]
fn anthropics_tier_is_told_by_input_tokens_and_in_doubt_by_requests() {
    for (model, requests, input, name) in [
        ("claude-opus-5-5", "1000", "2000000", Some("start")),
        ("claude-sonnet-5-5", "5000", "5000000", Some("build")),
        ("claude-haiku-4-5-20251001", "10000", "10000000", Some("scale")),
        ("claude-fable-5", "4000", "4000000", Some("scale")),
        ("claude-sonnet-4-5", "50", "30000", Some("tier-1")),
        // Two systems of tiers agree on this figure.
        ("claude-sonnet-4-5", "1000", "2000000", Some("start")),
        ("claude-sonnet-4-5", "4000", "2000000", Some("tier-4")),
        ("claude-sonnet-4-5", "3000", "2000000", None),
        ("claude-sonnet-4-5", "", "2000000", None),
        ("claude-sonnet-4-5", "1000", "450000", Some("tier-2")),
        ("claude-mythos-5", "1000", "2000000", None),
    ] {
        assert_eq!(anthropic(Some(model), requests, input).as_deref(), name, "{model} {input}");
    }
    assert_eq!(anthropic(None, "4000", "4000000").as_deref(), Some("scale"));
}

#[test]
fn groqs_tier_is_told_by_the_size_of_its_day() {
    for (requests, name) in [
        ("1000", Some("free")),
        ("14400", Some("free")),
        ("99999", Some("free")),
        ("100000", Some("developer")),
        ("500000", Some("developer")),
        ("0", None),
    ] {
        let pairs = [("x-ratelimit-limit-requests", requests)];
        assert_eq!(tier("groq", Some("any-model"), &pairs).as_deref(), name, "{requests}");
        assert_eq!(tier("groq", None, &pairs).as_deref(), name, "{requests}");
    }
}

#[test]
fn who_publishes_no_limits_by_tier_tells_none() {
    let mistral = [("x-ratelimit-limit-req-minute", "4")];
    assert_eq!(tier("mistral", Some("mistral-large-latest"), &mistral), None);
    let xai = [("x-ratelimit-limit-tokens", "10000000")];
    assert_eq!(tier("xai", Some("grok-4.3"), &xai), None);
    assert_eq!(tier("moonshot", Some("kimi-k3"), &[("x-ratelimit-limit", "3")]), None);
}
