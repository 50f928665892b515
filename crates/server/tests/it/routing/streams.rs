//! Where an attempt ends and an answer begins: before the first content a stream that fails is one more attempt, after it
//! nothing is tried again.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::fake::{Gate, Reply, Step, chat_stream_bytes, messages_stream_bytes};
use testkit::http::Whole;

use super::site::{Site, joined, routed};

const GROQ: &str = "groq/llama-3.1-8b-instant";

fn streamed(model: &str) -> Value {
    joined(routed(model, json!({ "fallback_models": [GROQ] })), json!({ "stream": true }))
}

async fn with_groq_behind(provider: &str) -> Site {
    let site = Site::open().await;
    site.own(provider, "first").await;
    site.own("groq", "q").await;
    site
}

/// The first events of a stream.
fn events(stream: &Bytes, count: usize) -> Bytes {
    let ends = stream.windows(2).enumerate().filter(|(_, two)| *two == b"\n\n");
    let end = ends.map(|(at, _)| at + 2).nth(count - 1).expect("as many events");
    stream.slice(..end)
}

/// What was said in a chat stream, and whether it came to its end.
fn said(answer: &Whole) -> (String, bool) {
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let words = chunks
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    (words.collect(), text.ends_with("data: [DONE]\n\n"))
}

const WORDS: &str = "Hello from the fäke 🦀";
const ERROR: &str = "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"x\"}}\n\n";
const NAMED_ERROR: &str = "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n";

#[tokio::test]
async fn a_stream_that_fails_before_its_first_content_is_one_more_attempt() {
    let site = with_groq_behind("openai").await;
    // The role alone is no content.
    let role = events(&chat_stream_bytes(5, true), 1);

    for (nth, steps) in [
        vec![Step::bytes(ERROR)],
        vec![Step::bytes(NAMED_ERROR)],
        vec![Step::bytes(role.clone()), Step::bytes(ERROR)],
        vec![Step::bytes(": hold the line\n\n"), Step::bytes(role.clone()), Step::bytes(ERROR)],
        vec![Step::Cut],
        vec![Step::bytes(role.clone()), Step::Cut],
        vec![Step::bytes(role.clone()), Step::Reset],
        vec![Step::bytes(role.clone())],
        vec![],
    ]
    .into_iter()
    .enumerate()
    {
        let told = format!("{steps:?}");
        site.fake.next(Reply::stream(steps));
        let answer = site.ask(&streamed(&format!("openai/model-{nth}"))).await.expect(200);

        assert_eq!(said(&answer), (WORDS.to_owned(), true), "{told}: {}", answer.text());
        assert_eq!(answer.text().matches("\"role\"").count(), 1, "nothing of the first is shown");
        assert_eq!(site.called().len(), 2, "{told}");
        assert_eq!(answer.header("x-keystile-provider"), Some("groq"));
        assert_eq!(answer.header("x-keystile-attempts"), Some("2"));
    }
}

#[tokio::test]
async fn a_stream_that_fails_after_its_first_content_is_the_answer() {
    let site = with_groq_behind("openai").await;
    let begun = events(&chat_stream_bytes(5, true), 2);

    for end in [Step::bytes(ERROR), Step::bytes(NAMED_ERROR), Step::Cut, Step::Reset] {
        site.fake.next(Reply::stream(vec![Step::bytes(begun.clone()), end.clone()]));
        let answer = site.ask(&streamed("openai/gpt-4o")).await.expect(200);

        assert_eq!(said(&answer), ("Hello".to_owned(), false), "{end:?}");
        assert!(answer.text().contains("\"upstream_error\""), "{}", answer.text());
        assert_eq!(site.called(), ["openai/gpt-4o first"], "{end:?}");
    }
}

#[tokio::test]
async fn what_is_held_back_until_then_is_bounded() {
    let site = Site::open_with("[limits]\nheld_bytes_max = 1000\n").await;
    site.own("openai", "first").await;
    site.own("groq", "q").await;
    let comment = |bytes: usize| Step::bytes(format!(": {}\n\n", "x".repeat(bytes)));

    site.fake.next(Reply::stream(vec![comment(500), Step::bytes(ERROR)]));
    let answer = site.ask(&streamed("openai/gpt-4o")).await.expect(200);
    assert!(said(&answer).1 && !answer.text().contains("xxx"), "{}", answer.text());
    assert_eq!(site.called().len(), 2);

    site.fake.next(Reply::stream(vec![comment(1000), Step::bytes(ERROR)]));
    let answer = site.ask(&streamed("openai/gpt-4o")).await.expect(200);
    assert!(answer.text().contains("xxx") && answer.text().contains("upstream_error"));
    assert_eq!(site.called(), ["openai/gpt-4o first"]);
}

#[tokio::test]
async fn nothing_is_held_back_for_long() {
    let site = Site::open_with("[limits]\nheld_seconds_max = 1\n").await;
    site.own("openai", "first").await;
    site.own("groq", "q").await;
    let role = events(&chat_stream_bytes(5, true), 1);
    let gate = Gate::new();
    let steps = vec![Step::bytes(role.clone()), Step::Wait(gate.clone()), Step::bytes(ERROR)];
    site.fake.next(Reply::stream(steps));

    let call = site.app.api.post("/v1/chat/completions", &streamed("openai/gpt-4o"));
    let mut answer = call.bearer(&site.key).send().await;
    assert_eq!(answer.chunk().await.expect("a piece").expect("unbroken"), role);
    gate.open();

    assert!(answer.whole().await.text().contains("upstream_error"));
    assert_eq!(site.called(), ["openai/gpt-4o first"]);
}

#[tokio::test]
async fn thoughts_and_tool_calls_are_content_too() {
    let site = with_groq_behind("openai").await;

    for delta in [
        json!({ "reasoning_content": "Hm" }),
        json!({ "refusal": "No" }),
        json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function",
            "function": { "name": "look", "arguments": "" } }] }),
    ] {
        let chunk = json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] });
        let begun = format!("data: {chunk}\n\n");
        site.fake.next(Reply::stream(vec![Step::bytes(begun), Step::bytes(ERROR)]));
        let answer = site.ask(&streamed("openai/gpt-4o")).await.expect(200);

        assert!(!said(&answer).1, "{}", answer.text());
        assert_eq!(site.called(), ["openai/gpt-4o first"], "{chunk}");
    }
}

#[tokio::test]
async fn a_fallback_may_speak_another_dialect_than_the_first() {
    let site = with_groq_behind("anthropic").await;
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"overloaded\"}}\n\n";
    let start = events(&messages_stream_bytes(5), 1);

    site.fake.next(Reply::stream(vec![Step::bytes(start), Step::bytes(error)]));
    let answer = site.ask(&streamed("anthropic/claude-sonnet-4-5")).await.expect(200);

    assert_eq!(said(&answer), (WORDS.to_owned(), true), "{}", answer.text());
    assert_eq!(site.called(), ["anthropic/claude-sonnet-4-5 first", "groq/llama-3.1-8b-instant q"]);
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let site = with_groq_behind("openai").await;
    site.fake.next(Reply::stream_of(vec![chat_stream_bytes(0, true)]));

    let answer = site.ask(&streamed("openai/gpt-4o")).await.expect(200);

    assert_eq!(said(&answer), (String::new(), true), "{}", answer.text());
    assert_eq!(site.called(), ["openai/gpt-4o first"]);
}
