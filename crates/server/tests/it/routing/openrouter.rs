//! OpenRouter: in the place of providers that there is no key for, and its words for which models and providers are wanted.

use serde_json::{Value, json};

use super::site::{Site, asking, routed};

const CLAUDE: &str = "anthropic/claude-sonnet-4-5";
const THROUGH: &str = "openrouter/anthropic/claude-sonnet-4.5 r";

#[tokio::test]
async fn it_serves_models_of_providers_without_a_key() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;

    for (name, called) in [
        (CLAUDE, THROUGH),
        ("claude-sonnet-4-5", THROUGH),
        ("google/gemini-2.5-pro", "openrouter/google/gemini-2.5-pro r"),
        ("grok/grok-4.3", "openrouter/x-ai/grok-4.3 r"),
        ("openai/made-yesterday", "openrouter/openai/made-yesterday r"),
    ] {
        let answer = site.chat(name).await.expect(200);

        assert_eq!(site.called(), [called], "{name}");
        assert_eq!(answer.header("x-keystile-provider"), Some("openrouter"));
        assert_eq!(answer.header("x-keystile-payer"), Some("byok"));
    }
}

#[tokio::test]
async fn a_preset_that_may_choose_another_model_is_refused_where_only_some_are_allowed() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    let asked = asking("openrouter/x-ai/grok-4.3", json!({ "preset": "mine" }));

    site.ask(&asked).await.expect(200);
    assert_eq!(site.fake.last_request().json()["preset"], "mine", "there is no list here");

    let narrow = site.gateway_key(json!({ "allowed_models": ["openrouter/x-ai/grok-4.3"] })).await;
    let by_fallthrough = asking("grok/grok-4.3", json!({ "preset": "mine" }));
    let both = site.gateway_key(json!({ "allowed_models": ["grok/grok-4.3"] })).await;
    site.called();
    for (key, body) in [(&narrow, &asked), (&both, &by_fallthrough)] {
        let refused = site.app.chat(key, body).await.expect(400);
        assert_eq!(refused.at("/error/param"), "preset");
        assert!(refused.text().contains("leave it out"), "{}", refused.text());
    }
    let plain = asking("openrouter/x-ai/grok-4.3", json!({ "preset": null }));
    site.app.chat(&narrow, &plain).await.expect(200);
    site.project(json!({ "allowed_models": ["openrouter/x-ai/grok-4.3"] })).await;
    site.ask(&asked).await.expect(400);
    site.project(json!({ "allowed_models": null })).await;
    let id = site.id("r").await.to_string();
    site.change_key(&id, json!({ "allowed_models": ["openrouter/x-ai/grok-4.3"] })).await;
    site.ask(&asked).await.expect(400);
    assert_eq!(site.called(), ["openrouter/x-ai/grok-4.3 r"], "the one without a preset");
}

#[tokio::test]
async fn it_does_not_where_the_workspace_or_the_project_says_so() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;

    site.project(json!({ "openrouter_fallthrough": false })).await;
    assert_eq!(site.chat(CLAUDE).await.expect(403).code(), "no_provider_key");
    site.project(json!({ "openrouter_fallthrough": true })).await;
    site.chat(CLAUDE).await.expect(200);
    site.workspace(json!({ "openrouter_fallthrough": false })).await;
    assert_eq!(site.chat(CLAUDE).await.expect(403).code(), "no_provider_key");
    site.chat("openrouter/anthropic/claude-sonnet-4.5").await.expect(200);

    assert_eq!(site.called(), [THROUGH, THROUGH], "asked for by its name it answers");
}

#[tokio::test]
async fn it_comes_before_the_platforms_key_and_after_ones_own() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    site.platform("anthropic", "pool").await;

    site.next_fail(1);
    site.chat(CLAUDE).await.expect(200);
    assert_eq!(site.called(), [THROUGH, "anthropic/claude-sonnet-4-5 pool"]);
    site.of_project("openrouter", "of-project").await;
    site.next_fail(2);
    site.chat(CLAUDE).await.expect(200);
    let of_project = "openrouter/anthropic/claude-sonnet-4.5 of-project";
    assert_eq!(site.called(), [of_project, THROUGH, "anthropic/claude-sonnet-4-5 pool"]);

    site.own("anthropic", "own").await;
    site.next_fail(1);
    site.chat(CLAUDE).await.expect(200);
    let own = "anthropic/claude-sonnet-4-5 own";
    assert_eq!(site.called(), [own, "anthropic/claude-sonnet-4-5 pool"], "there is a key");
}

#[tokio::test]
async fn it_serves_what_the_lists_allow_under_the_name_that_was_asked_for() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    site.workspace(json!({ "allowed_models": [CLAUDE] })).await;

    site.chat(CLAUDE).await.expect(200);
    assert_eq!(site.called(), [THROUGH]);
    let refused = site.chat("openai/gpt-4o").await.expect(403);
    assert_eq!(refused.code(), "model_not_allowed");
    assert_eq!(site.called(), [""; 0]);
}

fn wishing(model: &str, provider: Value) -> Value {
    asking(model, json!({ "provider": provider }))
}

#[tokio::test]
async fn models_is_a_list_of_fallbacks_and_its_first_may_be_the_model() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site.own("groq", "q").await;
    let (openai, groq) = ("openai/gpt-4o o", "groq/llama-3.1-8b-instant q");
    let models = json!(["openai/gpt-4o", "groq/llama-3.1-8b-instant"]);

    site.next_fail(1);
    site.ask(&asking("openai/gpt-4o", json!({ "models": models }))).await.expect(200);
    assert_eq!(site.called(), [openai, groq]);
    site.next_fail(1);
    let nameless = json!({ "models": models, "messages": [{ "role": "user", "content": "hi" }] });
    site.ask(&nameless).await.expect(200);
    assert_eq!(site.called(), [openai, groq]);
    assert!(!String::from_utf8_lossy(&site.fake.last_request().body).contains("models"));
}

#[tokio::test]
async fn provider_names_who_may_answer_and_who_may_not() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    site.own("anthropic", "a").await;
    site.platform("anthropic", "pool").await;
    let (own, pool) = ("anthropic/claude-sonnet-4-5 a", "anthropic/claude-sonnet-4-5 pool");

    for (provider, called) in [
        (json!({ "only": ["anthropic"] }), vec![own, pool]),
        (json!({ "only": ["Claude"] }), vec![own, pool]),
        (json!({ "only": ["openrouter"] }), vec![THROUGH]),
        (json!({ "order": ["openrouter", "anthropic"] }), vec![own, pool]),
        (json!({ "order": ["anthropic"], "allow_fallbacks": false }), vec![own, pool]),
        (json!({ "ignore": ["openrouter"] }), vec![own, pool]),
        (json!({ "allow_fallbacks": true }), vec![own, pool]),
        (Value::Null, vec![own, pool]),
    ] {
        site.fake.always(super::site::limited());
        site.ask(&wishing(CLAUDE, provider.clone())).await.expect(429);
        assert_eq!(site.called(), called, "{provider}");
    }
    for provider in [
        json!({ "only": ["openai"] }),
        json!({ "only": [] }),
        json!({ "ignore": ["anthropic"] }),
        json!({ "order": ["openai"], "allow_fallbacks": false }),
    ] {
        let refused = site.ask(&wishing(CLAUDE, provider.clone())).await.expect(403);
        assert_eq!(refused.code(), "no_provider_key", "{provider}: {}", refused.text());
        assert_eq!(site.called(), [""; 0], "{provider}");
    }
}

#[tokio::test]
async fn without_fallbacks_no_other_model_and_no_other_provider_answers() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    site.own("groq", "q").await;
    site.platform("anthropic", "pool").await;
    let body = json!({
        "provider": { "allow_fallbacks": false },
        "models": [CLAUDE, "groq/llama-3.1-8b-instant"],
    });
    site.next_fail(1);

    let refused = site.ask(&asking(CLAUDE, body)).await.expect(429);

    assert_eq!(refused.code(), "upstream_rate_limited");
    assert_eq!(site.called(), [THROUGH]);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_and_to_openrouter_itself_its_words_are_passed_on() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    site.own("openai", "o").await;

    for provider in [json!({ "sort": "price" }), json!({ "only": "openai" }), json!("openai")] {
        let refused = site.ask(&wishing("openai/gpt-4o", provider.clone())).await.expect(400);
        assert_eq!(refused.json()["error"]["param"], "provider", "{provider}");
    }
    assert_eq!(site.called(), [""; 0]);
    let words = json!({ "order": ["anthropic"], "data_collection": "allow" });
    let mut body = wishing("openrouter/anthropic/claude-sonnet-4.5", words.clone());
    body["models"] = json!(["openrouter/anthropic/claude-sonnet-4.5", "openai/gpt-4o"]);
    site.next_fail(1);
    site.ask(&body).await.expect(200);
    let sent = site.fake.last_request().json();
    assert_eq!((&sent["provider"], sent.get("models")), (&words, None));
    assert_eq!(site.called(), [THROUGH, "openrouter/openai/gpt-4o r"], "each is judged here");
    site.workspace(json!({ "allowed_models": ["openrouter/anthropic/claude-sonnet-4.5"] })).await;
    site.next_fail(1);
    site.ask(&body).await.expect(429);
    assert_eq!(site.called(), [THROUGH]);
    let kept = wishing("openrouter/anthropic/claude-sonnet-4.5", json!({ "zdr": true }));
    assert_eq!(site.ask(&kept).await.expect(403).code(), "data_policy_unsatisfied");
    let routed = routed("openrouter/anthropic/claude-sonnet-4.5", json!({ "only_byok": true }));
    site.ask(&routed).await.expect(200);
    assert_eq!(site.fake.last_request().json().get("routing"), None, "ours are ours");
}

#[tokio::test]
async fn openrouters_other_words_reach_openrouter() {
    let site = Site::open().await;
    site.own("openrouter", "r").await;
    let words = json!({ "sort": "price", "quantizations": ["fp8"], "require_parameters": true });

    let model = "openrouter/anthropic/claude-sonnet-4.5";
    site.ask(&wishing(model, words.clone())).await.expect(200);

    assert_eq!(site.fake.last_request().json()["provider"], words);
}
