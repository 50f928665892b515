//! What ships, and what is said of it.

use super::shipped;
use crate::catalogue::{AuthHeader, Catalogue, CatalogueError, Model, ResetForm, Status, Thinking};
use crate::{Dialect, ModelTier, Operation};

fn model<'a>(catalogue: &'a Catalogue, provider: &str, name: &str) -> &'a Model {
    let provider = catalogue.provider(provider).expect("known");
    catalogue.model(&provider.id, name).expect(name)
}

#[test]
fn each_provider_speaks_its_own_dialects() {
    use Dialect::{Anthropic, Chat, Gemini, Responses};
    let catalogue = shipped();

    for provider in catalogue.providers() {
        let dialects: &[Dialect] = match provider.id.as_str() {
            "anthropic" => &[Anthropic],
            "gemini" => &[Gemini],
            "openai" | "groq" | "xai" | "custom" => &[Chat, Responses],
            "deepseek" => &[Anthropic, Chat],
            "fireworks" | "openrouter" | "minimax" => &[Anthropic, Chat, Responses],
            _ => &[Chat],
        };
        let speaks = |dialect: &Dialect| provider.speaks.contains_key(&dialect.operation());
        let spoken: Vec<_> = Dialect::ALL.into_iter().filter(speaks).collect();
        assert_eq!(spoken, dialects, "{}", provider.id);
    }
}

#[test]
fn a_key_travels_as_each_layer_of_a_provider_wants_it() {
    let catalogue = shipped();
    let gemini = catalogue.provider("gemini").expect("known");
    let deepseek = catalogue.provider("deepseek").expect("known");

    assert_eq!(gemini.auth, AuthHeader::XGoogApiKey);
    assert_eq!(gemini.speaks[&Operation::GenerateContent].auth, None);
    assert_eq!(gemini.speaks[&Operation::Embeddings].auth, Some(AuthHeader::Bearer));
    assert_eq!(deepseek.auth, AuthHeader::Bearer);
    let messages = &deepseek.speaks[&Operation::Messages];
    assert_eq!((messages.auth, messages.from_origin), (Some(AuthHeader::XApiKey), true));
}

#[test]
fn every_way_to_write_a_reset_has_an_example() {
    let catalogue = shipped();
    let windows = catalogue.providers().iter().flat_map(|provider| &provider.windows);
    let forms: Vec<_> = windows.filter_map(|window| Some(window.reset.as_ref()?.form)).collect();

    for form in [ResetForm::Duration, ResetForm::Rfc3339, ResetForm::Seconds, ResetForm::Unix] {
        assert!(forms.contains(&form), "{form:?}");
    }
}

#[test]
fn every_model_has_a_price_and_a_dated_source() {
    let catalogue = shipped();

    for provider in catalogue.providers() {
        for (name, model) in catalogue.models(&provider.id) {
            assert!(model.price.is_some(), "{name}");
            let newest = catalogue.sources(model).map(|source| source.as_of).max();
            assert!(newest.is_some_and(|day| (day.year, day.month) >= (2026, 10)), "{name}");
        }
    }
}

#[test]
fn a_models_tier_is_its_output_price_unless_it_is_named() {
    let catalogue = shipped();
    let tier = |provider: &str, name: &str| {
        catalogue.model_tier(&catalogue.provider(provider).expect("known").id, name)
    };

    for (provider, name, expected) in [
        ("openai", "gpt-4o-mini", ModelTier::Economical),
        ("openai", "text-embedding-3-large", ModelTier::Economical),
        ("minimax", "MiniMax-M3", ModelTier::Economical),
        ("openai", "gpt-4o", ModelTier::Premium),
        ("xai", "grok-build-0.1", ModelTier::Premium),
        ("openai", "gpt-5.4", ModelTier::Flagship),
        ("anthropic", "claude-opus-5-5", ModelTier::Flagship),
        ("openai", "o3", ModelTier::Flagship),
        ("openai", "o3-2025-04-16", ModelTier::Flagship),
        ("openrouter", "openai/o3", ModelTier::Flagship),
    ] {
        assert_eq!(tier(provider, name), Some(expected), "{provider}/{name}");
    }
    assert_eq!(tier("openai", "no-such-model"), None);
    assert_eq!(tier("groq", "o3"), None);
    let unpriced = "[sources]\nL = { name = \"-\", as_of = 2026-11-09 }\n[models.openai]\n\"x\" = { kind = \"chat\", sources = \"L\" }";
    let providers = include_str!("../../../../../catalogue/providers.toml");
    let catalogue = Catalogue::parse(providers, unpriced).expect("sound");
    assert_eq!(model(&catalogue, "openai", "x").tier(), None);
}

#[test]
fn anthropics_models_say_how_they_are_asked_to_think() {
    let catalogue = shipped();

    for (name, thinking, no_forced_tool) in [
        ("claude-haiku-4-5", Thinking::Budget, false),
        ("claude-sonnet-4-5-20250929", Thinking::Budget, false),
        ("claude-opus-4-5", Thinking::Budget, false),
        ("claude-sonnet-4-6", Thinking::Adaptive, false),
        ("claude-opus-4-7", Thinking::Adaptive, false),
        ("claude-haiku-5-5", Thinking::Adaptive, false),
        ("claude-opus-5-5", Thinking::Adaptive, true),
        ("claude-sonnet-5-5", Thinking::Adaptive, true),
        ("claude-fable-5-1", Thinking::Adaptive, true),
        ("claude-mythos-5-1", Thinking::Adaptive, true),
    ] {
        let traits = model(&catalogue, "anthropic", name).traits;
        assert_eq!(traits.thinking, Some(thinking), "{name}");
        assert_eq!(traits.no_forced_tool, no_forced_tool, "{name}");
        assert!(traits.vision && traits.tools && traits.reasoning, "{name}");
    }
    assert_eq!(model(&catalogue, "openai", "gpt-5.4").traits.thinking, None);
    assert!(!model(&catalogue, "openai", "gpt-4o").traits.reasoning);
}

#[test]
fn some_models_answer_on_responses_only() {
    let catalogue = shipped();

    for name in ["gpt-5.2-pro", "gpt-5.4-pro-2026-03-05", "gpt-5-pro", "o3-pro", "gpt-5.3-codex"] {
        assert_eq!(model(&catalogue, "openai", name).only, [Operation::Responses], "{name}");
    }
    for name in ["gpt-5.4", "o3", "gpt-6.1-sol", "gpt-5-search-api"] {
        assert!(model(&catalogue, "openai", name).only.is_empty(), "{name}");
    }
}

#[test]
fn a_model_that_ends_says_when() {
    let catalogue = shipped();

    for (provider, name, status, ends) in [
        ("openai", "o3", Status::ShutdownAnnounced, Some("2026-12-11")),
        ("anthropic", "claude-sonnet-4-5", Status::ShutdownAnnounced, Some("2026-11-30")),
        ("groq", "llama-3.3-70b-versatile", Status::Disputed, Some("2026-08-16")),
        ("deepseek", "deepseek-v4-flash", Status::Deprecated, None),
        ("xai", "grok-3-mini", Status::Retired, Some("2026-02-28")),
        ("openai", "gpt-4o", Status::Current, None),
    ] {
        let model = model(&catalogue, provider, name);
        assert_eq!(model.status, status, "{name}");
        assert_eq!(model.ends.map(|day| day.to_string()).as_deref(), ends, "{name}");
    }
}

#[test]
fn models_say_what_of_sampling_they_refuse() {
    let catalogue = shipped();

    for (provider, name, no_sampling, no_stop) in [
        ("anthropic", "claude-sonnet-4-6", false, false),
        ("anthropic", "claude-opus-4-7", true, false),
        ("anthropic", "claude-sonnet-5-5", true, false),
        ("openai", "gpt-4.1", false, false),
        ("openai", "gpt-5.4-mini", true, true),
        ("openai", "o3", true, true),
        ("moonshot", "kimi-k3", true, false),
    ] {
        let traits = model(&catalogue, provider, name).traits;
        assert_eq!((traits.no_sampling, traits.no_stop), (no_sampling, no_stop), "{name}");
    }
    let mistral = catalogue.provider("mistral").expect("known");
    assert!(mistral.quirks.short_call_ids && mistral.quirks.no_seed);
}

#[test]
fn a_picture_takes_as_much_as_the_dearest_model_would_where_no_less_is_known() {
    let catalogue = shipped();

    for (provider, tokens) in [("anthropic", 6_000), ("gemini", 6_000), ("openai", 50_000)] {
        let provider = &catalogue.provider(provider).expect("known").id;
        assert_eq!(catalogue.image_tokens(provider), tokens, "{provider}");
    }
    let flawed = "[image_tokens]\nnobody = 1\n";
    let error = Catalogue::parse("provider = []", flawed).expect_err("no such provider");
    assert!(matches!(error, CatalogueError::UnknownProvider(_)), "{error}");
    let none = "[image_tokens]\nopenai = 0\n";
    let providers = include_str!("../../../../../catalogue/providers.toml");
    assert!(Catalogue::parse(providers, none).is_err(), "a picture is never nothing");
}
