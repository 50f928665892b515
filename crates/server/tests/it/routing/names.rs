//! Which model is meant: its spellings, the aliases of people's own, and what is meant where none is named.

use serde_json::json;

use super::site::{Site, asking, routed};

#[tokio::test]
async fn the_spellings_of_a_model_lead_to_one_and_the_same() {
    let site = Site::open().await;
    for (provider, label) in [("openai", "o"), ("gemini", "g"), ("xai", "x"), ("groq", "q")] {
        site.own(provider, label).await;
    }

    for (name, called) in [
        ("openai/gpt-4o", "openai/gpt-4o o"),
        ("openai.gpt-4o", "openai/gpt-4o o"),
        ("OpenAI/gpt-4o", "openai/gpt-4o o"),
        ("gpt-4o", "openai/gpt-4o o"),
        ("gpt-4.1", "openai/gpt-4.1 o"),
        ("openai/made-yesterday", "openai/made-yesterday o"),
        ("gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash g"),
        ("google.gemini-2.5-flash", "gemini/gemini-2.5-flash g"),
        ("google_ai_studio/gemini-2.5-flash", "gemini/gemini-2.5-flash g"),
        ("gemini-2.5-flash", "gemini/gemini-2.5-flash g"),
        ("grok/grok-4.3", "xai/grok-4.3 x"),
        ("xai.grok-4.3", "xai/grok-4.3 x"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b q"),
    ] {
        let answer = site.chat(name).await.expect(200);

        assert_eq!(site.called(), [called], "{name}");
        let (route, _) = called.split_once(' ').expect("a label");
        let told = ["provider", "model"].map(|name| answer.header(&format!("x-keystile-{name}")));
        assert_eq!(told.map(Option::unwrap_or_default).join("/"), route);
    }
}

#[tokio::test]
async fn a_name_that_means_nothing_or_nothing_here_calls_nobody() {
    let site = Site::open().await;
    site.own("openai", "o").await;

    for (name, status, code) in [
        ("nobody-makes-this", 404, "model_not_found"),
        ("nobody/makes-this", 404, "model_not_found"),
        ("claude-sonnet-4-5", 403, "no_provider_key"),
        ("anthropic/claude-sonnet-4-5", 403, "no_provider_key"),
        ("openai/", 400, "invalid_request"),
        ("gpt 4o", 400, "invalid_request"),
    ] {
        let refused = site.chat(name).await.expect(status);
        assert_eq!(refused.code(), code, "{name}: {}", refused.text());
    }
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn an_alias_of_the_project_comes_before_one_of_the_workspace() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site.own("groq", "q").await;
    let aliases = json!({ "fast": "openai/gpt-4o-mini", "good": "openai/gpt-4o" });
    site.workspace(json!({ "model_aliases": aliases })).await;
    site.project(json!({ "model_aliases": { "fast": "groq/llama-3.1-8b-instant" } })).await;

    site.chat("good").await.expect(200);
    let answer = site.chat("fast").await.expect(200);

    assert_eq!(site.called(), ["openai/gpt-4o o", "groq/llama-3.1-8b-instant q"]);
    assert_eq!(answer.header("x-keystile-model"), Some("llama-3.1-8b-instant"));
    site.next_fail(1);
    site.ask(&routed("fast", json!({ "fallback_models": ["good"] }))).await.expect(200);
    assert_eq!(site.called(), ["groq/llama-3.1-8b-instant q", "openai/gpt-4o o"]);
}

#[tokio::test]
async fn an_alias_is_allowed_where_its_model_is() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let aliases = json!({ "fast": "openai/gpt-4o-mini", "good": "openai/gpt-4o" });
    site.workspace(json!({ "model_aliases": aliases, "allowed_models": ["gpt-4o"] })).await;

    site.chat("good").await.expect(200);
    let refused = site.chat("fast").await.expect(403);

    assert_eq!(refused.code(), "model_not_allowed");
    assert_eq!(site.called(), ["openai/gpt-4o o"]);
}

#[tokio::test]
async fn where_no_model_is_named_the_narrowest_default_is_meant() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let nameless = json!({ "messages": [{ "role": "user", "content": "hello" }] });

    let refused = site.ask(&nameless).await.expect(400);
    assert_eq!(refused.json()["error"]["param"], "model");
    assert!(refused.text().contains("default_model"), "{}", refused.text());

    site.workspace(json!({ "default_model": "openai/gpt-4.1" })).await;
    site.ask(&nameless).await.expect(200);
    site.project(json!({ "default_model": "gpt-4.1-mini" })).await;
    site.ask(&nameless).await.expect(200);
    let key = site.gateway_key(json!({ "default_model": "openai.gpt-4o" })).await;
    site.app.chat(&key, &nameless).await.expect(200);
    site.app.chat(&key, &asking("gpt-4o-mini", json!({}))).await.expect(200);

    assert_eq!(
        site.called(),
        ["openai/gpt-4.1 o", "openai/gpt-4.1-mini o", "openai/gpt-4o o", "openai/gpt-4o-mini o"]
    );
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_addressed_by_its_name() {
    let site = Site::open().await;
    site.endpoint("my-vllm", "v").await;
    site.chat("custom/llama").await.expect(200);

    let ollama = site.endpoint("ollama-2", "l").await;

    site.chat("my-vllm/llama").await.expect(200);
    site.chat("ollama-2/meta/llama").await.expect(200);
    assert_eq!(site.called(), ["my-vllm/llama v", "my-vllm/llama v", "ollama-2/meta/llama l"]);
    let refused = site.chat("custom/llama").await.expect(400);
    assert!(refused.text().contains("routing.provider_key"), "{}", refused.text());
    site.ask(&routed("custom/llama", json!({ "provider_key": ollama }))).await.expect(200);
    assert_eq!(site.called(), ["ollama-2/llama l"]);
}
