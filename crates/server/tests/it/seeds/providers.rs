//! Seed 000, the set-up of each provider and what a gateway key is held to: formats, self-hosted endpoints, model
//! lists, caps, fallbacks.

use serde_json::{Value, json};

use super::people::{Caller, api_keys, items};
use super::site::{Asked, Site, fresh};

on_both! {
    every_key_format_of_the_table_is_taken
    the_page_of_providers_says_where_to_get_a_key
    a_self_hosted_endpoint_is_reached_with_its_key
    self_hosted_endpoints_are_addressed_by_their_names
    a_self_hosted_endpoint_needs_no_key
    a_self_hosted_endpoint_comes_with_its_base_url
    one_gateway_key_mixes_providers
    you_pay_your_provider_directly
    an_allowed_model_list_pins_a_gateway_key
    a_spend_cap_in_micro_usd_is_kept_and_raised
    a_gateway_key_is_told_its_cap
    a_fallback_model_is_configured
}

/// Seed 000: the table of providers and key formats.
async fn every_key_format_of_the_table_is_taken(site: &Site) {
    let workspace = site.workspace().await;
    let _turn = site.scripted().await;
    for (provider, name, start) in [
        ("openai", "OpenAI", "sk-"),
        ("anthropic", "Anthropic Claude", "sk-ant-"),
        ("gemini", "Google AI Studio", "AIza"),
        ("groq", "Groq", "gsk_"),
        ("mistral", "Mistral AI", ""),
        ("together", "Together AI", ""),
        ("fireworks", "Fireworks AI", "fw_"),
    ] {
        let key = fresh(start);

        let made = workspace.add_provider_key(provider, &key).await;

        assert_eq!(made.at("/provider_name"), name);
        assert_eq!(made.at("/validation_status"), "valid", "{provider}");
        assert!(key.starts_with(made.at("/key_prefix").trim_end_matches("...****")), "{provider}");
        assert_eq!(site.asked(provider, &key), Asked { probes: 1, calls: 0 }, "{provider}");
    }
    assert_eq!(workspace.provider_keys().await.len(), 7);
}

/// Seed 000: the table's column "Get one", and "Custom ... also paste base_url".
async fn the_page_of_providers_says_where_to_get_a_key(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let providers = workspace.owner.get("/v1/providers").await.expect(200);
    let to_keys = app.get("/v1/providers").await.expect(200);

    let items = items(&providers);

    assert_eq!(to_keys.json(), providers.json(), "sessions and gateway keys see the same");
    for (name, page, format) in [
        ("openai", "platform.openai.com/api-keys", "sk-"),
        ("anthropic", "console.anthropic.com/settings/keys", "sk-ant-"),
        ("gemini", "aistudio.google.com/apikey", "AIza"),
        ("groq", "console.groq.com/keys", "gsk_"),
        ("mistral", "console.mistral.ai/api-keys/", ""),
        ("together", "api.together.xyz/settings/api-keys", ""),
        ("fireworks", "fireworks.ai/account/api-keys", "fw_"),
    ] {
        let item = items.iter().find(|item| item["id"] == name);
        let item = item.unwrap_or_else(|| panic!("no {name}: {providers:?}")).to_string();
        assert!(item.contains(page) && item.contains(format), "{item}");
    }
    let custom = items.iter().find(|item| item["id"] == "custom").expect("custom endpoints");
    assert!(custom.to_string().contains("base_url"), "{custom}");
}

/// Seed 000: "Custom (vLLM, Ollama, …): any / none. Self-hosted — also paste base_url."
async fn a_self_hosted_endpoint_is_reached_with_its_key(site: &Site) {
    let workspace = site.workspace().await;
    let (fake, base_url) = site.with_key();
    let key = fresh("whatever-");
    let body =
        json!({ "provider": "custom", "name": "my-vllm", "base_url": base_url, "api_key": key });

    let made = workspace.try_provider_key(body).await.expect(201);

    assert_eq!(made.at("/provider"), "custom");
    assert_eq!(made.at("/provider_name"), "Custom");
    let app = workspace.application(json!({})).await;
    app.chat("custom/llama-3").await.expect(200);
    let request = fake.requests().into_iter().rfind(|request| request.bearer() == Some(&key));
    assert_eq!(request.expect("the call").json()["model"], "llama-3");
}

/// Seed 000: "swap models with a string", of several endpoints of one's own too.
async fn self_hosted_endpoints_are_addressed_by_their_names(site: &Site) {
    let workspace = site.workspace().await;
    let (with_key, with_key_url) = site.with_key();
    let (without_key, without_key_url) = site.without_key();
    let key = fresh("whatever-");
    let model = fresh("llama-");
    let vllm = json!({
        "provider": "custom", "name": "my-vllm", "base_url": with_key_url, "api_key": key,
    });
    workspace.try_provider_key(vllm).await.expect(201);
    let ollama = json!({ "provider": "custom", "name": "my-ollama", "base_url": without_key_url });
    workspace.try_provider_key(ollama).await.expect(201);
    let app = workspace.application(json!({})).await;

    app.chat(&format!("my-vllm/{model}")).await.expect(200);
    app.chat(&format!("my-ollama/{model}")).await.expect(200);

    for fake in [with_key, without_key] {
        let calls = fake.requests().into_iter().filter(|request| request.method == "POST");
        assert_eq!(calls.filter(|request| request.json()["model"] == model).count(), 1);
    }
}

/// Seed 000: "any / none".
async fn a_self_hosted_endpoint_needs_no_key(site: &Site) {
    let workspace = site.workspace().await;
    let (fake, base_url) = site.without_key();
    let model = fresh("llama-");
    let body = json!({ "provider": "custom", "name": "my-ollama", "base_url": base_url });

    workspace.try_provider_key(body).await.expect(201);

    let app = workspace.application(json!({})).await;
    app.chat(&format!("custom/{model}")).await.expect(200);
    let calls = fake.requests().into_iter().filter(|request| request.method == "POST");
    let ours: Vec<_> = calls.filter(|request| request.json()["model"] == model).collect();
    assert_eq!(ours.len(), 1);
    assert_eq!(ours[0].header("authorization"), None);
}

/// Seed 000: "also paste base_url".
async fn a_self_hosted_endpoint_comes_with_its_base_url(site: &Site) {
    let workspace = site.workspace().await;
    let body = json!({ "provider": "custom", "name": "nowhere", "api_key": fresh("") });

    let refused = workspace.try_provider_key(body).await.expect(400);

    assert_eq!(refused.code(), "invalid_request");
    assert!(refused.at("/error/message").contains("base_url"), "{}", refused.text());
    assert_eq!(workspace.provider_keys().await, [Value::Null; 0]);
}

/// Seed 000: "one Z-AI key in your code, swap models with a string."
async fn one_gateway_key_mixes_providers(site: &Site) {
    let workspace = site.workspace().await;
    let (openai, groq) = (fresh("sk-"), fresh("gsk_"));
    workspace.add_provider_key("openai", &openai).await;
    workspace.add_provider_key("groq", &groq).await;
    let app = workspace.application(json!({})).await;

    app.chat("openai/gpt-5.4-mini").await.expect(200);
    app.chat("groq/openai/gpt-oss-20b").await.expect(200);

    assert_eq!(site.asked("openai", &openai).calls, 1);
    assert_eq!(site.asked("groq", &groq).calls, 1);
}

/// Seed 000: "You pay your provider directly" (003: "Charges are billed by the corresponding provider account").
async fn you_pay_your_provider_directly(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let app = workspace.application(json!({})).await;

    let answer = app.chat("openai/gpt-4o").await.expect(200);

    assert_eq!(answer.header("x-keystile-payer"), Some("byok"));
    assert_eq!(answer.header("x-keystile-provider-key"), Some(&*id));
    assert_eq!(site.asked("openai", &key).calls, 1);
}

/// Seed 000: "Pin an allowed-model list so the key can only call certain models."
async fn an_allowed_model_list_pins_a_gateway_key(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let path = api_keys(&workspace.project);
    let body = json!({ "name": "public", "allowed_models": ["openai/gpt-5-nano"] });
    let made = workspace.owner.post(&path, body).await.expect(201);
    let app = Caller::new(&site.api, &made.at("/key"));

    app.chat("openai/gpt-5-nano").await.expect(200);
    let refused = app.chat("openai/gpt-5-pro").await.expect(403);

    assert_eq!(refused.code(), "model_not_allowed");
    assert_eq!(site.asked("openai", &key).calls, 1);
    assert_eq!(made.json()["allowed_models"], json!(["openai/gpt-5-nano"]));
    // Pinned later is pinned too, and the pin can be lifted.
    let path = format!("{path}/{}", made.at("/id"));
    let pin = json!({ "allowed_models": ["openai/gpt-5-pro"] });
    workspace.owner.patch(&path, pin).await.expect(200);
    app.chat("openai/gpt-5-pro").await.expect(200);
    assert_eq!(app.chat("openai/gpt-5-nano").await.expect(403).code(), "model_not_allowed");
    workspace.owner.patch(&path, json!({ "allowed_models": null })).await.expect(200);
    app.chat("openai/gpt-5-nano").await.expect(200);
}

/// Seed 000: "Set a spend cap (in micro-USD) ... until you raise the cap."
async fn a_spend_cap_in_micro_usd_is_kept_and_raised(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let body =
        json!({ "name": "capped", "spend_cap_micro_usd": 2_500_000, "cap_period": "monthly" });
    let made = workspace.owner.post(&path, body).await.expect(201);
    let path = format!("{path}/{}", made.at("/id"));

    let kept = workspace.owner.get(&path).await.expect(200).json();
    let raised = workspace.owner.patch(&path, json!({ "spend_cap_micro_usd": 9_000_000 })).await;

    assert_eq!(kept["spend_cap_micro_usd"], 2_500_000);
    assert_eq!(kept["cap_period"], "monthly");
    assert_eq!(raised.expect(200).json()["spend_cap_micro_usd"], 9_000_000);
    for wrong in [json!(-1), json!(0.5), json!("2500000")] {
        let body = json!({ "spend_cap_micro_usd": wrong });
        assert_eq!(workspace.owner.patch(&path, body).await.expect(400).code(), "invalid_request");
    }
    let kept = workspace.owner.get(&path).await.expect(200).json();
    assert_eq!(kept["spend_cap_micro_usd"], 9_000_000);
}

/// Seed 000: the application sees its cap where seed 004 lets it ask who it is.
async fn a_gateway_key_is_told_its_cap(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({ "spend_cap_micro_usd": 2_500_000 })).await;

    let me = app.get("/v1/me").await.expect(200).json();

    assert_eq!(me["spend"]["cap_micro_usd"], 2_500_000, "{me}");
}

/// Seed 000: "Configure a fallback model."
async fn a_fallback_model_is_configured(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let fallbacks = json!(["groq/openai/gpt-oss-20b", "openai/gpt-5-nano"]);
    let body = json!({ "name": "sure", "fallback_models": fallbacks });
    let made = workspace.owner.post(&path, body).await.expect(201);
    let path = format!("{path}/{}", made.at("/id"));

    let kept = workspace.owner.get(&path).await.expect(200).json();
    let fewer = json!({ "fallback_models": ["openai/gpt-5-nano"] });
    let changed = workspace.owner.patch(&path, fewer).await.expect(200).json();

    assert_eq!(kept["fallback_models"], fallbacks);
    assert_eq!(changed["fallback_models"], json!(["openai/gpt-5-nano"]));
    assert_eq!(changed["name"], "sure", "what is not named stays");
}
