//! What ships, and how a catalogue is asked.

mod models;

use super::*;
use crate::{DataPolicy, Tier};

fn shipped() -> Catalogue {
    Catalogue::shipped().expect("valid")
}

fn tier(name: &str) -> Tier {
    name.parse().expect("a tier")
}

#[test]
fn only_a_custom_provider_brings_its_own_address() {
    let catalogue = shipped();

    for provider in catalogue.providers() {
        let custom = provider.id.as_str() == "custom";
        assert_eq!(provider.needs_base_url(), custom, "{}", provider.id);
        assert_eq!(provider.needs_key(), !custom, "{}", provider.id);
        assert_eq!(provider.key_url.is_none(), custom, "{}", provider.id);
    }
}

#[test]
fn every_spelling_is_known_in_every_case() {
    let catalogue = shipped();

    for (id, spellings) in [
        ("openai", &["openai", "OpenAI", "OPENAI"][..]),
        ("anthropic", &["anthropic", "claude", "Claude", "Anthropic Claude"]),
        ("gemini", &["google", "gemini", "google_ai_studio", "google-ai-studio", "Google Gemini"]),
        ("groq", &["groq", "Groq"]),
        ("mistral", &["mistral", "mistralai", "Mistral AI"]),
        ("together", &["together", "together_ai", "together-ai", "togetherai", "Together AI"]),
        ("fireworks", &["fireworks", "fireworks_ai", "fireworks-ai", "Fireworks AI"]),
        ("xai", &["xai", "grok", "Grok", "x-ai", "X.AI", "xAI Grok"]),
        ("deepseek", &["deepseek", "DeepSeek"]),
        ("openrouter", &["openrouter", "OpenRouter"]),
        ("zai", &["zai", "z_ai", "z-ai", "Z.AI", "zhipu", "zhipuai", "bigmodel"]),
        ("minimax", &["minimax", "MiniMax"]),
        ("moonshot", &["moonshot", "moonshotai", "kimi", "Moonshot AI"]),
        ("custom", &["custom", "vllm", "vLLM", "ollama", "openai_compatible"]),
    ] {
        for spelling in spellings {
            let provider = catalogue.provider(spelling).expect(spelling);
            assert_eq!(provider.id.as_str(), id, "{spelling}");
        }
    }
    for stranger in ["", "z", "open ai", "gpt", "openai/", "xai router"] {
        assert!(catalogue.provider(stranger).is_none(), "{stranger}");
    }
}

#[test]
fn each_face_has_its_spelling_and_knows_it_again() {
    let catalogue = shipped();

    for provider in catalogue.providers() {
        let id = provider.id.as_str();
        let workspace_name = match id {
            "gemini" => "google_ai_studio",
            "together" => "together_ai",
            "fireworks" => "fireworks_ai",
            "zai" => "z_ai",
            _ => id,
        };
        let tenant_name = match id {
            "gemini" => "google",
            "xai" => "grok",
            _ => id,
        };

        assert_eq!(provider.workspace_name(), workspace_name);
        assert_eq!(provider.tenant_name(), tenant_name);
        for name in [workspace_name, tenant_name] {
            assert_eq!(catalogue.provider(name).map(|p| &p.id), Some(&provider.id));
        }
    }
}

#[test]
fn people_read_the_names_they_know() {
    let catalogue = shipped();

    for (id, name) in [
        ("openai", "OpenAI"),
        ("anthropic", "Anthropic Claude"),
        ("gemini", "Google AI Studio"),
        ("groq", "Groq"),
        ("mistral", "Mistral AI"),
        ("together", "Together AI"),
        ("fireworks", "Fireworks AI"),
        ("xai", "xAI Grok"),
        ("deepseek", "DeepSeek"),
        ("openrouter", "OpenRouter"),
        ("zai", "Z.AI"),
        ("minimax", "MiniMax"),
        ("moonshot", "Moonshot AI"),
        ("custom", "Custom"),
    ] {
        assert_eq!(catalogue.provider(id).map(|provider| provider.name.as_str()), Some(name));
    }
    let format = |name| catalogue.provider(name).and_then(|p| p.key_format.as_deref());
    for (name, hint) in [
        ("openai", Some("sk-...")),
        ("anthropic", Some("sk-ant-...")),
        ("gemini", Some("AIza...")),
        ("groq", Some("gsk_...")),
        ("mistral", None),
        ("together", None),
        ("fireworks", Some("fw_...")),
        ("xai", Some("xai-...")),
        ("custom", None),
    ] {
        assert_eq!(format(name), hint, "{name}");
    }
}

#[test]
fn a_tier_chosen_by_hand_is_one_of_the_providers() {
    let catalogue = shipped();

    for (provider, name, known) in [
        ("openai", "tier-5", true),
        ("openai", "Tier-5", true),
        ("openai", "free", true),
        ("openai", "tier-6", false),
        ("openai", "scale", false),
        ("openai", "", false),
        ("openai", "tier 5", false),
        ("anthropic", "build", true),
        ("anthropic", "tier-4", true),
        ("gemini", "tier-3", true),
        ("gemini", "tier-4", false),
        ("groq", "developer", true),
        ("deepseek", "tier-1", false),
        ("custom", "free", false),
    ] {
        let provider = catalogue.provider(provider).expect("known");
        assert_eq!(provider.tier(name).is_some(), known, "{} {name}", provider.id);
    }
    for provider in catalogue.providers() {
        assert_eq!(provider.tier("enterprise"), Some(Tier::enterprise()), "{}", provider.id);
    }
    let openai = catalogue.provider("openai").expect("known");
    assert_eq!(openai.tier("TIER-5"), Some(tier("tier-5")), "written as the catalogue writes it");
}

/// Gemini sends no headers: what nobody chose is the lowest. Where headers may still speak, nothing is assumed.
#[test]
fn only_a_provider_that_never_tells_has_a_default_tier() {
    let catalogue = shipped();

    let defaults = catalogue.providers().iter().filter_map(|p| Some((p, p.default_tier()?)));
    let defaults: Vec<_> = defaults.map(|(p, tier)| (p.id.as_str(), tier.as_str())).collect();
    assert_eq!(defaults, [("gemini", "free")]);
    let asking = catalogue.providers().iter().filter(|p| p.needs_selected_tier());
    let asking: Vec<_> = asking.map(|p| p.id.as_str()).collect();
    assert_eq!(asking, ["gemini", "mistral", "fireworks", "xai", "openrouter", "moonshot"]);
}

#[test]
fn a_tiers_limits_depend_on_the_model() {
    let catalogue = shipped();
    let limits = |provider: &str, name: &str, model: &str| {
        let provider = catalogue.provider(provider).expect("known");
        provider.limits(&tier(name), model).copied()
    };

    for (name, model, rpm, tpm) in [
        ("tier-1", "gpt-5.4", 500, 500_000),
        ("tier-1", "gpt-5.4-2026-03-05", 500, 500_000),
        ("tier-1", "gpt-5.4-nano", 500, 200_000),
        ("tier-3", "gpt-5.4-mini-2026-03-17", 5_000, 4_000_000),
        ("tier-3", "gpt-6-luna", 5_000, 4_000_000),
        ("tier-5", "gpt-6.1-sol", 15_000, 40_000_000),
        ("tier-5", "gpt-5-nano", 30_000, 180_000_000),
    ] {
        let limits = limits("openai", name, model).expect(model);
        assert_eq!((limits.rpm, limits.tpm), (Some(rpm), Some(tpm)), "{name} {model}");
    }
    let sonnet = limits("anthropic", "start", "claude-sonnet-4-5-20250929").expect("listed");
    assert_eq!((sonnet.itpm, sonnet.otpm), (Some(2_000_000), Some(400_000)));
    assert_eq!(limits("moonshot", "tier-0", "kimi-k3").and_then(|l| l.tpd), Some(1_500_000));
    assert_eq!(limits("openrouter", "free", "z-ai/glm-4.7:free").and_then(|l| l.rpd), Some(50));
    for (provider, name, model) in [
        ("openai", "tier-1", "gpt-4o"),
        ("openai", "tier-1", "gpt-5.2-pro"),
        ("openai", "free", "gpt-5.4"),
        ("openai", "enterprise", "gpt-5.4"),
        ("anthropic", "tier-1", "claude-opus-4-5"),
        ("openrouter", "free", "z-ai/glm-4.7"),
    ] {
        assert_eq!(limits(provider, name, model), None, "{provider} {name} {model}");
    }
}

#[test]
fn nothing_is_promised_about_data_that_the_provider_does_not_promise() {
    let catalogue = shipped();

    for provider in catalogue.providers() {
        let policy = match provider.id.as_str() {
            "openai" | "anthropic" | "groq" | "fireworks" => DataPolicy::NoTraining,
            _ => DataPolicy::None,
        };
        assert_eq!(provider.data_policy, policy, "{}", provider.id);
    }
}

const TABLE: &str = "[[provider]]\nid = \"a\"\nname = \"A\"\nauth = \"bearer\"\ndata_policy = \"none\"\nprobe = { path = \"/\" }\nsource = \"-\"\nas_of = 2026-11-21\n";

#[test]
fn a_name_taken_twice_is_refused() {
    let twice = Catalogue::parse(&TABLE.repeat(2), "");
    assert!(matches!(twice, Err(CatalogueError::DuplicateName(name)) if name == "a"));

    let other = TABLE.replace("\"a\"", "\"b\"").replace("\"A\"", "\"B\"");
    for line in ["aliases = [\"A\"]", "workspace_name = \"A\"", "tenant_name = \"a\""] {
        let clash = other.replace("auth", &format!("{line}\nauth"));
        let error = Catalogue::parse(&format!("{TABLE}{clash}"), "").expect_err(line);
        assert!(matches!(error, CatalogueError::DuplicateName(_)), "{line}: {error}");
    }
    Catalogue::parse(&format!("{TABLE}{other}"), "").expect("two names");
}

#[test]
fn bare_models_are_found_by_their_provider() {
    let catalogue = shipped();

    let providers = catalogue.providers_of("gpt-4o");

    assert_eq!(providers.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["openai"]);
}
