//! What people are shown of a plan.

use model::Code;
use serde_json::{Value, json};

use super::*;
use crate::plan::tests::scene::{NOW, Scene};

fn asked_by(body: &Value) -> Result<Asked<'static>, Refusal> {
    asked(Bytes::from(body.to_string()), Wishes::default())
}

fn shown(scene: &Scene, body: &Value) -> Value {
    let asked = asked_by(body).expect("a body");
    let acting = scene.acting();
    let standing = Standing::of(&acting).expect("a project");
    let explanation = explained(&scene.world(), &standing, asked);
    serde_json::to_value(explanation).expect("JSON")
}

#[test]
fn every_candidate_is_shown_with_what_would_be_called_and_who_pays() {
    let mut scene = Scene::new();
    scene.own("anthropic", "mine");
    scene.platform("anthropic", "pool");
    let body = json!({
        "model": "claude-4-5", "stream": true, "max_tokens": 1000,
        "messages": [{ "role": "user", "content": "x".repeat(3904) }],
    });
    assert_eq!(body.to_string().len(), 4000);

    let shown = shown(&scene, &body);

    assert_eq!(shown["model"], "claude-4-5");
    assert_eq!((&shown["operation"], &shown["stream"]), (&json!("chat_completions"), &json!(true)));
    let mut expected = json!({
        "provider": "anthropic",
        "model": "claude-4-5",
        "operation": "messages",
        "translated": true,
        "provider_key": scene.id("mine"),
        "payer": "byok",
        "fallback": 0,
        "after": [],
        "data_policy": "none",
        // A thousand tokens each, at 3 and 10 USD a million.
        "estimated_cost_micro_usd": 13_000,
    });
    assert_eq!(shown["candidates"][0], expected);
    expected["provider_key"] = Value::Null;
    expected["payer"] = json!("platform");
    expected["after"] = json!(["exhausted", "failed", "unavailable"]);
    assert_eq!(shown["candidates"][1], expected);
    assert_eq!((&shown["exclusions"], &shown["refusal"]), (&json!([]), &Value::Null));
}

#[test]
fn whoever_is_left_out_is_shown_with_the_reason() {
    let mut scene = Scene::new();
    scene.own("groq", "spent");
    scene.exhaust("spent", None);
    scene.own("together", "lax");
    let body = json!({ "model": "llama", "routing": { "data_policy": "none" } });

    let all = shown(&scene, &body);
    let exclusion = &all["exclusions"][0];
    assert_eq!(exclusion["provider"], "groq");
    assert_eq!(exclusion["provider_key"], json!(scene.id("spent")));
    assert_eq!(exclusion["reason"], "exhausted");
    let until = NOW.plus(std::time::Duration::from_secs(10));
    assert_eq!(exclusion["until"], json!(until));
    assert!(exclusion["message"].as_str().is_some_and(|text| text.contains("rate limits")));
    assert_eq!(all["candidates"][0]["provider"], "together");

    let strict = json!({ "model": "together/llama", "routing": { "data_policy": "zdr" } });
    let none = shown(&scene, &strict);
    let exclusion = &none["exclusions"][0];
    assert_eq!(
        [&exclusion["reason"], &exclusion["promised"], &exclusion["required"]],
        ["data_policy", "none", "zdr"]
    );
    assert_eq!(none["candidates"], json!([]));
    assert_eq!(none["refusal"]["code"], Code::DataPolicyUnsatisfied.as_str());
}

#[test]
fn what_has_no_price_has_no_estimate() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");

    let shown = shown(&scene, &json!({ "model": "openai/newest" }));

    assert_eq!(shown["candidates"][0]["operation"], "responses");
    assert_eq!(shown["candidates"][0]["estimated_cost_micro_usd"], Value::Null);
}

#[test]
fn a_request_that_is_none_is_refused_within_the_explanation() {
    let scene = Scene::new();

    let nameless = shown(&scene, &json!({}));
    assert_eq!(nameless["model"], Value::Null);
    assert_eq!(nameless["refusal"]["code"], "invalid_request");
    let pinned = json!({ "model": "big", "routing": { "provider_key": "nonsense" } });
    assert_eq!(shown(&scene, &pinned)["refusal"]["code"], "invalid_request");
}

#[test]
fn another_operation_is_named_in_the_body() {
    let mut scene = Scene::new();
    scene.own("openai", "mine");
    let about = |operation: &str| json!({ "operation": operation, "model": "openai/vectors" });

    let embedding = shown(&scene, &about("embeddings"));
    assert_eq!(embedding["candidates"][0]["translated"], false);
    // Where nobody counts, we do.
    let counting = json!({ "operation": "count_tokens", "model": "openai/big" });
    let counting = shown(&scene, &counting);
    assert_eq!((&counting["candidates"], &counting["refusal"]), (&json!([]), &Value::Null));
    for nonsense in ["passthrough", "poetry"] {
        let refusal = asked_by(&about(nonsense)).err().expect(nonsense);
        assert_eq!((refusal.code, refusal.param), (Code::InvalidRequest, Some("operation")));
        assert!(refusal.public.contains("embeddings"), "{refusal}");
    }
}

#[test]
fn wishes_count_from_headers_and_in_openrouters_words() {
    let body = json!({ "models": ["openai/big", "openai/small"], "provider": { "zdr": true } });
    let headers = Wishes { only_byok: true, ..Wishes::default() };

    let asked = asked(Bytes::from(body.to_string()), headers).expect("a body");

    assert_eq!(asked.model.as_deref(), Some("openai/big"));
    assert_eq!(asked.wishes.fallback_models, Some(vec!["openai/small".to_owned()]));
    assert_eq!(asked.wishes.data_policy, Some(DataPolicy::Zdr));
    assert!(asked.wishes.only_byok);
}
