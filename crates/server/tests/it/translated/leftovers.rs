//! What a provider cannot be told: named in a header where the answer can do without it, refused where it cannot.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::fake::{Reply, Step, messages_stream_bytes};
use testkit::http::Whole;

use super::super::routing::site::{Site, joined};
use super::dialects::{Dialect, Topic};

const CLAUDE: &str = "anthropic/claude-sonnet-4-5";
const GEMINI: &str = "gemini/gemini-3-flash-preview";
const KIMI: &str = "moonshot/kimi-k3";
const OPENAI: &str = "openai/gpt-5.4-mini";
const PRO: &str = "openai/gpt-5.4-pro";

async fn with_keys() -> Site {
    let site = Site::open().await;
    for provider in ["anthropic", "gemini", "moonshot", "openai"] {
        site.own_paid(provider, provider).await;
    }
    site
}

async fn ask(site: &Site, caller: Dialect, model: &str, more: &Value) -> Whole {
    let body = joined(caller.body(model, false, &Topic::Greeting), more.clone());
    site.app.api.post(&caller.path(model, false), &body).bearer(&site.key).whole().await
}

fn left_out(answer: &Whole) -> BTreeSet<&str> {
    answer.header("x-keystile-left-out").into_iter().flat_map(|names| names.split(", ")).collect()
}

#[tokio::test]
async fn what_the_answer_can_do_without_is_named() {
    let site = with_keys().await;
    let function = json!({ "name": "f", "parameters": { "type": "object" }, "strict": true });
    let cached =
        json!([{ "type": "text", "text": "hi", "cache_control": { "type": "ephemeral" } }]);
    let searching = json!([
        { "type": "web_search" },
        { "type": "function", "name": "f", "parameters": { "type": "object" }, "strict": true },
    ]);

    for (caller, model, more, names) in [
        (
            Dialect::Chat,
            CLAUDE,
            json!({ "seed": 7, "presence_penalty": 0.5 }),
            vec!["seed", "presence_penalty"],
        ),
        (
            Dialect::Chat,
            CLAUDE,
            json!({ "metadata": { "a": "b" }, "store": true }),
            vec!["metadata", "store"],
        ),
        (Dialect::Chat, CLAUDE, json!({ "user": "jane@example.com" }), vec!["user"]),
        (Dialect::Chat, CLAUDE, json!({ "user": "user-17" }), vec![]),
        (Dialect::Chat, CLAUDE, json!({ "temperature": 0.5, "top_p": 0.9 }), vec!["top_p"]),
        (
            Dialect::Chat,
            GEMINI,
            json!({ "user": "user-17", "parallel_tool_calls": false }),
            vec!["user", "parallel_tool_calls"],
        ),
        (
            Dialect::Chat,
            GEMINI,
            json!({ "tools": [{ "type": "function", "function": function }] }),
            vec!["strict"],
        ),
        (
            Dialect::Chat,
            PRO,
            json!({ "seed": 7, "frequency_penalty": 1 }),
            vec!["seed", "frequency_penalty"],
        ),
        (Dialect::Messages, OPENAI, json!({ "top_k": 5 }), vec!["top_k"]),
        (
            Dialect::Messages,
            OPENAI,
            json!({ "context_management": { "edits": [] } }),
            vec!["context_management"],
        ),
        (Dialect::Messages, GEMINI, json!({ "top_k": 5, "system": cached }), vec!["cache_control"]),
        (
            Dialect::Gemini,
            OPENAI,
            json!({ "safetySettings": [{ "category": "x" }], "labels": { "a": "b" } }),
            vec!["safetySettings", "labels"],
        ),
        (
            Dialect::Gemini,
            CLAUDE,
            json!({ "generationConfig": { "seed": 7, "topK": 5 } }),
            vec!["seed"],
        ),
        (
            Dialect::Responses,
            KIMI,
            json!({ "tools": searching, "prompt_cache_key": "k" }),
            vec!["tools.web_search", "tools.strict", "prompt_cache_key"],
        ),
        (Dialect::Responses, CLAUDE, json!({ "metadata": { "a": "b" } }), vec!["metadata"]),
    ] {
        let answer = ask(&site, caller, model, &more).await;

        assert_eq!(answer.status, 200, "{caller:?} {more}: {}", answer.text());
        assert_eq!(left_out(&answer), names.into_iter().collect(), "{caller:?} {model} {more}");
    }
}

#[tokio::test]
async fn what_the_answer_would_be_another_without_is_refused() {
    let site = with_keys().await;

    for (caller, model, more, name) in [
        (Dialect::Chat, CLAUDE, json!({ "n": 2 }), "n"),
        (Dialect::Chat, CLAUDE, json!({ "logprobs": true }), "logprobs"),
        (Dialect::Chat, CLAUDE, json!({ "logit_bias": { "1": 5 } }), "logit_bias"),
        (Dialect::Chat, CLAUDE, json!({ "modalities": ["text", "audio"] }), "modalities"),
        (Dialect::Chat, CLAUDE, json!({ "made_up": 1 }), "made_up"),
        (Dialect::Chat, PRO, json!({ "stop": ["x"] }), "stop"),
        (Dialect::Messages, OPENAI, json!({ "mcp_servers": [] }), "mcp_servers"),
        (Dialect::Messages, OPENAI, json!({ "container": "c" }), "container"),
        (Dialect::Messages, OPENAI, json!({ "made_up": 1 }), "made_up"),
        (
            Dialect::Messages,
            GEMINI,
            json!({ "tools": [{ "type": "bash_20250124", "name": "bash" }] }),
            "tools",
        ),
        (
            Dialect::Gemini,
            OPENAI,
            json!({ "generationConfig": { "candidateCount": 2 } }),
            "candidateCount",
        ),
        (Dialect::Gemini, OPENAI, json!({ "cachedContent": "c" }), "cachedContent"),
        (Dialect::Gemini, CLAUDE, json!({ "tools": [{ "googleSearch": {} }] }), "googleSearch"),
        (Dialect::Gemini, CLAUDE, json!({ "madeUp": 1 }), "madeUp"),
        (
            Dialect::Responses,
            CLAUDE,
            json!({ "previous_response_id": "resp_1" }),
            "previous_response_id",
        ),
        (Dialect::Responses, KIMI, json!({ "background": true }), "background"),
        (Dialect::Responses, GEMINI, json!({ "made_up": 1 }), "made_up"),
    ] {
        let refused = ask(&site, caller, model, &more).await;

        assert_eq!(refused.status, 400, "{caller:?} {more}: {}", refused.text());
        assert_envelope(caller, &refused);
        assert!(
            refused.at("/error/message").contains(name),
            "{caller:?} {more}: {}",
            refused.text()
        );
    }
    assert_eq!(site.called(), [""; 0]);
}

/// As the caller's SDK reads an error.
#[track_caller]
fn assert_envelope(caller: Dialect, refused: &Whole) {
    let json = refused.json();
    let error = &json["error"];
    match caller {
        Dialect::Chat | Dialect::Responses => {
            assert_eq!(error["type"], "invalid_request_error", "{json}");
            assert_eq!(error["code"], "invalid_request", "{json}");
            assert!(error.get("param").is_some(), "{json}");
        }
        Dialect::Messages => {
            assert_eq!(
                (&json["type"], &error["type"]),
                (&json!("error"), &json!("invalid_request_error"))
            );
            assert_eq!(json["request_id"].as_str(), refused.header("x-keystile-request-id"));
        }
        Dialect::Gemini => {
            assert_eq!(
                (&error["code"], &error["status"]),
                (&json!(400), &json!("INVALID_ARGUMENT"))
            );
            assert_eq!(error["details"][0]["reason"], "INVALID_REQUEST", "{json}");
        }
    }
}

#[tokio::test]
async fn who_can_be_told_answers_in_the_place_of_who_cannot() {
    let site = with_keys().await;
    let more = json!({ "n": 2, "routing": { "fallback_models": ["openai/gpt-4o"] } });

    let answer = ask(&site, Dialect::Chat, CLAUDE, &more).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(site.called(), ["openai/gpt-4o openai"]);
}

#[tokio::test]
async fn a_providers_refusal_comes_in_the_callers_dialect() {
    let site = with_keys().await;
    let words = "the prompt is too long";
    let refusals = [
        (OPENAI, Reply::openai_error(400, "invalid_request_error", None, words)),
        (CLAUDE, Reply::anthropic_error(400, "invalid_request_error", words)),
        (GEMINI, Reply::google_error(400, words)),
    ];

    for (model, reply) in refusals {
        for caller in Dialect::ALL {
            site.fake.next(reply.clone());
            let refused = ask(&site, caller, model, &json!({})).await;

            assert_eq!(refused.status, 400, "{}", refused.text());
            assert_envelope(caller, &refused);
            assert!(refused.at("/error/message").contains(words), "{}", refused.text());
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so_in_the_callers_dialect() {
    let site = with_keys().await;
    let all = messages_stream_bytes(5);
    let half = all.slice(..all.len() * 2 / 3);

    for caller in [Dialect::Chat, Dialect::Gemini, Dialect::Responses] {
        let steps = vec![Step::bytes(half.clone()), Step::Cut];
        site.fake.next(Reply::stream(steps));
        let body = caller.body(CLAUDE, true, &Topic::Greeting);
        let path = caller.path(CLAUDE, true);
        let answer = site.app.api.post(&path, &body).bearer(&site.key).whole().await.expect(200);

        let text = answer.text().replace("\r\n", "\n");
        let last = text.trim_end().rsplit("\n\n").next().expect("an event");
        let data = last.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
        let json: Value = serde_json::from_str(data).expect("JSON");
        match caller {
            Dialect::Chat => assert_eq!(json["error"]["code"], "upstream_error"),
            Dialect::Gemini => assert_eq!(json["error"]["code"], 502),
            _ => assert_eq!(
                (&json["type"], &json["response"]["error"]["code"]),
                (&json!("response.failed"), &json!("upstream_error"))
            ),
        }
        for end in ["[DONE]", "response.completed", "\"finishReason\":\"STOP\""] {
            assert!(!text.contains(end), "{caller:?}: {text}");
        }
        assert_eq!(site.app.attempts_of(&answer).await[0].outcome.as_deref(), Some("cut"));
    }
}
