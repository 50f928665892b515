//! What is tried after a model that does not answer: whose list, in which order, for what, and how often.

use serde_json::{Value, json};
use testkit::fake::Reply;

use super::site::{Site, asking, failed, routed};

const FIRST: &str = "openai/gpt-4o o";
const GROQ: &str = "groq/llama-3.1-8b-instant";
const MISTRAL: &str = "mistral/codestral-latest";
const TOGETHER: &str = "together/Qwen/Qwen3.5-9B";

async fn with_four_providers(file: &str) -> Site {
    let site = Site::open_with(file).await;
    for (provider, label) in [("openai", "o"), ("groq", "q"), ("mistral", "m"), ("together", "t")] {
        site.own(provider, label).await;
    }
    site
}

fn falling_back(models: &[&str]) -> Value {
    routed("openai/gpt-4o", json!({ "fallback_models": models }))
}

#[tokio::test]
async fn the_calls_list_counts_then_the_keys_then_the_projects_then_the_workspaces() {
    let site = with_four_providers("").await;
    site.workspace(json!({ "fallback_models": [TOGETHER] })).await;
    site.next_fail(1);
    site.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(site.called(), [FIRST, "together/Qwen/Qwen3.5-9B t"]);

    site.project(json!({ "fallback_models": [GROQ] })).await;
    site.next_fail(1);
    site.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(site.called(), [FIRST, "groq/llama-3.1-8b-instant q"]);

    let key = site.gateway_key(json!({ "fallback_models": [MISTRAL] })).await;
    site.next_fail(1);
    site.app.chat(&key, &asking("openai/gpt-4o", json!({}))).await.expect(200);
    assert_eq!(site.called(), [FIRST, "mistral/codestral-latest m"]);

    site.next_fail(1);
    site.app.chat(&key, &falling_back(&["gpt-4o-mini"])).await.expect(200);
    assert_eq!(site.called(), [FIRST, "openai/gpt-4o-mini o"]);

    site.next_fail(1);
    let refused = site.app.chat(&key, &falling_back(&[])).await.expect(429);
    assert_eq!(refused.code(), "upstream_rate_limited", "an empty list is a list");
    assert_eq!(site.called(), [FIRST]);
}

#[tokio::test]
async fn they_are_tried_in_their_order_until_one_answers() {
    let site = with_four_providers("").await;
    site.next_fail(2);

    let answer = site.ask(&falling_back(&[MISTRAL, GROQ, TOGETHER])).await.expect(200);

    let called = [FIRST, "mistral/codestral-latest m", "groq/llama-3.1-8b-instant q"];
    assert_eq!(site.called(), called);
    assert_eq!(answer.header("x-keystile-attempts"), Some("3"));
    assert_eq!(answer.header("x-keystile-provider"), Some("groq"));
    let rows = site.app.attempts_of(&answer).await;
    let told: Vec<_> =
        rows.iter().map(|row| (row.provider.as_str(), row.outcome.as_deref())).collect();
    let (failed, completed) = (Some("failed"), Some("completed"));
    assert_eq!(told, [("openai", failed), ("mistral", failed), ("groq", completed)]);
}

#[tokio::test]
async fn every_fault_of_the_providers_or_the_keys_leads_to_the_next() {
    let site = with_four_providers("").await;
    let error = |status| Reply::openai_error(status, "some_type", None, "the provider's words");
    let replies = vec![
        Reply::invalid_key("sk-o-0123456789"),
        error(402),
        error(403),
        error(404),
        error(408),
        error(429),
        Reply::openai_error(429, "t", Some("insufficient_quota"), "out of money"),
        error(500),
        error(502),
        error(503),
        error(504),
        Reply::text(502, "text/html", "<h1>Bad gateway</h1>"),
        Reply::redirect(302, "http://127.0.0.1:1/"),
        Reply::cut_before_headers(),
        Reply::reset_before_headers(),
        Reply::json(&json!({ "error": { "message": "overloaded", "code": "x" } })),
    ];

    for (nth, reply) in replies.into_iter().enumerate() {
        let told = format!("{reply:?}");
        // Each a model of its own, so that no breaker opens for the first.
        let model = format!("model-{nth}");
        site.fake.next(reply);
        let body = routed(&format!("openai/{model}"), json!({ "fallback_models": [GROQ] }));
        let answer = site.ask(&body).await;

        assert_eq!(answer.status, 200, "{told}: {}", answer.text());
        let called = [format!("openai/{model} o"), "groq/llama-3.1-8b-instant q".to_owned()];
        assert_eq!(site.called(), called, "{told}");
    }
}

#[tokio::test]
async fn the_callers_own_mistake_is_told_and_nobody_else_is_asked() {
    let site = with_four_providers("").await;
    site.own("openai", "second").await;

    for status in [400, 409, 413, 415, 422] {
        let words = "`temperature` is out of range";
        site.fake.next(Reply::openai_error(status, "invalid_request_error", None, words));
        let refused = site.ask(&falling_back(&[GROQ])).await.expect(status);

        assert!(refused.text().contains("out of range"), "{}", refused.text());
        assert_eq!(site.called(), [FIRST], "{status}");
    }
}

#[tokio::test]
async fn what_was_worked_on_and_went_wrong_is_not_paid_for_twice() {
    let site = with_four_providers("").await;

    for garbled in ["<h1>Welcome</h1>", "[1]", "{\"choices\":["] {
        site.fake.next(Reply::text(200, "application/json", garbled));
        let refused = site.ask(&falling_back(&[GROQ])).await.expect(502);

        assert_eq!(refused.code(), "upstream_error");
        assert_eq!(site.called(), [FIRST], "{garbled}");
    }
}

#[tokio::test]
async fn every_alternative_must_be_allowed() {
    let site = with_four_providers("").await;
    let body = falling_back(&[GROQ, MISTRAL]);
    let allowed = json!({ "allowed_models": ["openai/gpt-4o", MISTRAL] });
    let called = [FIRST, "mistral/codestral-latest m"];

    let key = site.gateway_key(allowed.clone()).await;
    site.next_fail(1);
    site.app.chat(&key, &body).await.expect(200);
    assert_eq!(site.called(), called, "by the gateway key's list");

    site.project(allowed.clone()).await;
    site.next_fail(1);
    site.ask(&body).await.expect(200);
    assert_eq!(site.called(), called, "by the project's list");

    site.project(json!({ "allowed_models": null })).await;
    site.workspace(allowed).await;
    site.next_fail(1);
    site.ask(&body).await.expect(200);
    assert_eq!(site.called(), called, "by the workspace's list");

    site.workspace(json!({ "allowed_models": null })).await;
    let groq = site.id("q").await.to_string();
    site.change_key(&groq, json!({ "allowed_models": ["another-model"] })).await;
    site.next_fail(1);
    site.ask(&body).await.expect(200);
    assert_eq!(site.called(), called, "by the provider key's list");
}

#[tokio::test]
async fn who_may_not_have_the_model_gets_no_other_one() {
    let site = with_four_providers("").await;
    let key = site.gateway_key(json!({ "allowed_models": [GROQ] })).await;

    let refused = site.app.chat(&key, &falling_back(&[GROQ])).await.expect(403);

    assert_eq!(refused.code(), "model_not_allowed");
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn a_model_nobody_has_a_key_for_is_passed_over() {
    let site = with_four_providers("").await;

    let body = routed("anthropic/claude-sonnet-4-5", json!({ "fallback_models": [GROQ] }));
    let answer = site.ask(&body).await.expect(200);

    assert_eq!(site.called(), ["groq/llama-3.1-8b-instant q"]);
    assert_eq!(answer.header("x-keystile-attempts"), Some("1"));
}

#[tokio::test]
async fn a_silent_attempt_is_not_repeated_and_a_fallback_follows() {
    let site = with_four_providers("[limits]\nfirst_byte_seconds_max = 1\n").await;
    site.fake.next(Reply::stall_before_headers());

    let answer = site.ask(&falling_back(&[GROQ])).await.expect(200);

    assert_eq!(site.called(), [FIRST, "groq/llama-3.1-8b-instant q"]);
    let rows = site.app.attempts_of(&answer).await;
    assert_eq!(rows[0].error_code.as_deref(), Some("upstream_timeout"));
    assert!(rows[0].billing_unknown && !rows[1].billing_unknown, "{rows:?}");

    site.fake.next(Reply::stall_before_headers());
    let refused = site.chat("openai/gpt-4o").await.expect(504);
    assert_eq!(refused.code(), "upstream_timeout");
    assert_eq!(site.called(), [FIRST], "it may be at work: once is enough");
}

#[tokio::test]
async fn whoever_has_nobody_else_to_ask_asks_once_more() {
    let site = with_four_providers("").await;
    site.fake.next(failed());

    site.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(site.called(), [FIRST, FIRST]);

    site.fake.next(failed());
    site.fake.next(failed());
    let refused = site.chat("openai/gpt-4o").await.expect(502);
    assert_eq!(refused.code(), "upstream_error");
    assert_eq!(site.called(), [FIRST, FIRST], "and no more than that");
}

#[tokio::test]
async fn all_attempts_together_are_bounded() {
    let site = with_four_providers("").await;
    let names: Vec<_> = (0..10).map(|n| format!("openai/model-{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    site.next_fail(4);

    let refused = site.ask(&falling_back(&names)).await.expect(429);

    assert_eq!(refused.code(), "upstream_rate_limited");
    assert_eq!(site.called(), [FIRST, "openai/model-0 o", "openai/model-1 o"]);
    assert_eq!(site.app.attempts_of(&refused).await.len(), 3);
    let too_many = [names.as_slice(), &["openai/one-more"]].concat();
    site.ask(&falling_back(&too_many)).await.expect(400);
    assert_eq!(site.called(), [""; 0]);

    let site = with_four_providers("[limits]\nattempts_max = 2\n").await;
    site.next_fail(2);
    site.ask(&falling_back(&names)).await.expect(429);
    assert_eq!(site.called(), [FIRST, "openai/model-0 o"]);
}
