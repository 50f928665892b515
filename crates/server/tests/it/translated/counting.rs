//! `count_tokens`: the provider's own count where it counts, an estimate that says so where it does not.

use serde_json::{Value, json};
use testkit::fake::PROMPT_TOKENS;
use testkit::http::Whole;

use super::super::routing::site::Site;

async fn count(site: &Site, key: &str, body: &Value) -> Whole {
    site.app.api.post("/v1/messages/count_tokens", body).header("x-api-key", key).whole().await
}

fn asking(model: &str, words: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": words }] })
}

#[tokio::test]
async fn a_provider_that_counts_is_asked() {
    let site = Site::open().await;
    site.own("anthropic", "a").await;

    let body = asking("anthropic/claude-sonnet-4-5", "hello");
    for path in ["/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens?beta=true"] {
        let call = site.app.api.post(path, &body).header("x-api-key", &site.key);
        let answer =
            call.header("anthropic-beta", "token-counting-2024-11-01").whole().await.expect(200);

        assert_eq!(answer.json(), json!({ "input_tokens": PROMPT_TOKENS }));
        assert_eq!(answer.header("x-keystile-estimated"), None);
        let seen = site.fake.last_request();
        assert_eq!(seen.path(), "/anthropic/v1/messages/count_tokens");
        assert_eq!(seen.json(), asking("claude-sonnet-4-5", "hello"));
        assert_eq!(seen.header("anthropic-beta"), Some("token-counting-2024-11-01"));
        assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    }
}

#[tokio::test]
async fn where_nobody_counts_it_is_estimated_and_said_to_be() {
    let site = Site::open().await;
    site.own("openai", "o").await;

    let short = count(&site, &site.key, &asking("openai/gpt-4o", "hello")).await.expect(200);
    let long = asking("openai/gpt-4o", &"four".repeat(10_000));
    let long = count(&site, &site.key, &long).await.expect(200);

    assert_eq!(short.header("x-keystile-estimated"), Some("true"));
    let tokens = |answer: &Whole| answer.json()["input_tokens"].as_u64().expect("a count");
    assert!((1..40).contains(&tokens(&short)), "{}", short.text());
    assert!((10_000..10_100).contains(&tokens(&long)), "{}", long.text());
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn nobody_counts_for_those_who_may_not_ask() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let narrow = site.gateway_key(json!({ "allowed_models": ["openai/gpt-4o"] })).await;

    for (key, model, status, kind) in [
        (&narrow, "openai/gpt-4.1", 403, "permission_error"),
        (&site.key, "anthropic/claude-sonnet-4-5", 403, "permission_error"),
        (&site.key, "nobody-makes-this", 404, "not_found_error"),
        (&"ks_live_x".to_owned(), "openai/gpt-4o", 401, "authentication_error"),
    ] {
        let refused = count(&site, key, &asking(model, "hello")).await.expect(status);
        assert_eq!(refused.at("/error/type"), kind, "{model}");
    }
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn google_counts_for_its_own_callers_and_for_others_it_is_estimated() {
    let site = Site::open().await;
    site.own("gemini", "g").await;
    site.own("openai", "o").await;
    let contents = json!([{ "role": "user", "parts": [{ "text": "hello" }] }]);
    let count = async |model: &str, body: &Value| {
        let path = format!("/v1beta/models/{model}:countTokens");
        let call = site.app.api.post(&path, body).header("x-goog-api-key", &site.key);
        call.whole().await
    };

    let plain = json!({ "contents": contents });
    let answer = count("gemini-3-flash-preview", &plain).await.expect(200);
    assert_eq!(answer.json(), json!({ "totalTokens": PROMPT_TOKENS }));
    assert_eq!(answer.header("x-keystile-estimated"), None);
    let seen = site.fake.last_request();
    assert_eq!(seen.path(), "/gemini/v1beta/models/gemini-3-flash-preview:countTokens");
    assert_eq!(seen.json(), plain);
    let named =
        |model: &str| json!({ "generateContentRequest": { "model": model, "contents": contents } });
    let body = named("models/google/gemini-3-flash-preview");
    count("google%2Fgemini-3-flash-preview", &body).await.expect(200);
    assert_eq!(site.fake.last_request().json(), named("models/gemini-3-flash-preview"));

    let estimated = count("openai/gpt-4o", &plain).await.expect(200);
    assert_eq!(estimated.header("x-keystile-estimated"), Some("true"));
    let tokens = estimated.json()["totalTokens"].as_u64().expect("a count");
    assert!((1..60).contains(&tokens), "{}", estimated.text());
    let refused = count("nobody-makes-this", &plain).await.expect(404);
    assert_eq!(refused.at("/error/status"), "NOT_FOUND");
    site.called();
    let row = &site.app.attempts_of(&answer).await[0];
    assert_eq!(row.dialect, "count_content_tokens");
}
