//! `POST /v1/route:explain`: what it says is what then happens, and nobody is called for it.

use http::Method;
use serde_json::{Value, json};
use testkit::fake::Reply;

use super::site::{Site, asking, joined, limited};

const GROQ: &str = "groq/llama-3.1-8b-instant";

/// Attempts that are made for one request, unless the operator says otherwise.
const ATTEMPTS_MAX: usize = 3;

/// Own keys of some providers, platform keys of others, and one of OpenRouter.
async fn with_all_sorts_of_keys() -> Site {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let paused = site.own("openai", "paused").await;
    site.change_key(&paused, json!({ "is_active": false })).await;
    site.of_project("openai", "p").await;
    site.own("groq", "q").await;
    site.own_with("mistral", "m", json!({ "data_policy": "zdr" })).await;
    site.own("openrouter", "r").await;
    for provider in ["openai", "anthropic", "gemini"] {
        site.platform(provider, "pool").await;
    }
    site
}

enum Setting {
    Plan(&'static str),
    Project(Value),
    Workspace(Value),
}

impl Setting {
    fn all() -> Vec<Self> {
        vec![
            Self::Workspace(json!({})),
            Self::Workspace(json!({ "allowed_models": ["openai/gpt-4o", GROQ] })),
            Self::Workspace(json!({ "data_policy": "no_training" })),
            Self::Workspace(json!({ "platform_fallback": [] })),
            Self::Project(json!({ "platform_fallback": ["missing", "exhausted"] })),
            Self::Project(json!({ "use_workspace_keys": false })),
            Self::Project(json!({ "openrouter_fallthrough": false })),
            Self::Project(json!({ "fallback_models": [GROQ, "mistral/codestral-latest"] })),
            Self::Plan("starter"),
            Self::Plan("core"),
        ]
    }

    async fn set(&self, site: &Site) {
        match self {
            Self::Plan(name) => site.plan(name).await,
            Self::Project(settings) => site.project(settings.clone()).await,
            Self::Workspace(settings) => site.workspace(settings.clone()).await,
        }
    }

    async fn unset(&self, site: &Site) {
        let nothing = |settings: &Value| {
            let names = settings.as_object().expect("an object").keys();
            names.map(|name| (name.clone(), Value::Null)).collect::<Value>()
        };
        match self {
            Self::Plan(_) => site.plan("self_hosted").await,
            Self::Project(settings) => site.project(nothing(settings)).await,
            Self::Workspace(settings) => site.workspace(nothing(settings)).await,
        }
    }
}

async fn wishes(site: &Site) -> Vec<Value> {
    let pin = site.id("o").await.to_string();
    vec![
        json!({}),
        json!({ "routing": { "only_byok": true } }),
        json!({ "routing": { "only_platform": true } }),
        json!({ "routing": { "provider_key": pin } }),
        json!({ "routing": { "data_policy": "zdr" } }),
        json!({ "routing": { "fallback_models": [GROQ, "gemini/gemini-2.5-flash-lite"] } }),
        json!({ "models": ["mistral/codestral-latest"], "provider": { "ignore": ["openrouter"] } }),
        json!({ "provider": { "allow_fallbacks": false } }),
    ]
}

const MODELS: [&str; 5] = [
    "openai/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "gemini-2.5-flash-lite",
    "mistral/codestral-latest",
    "nobody-makes-this",
];

#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let site = with_all_sorts_of_keys().await;
    let wishes = wishes(&site).await;
    let (mut served, mut refused) = (0, 0);

    for (row, setting) in Setting::all().into_iter().enumerate() {
        setting.set(&site).await;
        for (column, wish) in wishes.iter().enumerate() {
            // So that each model meets each setting and each wish.
            let model = MODELS[(row + column) % MODELS.len()];
            match happens_as_explained(&site, &asking(model, wish.clone())).await {
                true => served += 1,
                false => refused += 1,
            }
        }
        setting.unset(&site).await;
    }

    assert!(served > 30 && refused > 15, "{served} and {refused}: both are to be seen");
}

/// Whether it was served.
async fn happens_as_explained(site: &Site, body: &Value) -> bool {
    let explanation = site.explain(body).await;
    assert_eq!(site.called(), [""; 0], "nobody is called for an explanation");
    let candidates = site.candidates(&explanation).await;

    // All of them fail, so that the whole order is seen.
    site.fake.always(limited());
    let failed = site.ask(body).await;
    let order: Vec<_> =
        within_policy(&explanation, &candidates).into_iter().take(ATTEMPTS_MAX).collect();
    assert_eq!(site.called(), order, "{body}: {explanation}");
    assert_ne!(failed.status, 200);

    site.fake.always(Reply::standard());
    let answer = site.ask(body).await;
    let first: Vec<_> = candidates.into_iter().take(1).collect();
    assert_eq!(site.called(), first, "{body}: {explanation}");
    let Some(answered) = explanation["candidates"].get(0) else {
        let told = &explanation["refusal"];
        assert_eq!(told["code"], answer.code(), "{body}");
        assert_eq!(told["message"], answer.at("/error/message"), "{body}");
        return false;
    };
    assert_eq!(answer.status, 200, "{body}: {}", answer.text());
    assert_eq!(explanation["refusal"], Value::Null);
    for (header, member) in [
        ("provider", "provider"),
        ("model", "model"),
        ("payer", "payer"),
        ("provider-key", "provider_key"),
    ] {
        // Which of the operator's keys it will be is told only by the receipt.
        if member == "provider_key" && answered["payer"] == "platform" {
            assert_eq!(answered[member], Value::Null, "{body}");
            continue;
        }
        let header = answer.header(&format!("x-keystile-{header}"));
        assert_eq!(header, answered[member].as_str(), "{body}");
    }
    true
}

/// Those who may still answer once all before them have failed.
fn within_policy(explanation: &Value, shown: &[String]) -> Vec<String> {
    let candidates = explanation["candidates"].as_array().expect("candidates");
    let may = |candidate: &Value| {
        let after = candidate["after"].as_array().expect("causes");
        after.is_empty() || after.contains(&json!("failed"))
    };
    let zipped = candidates.iter().zip(shown);
    zipped.filter(|(candidate, _)| may(candidate)).map(|(_, shown)| shown.clone()).collect()
}

#[tokio::test]
async fn every_operation_can_be_explained() {
    let site = with_all_sorts_of_keys().await;

    for (operation, model, candidate) in [
        ("chat_completions", "openai/gpt-4o", ("chat_completions", false)),
        ("messages", "openai/gpt-4o", ("chat_completions", true)),
        ("generate_content", "openai/gpt-5.4-pro", ("responses", true)),
        ("responses", "gemini/gemini-2.5-flash", ("generate_content", true)),
        ("embeddings", "openai/text-embedding-3-small", ("embeddings", false)),
        ("speech", "groq/playai-tts", ("speech", false)),
        ("count_tokens", "anthropic/claude-sonnet-4-5", ("count_tokens", false)),
    ] {
        let only_platform =
            ["anthropic/", "gemini/"].iter().any(|provider| model.starts_with(provider));
        let wish = json!({ "operation": operation, "routing": { "only_platform": only_platform } });
        let explanation = site.explain(&asking(model, wish)).await;

        assert_eq!(explanation["operation"], operation);
        let first = &explanation["candidates"][0];
        let told = (first["operation"].as_str(), first["translated"].as_bool());
        assert_eq!(told, (Some(candidate.0), Some(candidate.1)), "{operation}: {explanation}");
    }
    let wrong = asking("openai/gpt-4o", json!({ "operation": "passthrough" }));
    let call = site.app.api.post("/v1/route:explain", &wrong).bearer(&site.key);
    assert_eq!(call.whole().await.expect(400).json()["error"]["param"], "operation");
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn it_says_why_others_are_left_out_and_what_it_would_cost() {
    let site = with_all_sorts_of_keys().await;

    let body = joined(asking("openai/gpt-4o", json!({})), json!({ "max_tokens": 1_000_000 }));
    let explanation = site.explain(&body).await;

    let exclusions = explanation["exclusions"].as_array().expect("exclusions").iter();
    let paused: Vec<_> = exclusions.filter(|it| it["reason"] == "paused").collect();
    assert_eq!(paused.len(), 1, "{explanation}");
    assert_eq!(paused[0]["provider_key"], site.id("paused").await.to_string());
    assert!(paused[0]["message"].as_str().is_some_and(|words| words.contains("paused")));
    let cost = explanation["candidates"][0]["estimated_cost_micro_usd"].as_i64();
    assert!(cost.is_some_and(|cost| (10_000_000..10_001_000).contains(&cost)), "{cost:?}");
}

#[tokio::test]
async fn only_who_may_ask_models_may_ask_about_them() {
    let site = with_all_sorts_of_keys().await;
    let reader = site.gateway_key(json!({ "scopes": ["read:usage"] })).await;
    let explain = |key: &str| {
        let call = site.app.api.post("/v1/route:explain", &asking("openai/gpt-4o", json!({})));
        call.bearer(key).whole()
    };

    assert_eq!(explain(&reader).await.expect(403).code(), "missing_scope");
    assert_eq!(explain("ks_live_nobody").await.expect(401).code(), "invalid_api_key");
    let whole = site.workspace_key().await;
    let body = asking("openai/gpt-4o", json!({ "routing": { "project": "nothing" } }));
    let call = site.app.api.call(Method::POST, "/v1/route:explain").json(&body).bearer(&whole);
    assert_eq!(call.whole().await.expect(404).code(), "not_found");
}
