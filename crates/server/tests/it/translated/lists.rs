//! Google's streams for callers that do not ask for events: one JSON list, told piece by piece all the same.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::fake::{Gate, Reply, Step, chat_content, gemini_stream_bytes, messages_stream_bytes};
use testkit::http::Call;

use super::super::routing::site::Site;

const WORDS: usize = 5;
const WITHIN: Duration = Duration::from_secs(20);
const MODELS: [&str; 3] = ["gemini/gemini-2.5-pro", "anthropic/claude-sonnet-4-5", "openai/gpt-4o"];

async fn with_keys() -> Site {
    let site = Site::open().await;
    for provider in ["gemini", "anthropic", "openai"] {
        site.own(provider, provider).await;
    }
    site
}

fn ask(site: &Site, model: &str, query: &str) -> Call {
    let contents = json!([{ "role": "user", "parts": [{ "text": "hello" }] }]);
    let path = format!("/v1beta/models/{model}:streamGenerateContent{query}");
    let call = site.app.api.post(&path, &json!({ "contents": contents }));
    call.header("x-goog-api-key", &site.key)
}

fn words(elements: &[Value]) -> String {
    let parts = elements.iter().filter_map(|it| it["candidates"][0]["content"]["parts"].as_array());
    parts.flatten().filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn without_alt_sse_a_stream_is_a_list() {
    let site = with_keys().await;
    for model in MODELS {
        for query in ["", "?alt=json", "?key=&$alt=json"] {
            let answer = ask(&site, model, query).whole().await.expect(200);

            assert_eq!(answer.header("content-type"), Some("application/json"), "{model}{query}");
            let elements: Vec<Value> = serde_json::from_slice(&answer.body).expect("a list");
            assert_eq!(words(&elements), chat_content(WORDS), "{model}{query}");
            let last = elements.last().expect("an end");
            assert_eq!(last["candidates"][0]["finishReason"], "STOP", "{model}{query}");
            let row = &site.app.attempts_of(&answer).await[0];
            assert_eq!((row.streamed, row.outcome.as_deref()), (true, Some("completed")));
        }
        let events = ask(&site, model, "?alt=sse").whole().await.expect(200);
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert!(events.text().starts_with("data: {"), "{}", events.text());
    }
}

#[tokio::test]
async fn each_piece_of_a_list_is_told_as_it_comes() {
    let site = with_keys().await;
    for (model, stream, first) in [
        (MODELS[0], gemini_stream_bytes(WORDS), "Hello"),
        (MODELS[1], messages_stream_bytes(WORDS), "Hello"),
    ] {
        let text = String::from_utf8(stream.to_vec()).expect("UTF-8");
        let at = text.find(" from").expect("a second word");
        let at = text[..at]
            .rfind("\n\n")
            .map_or_else(|| text[..at].rfind("\r\n\r\n").unwrap() + 4, |at| at + 2);
        let gate = Gate::new();
        let steps = vec![
            Step::Bytes(stream.slice(..at)),
            Step::Wait(gate.clone()),
            Step::Bytes(stream.slice(at..)),
        ];
        site.fake.next(Reply::stream(steps));

        let mut answer = ask(&site, model, "").send().await;
        let mut told = Vec::new();
        while !String::from_utf8_lossy(&told).contains(first) {
            let chunk = tokio::time::timeout(WITHIN, answer.chunk()).await.expect("a piece");
            told.extend(chunk.expect("more").expect("unbroken"));
        }
        assert!(told.starts_with(b"[{") && !told.ends_with(b"]"), "{model}");
        assert!(gate.reached(WITHIN).await);
        gate.open();
        told.extend(answer.whole().await.body);

        let elements: Vec<Value> = serde_json::from_slice(&told).expect("a list");
        assert_eq!(words(&elements), chat_content(WORDS), "{model}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_ends_in_an_error_and_is_a_list() {
    let site = with_keys().await;
    for (model, stream) in
        [(MODELS[0], gemini_stream_bytes(WORDS)), (MODELS[1], messages_stream_bytes(WORDS))]
    {
        let junk = Step::bytes("data: no JSON\n\n");
        let half = stream.slice(..stream.len() * 2 / 3);
        let at = half.windows(2).rposition(|pair| pair == b"\n\n");
        let at = at.or_else(|| Some(half.windows(4).rposition(|it| it == b"\r\n\r\n")? + 2));
        let half = half.slice(..at.expect("the end of an event") + 2);
        site.fake.next(Reply::stream(vec![Step::Bytes(half), junk, Step::Cut]));

        let answer = ask(&site, model, "").whole().await.expect(200);

        let elements: Vec<Value> = serde_json::from_slice(&answer.body).expect("a list");
        assert!(words(&elements).starts_with("Hello"), "{model}: {}", answer.text());
        let last = elements.last().expect("an error");
        assert_eq!(last["error"]["status"], "UNAVAILABLE", "{model}: {}", answer.text());
        let row = &site.app.attempts_of(&answer).await[0];
        assert_eq!(row.error_code.as_deref(), Some("upstream_error"), "{model}");
    }
    site.fake.next(Reply::google_error(400, "no"));
    let refused = ask(&site, MODELS[0], "").whole().await.expect(400);
    assert_eq!(refused.at("/error/status"), "INVALID_ARGUMENT");
}
