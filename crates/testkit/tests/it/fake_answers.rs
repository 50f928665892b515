//! What the fake provider answers, unscripted and scripted.

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::fake::{
    FakeProvider, RateLimits, Reply, chat_content, chat_json_bytes, chat_stream_bytes, split_at,
    split_every,
};

use crate::client::{Client, body, chat, chunks, get};

const PLAIN: &str = r#"{"model":"gpt-5","messages":[]}"#;
const STREAM: &str = r#"{"model":"gpt-5","stream":true,"messages":[]}"#;
const STREAM_USAGE: &str =
    r#"{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;

#[tokio::test]
async fn every_probe_answers_a_good_key_and_refuses_a_bad_one() {
    let fake = FakeProvider::start().await;

    for path in ["/v1/models", "/v1/api-key", "/v1/user/balance", "/v1/key", "/v1/users/me/balance"]
    {
        let good = get(&fake, path, "sk-good").await;
        assert!(good.starts_with("HTTP/1.1 200 "), "{path}: {good}");
        serde_json::from_str::<Value>(body(&good)).unwrap();

        let bad = get(&fake, path, "bad-key-0123456789abcdef").await;
        assert!(bad.starts_with("HTTP/1.1 401 "), "{path}: {bad}");
        let error: Value = serde_json::from_str(body(&bad)).unwrap();
        assert_eq!(error["error"]["code"], "invalid_api_key");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("bad-key-************cdef"), "{message}");
    }
    assert!(get(&fake, "/v1/nothing", "sk-good").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_plain_answer_has_openais_shape_and_echoes_the_model() {
    let fake = FakeProvider::start().await;

    let answer = chat(&fake, PLAIN).await;

    assert!(answer.contains("\r\ncontent-length: "), "{answer}");
    let answer: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "gpt-5");
    assert_eq!(answer["choices"][0]["message"]["content"], chat_content(5).as_str());
    assert_eq!(answer["usage"]["total_tokens"], 24);
    assert_eq!(answer["x_unknown"]["kept"], true);
    let canonical: Value = serde_json::from_slice(&chat_json_bytes(5)).unwrap();
    assert_eq!(canonical["usage"], answer["usage"]);
}

#[tokio::test]
async fn a_stream_reports_usage_only_when_asked() {
    let fake = FakeProvider::start().await;

    let without = chat(&fake, STREAM).await;
    let with = chat(&fake, STREAM_USAGE).await;

    let (events, ended) = chunks(without.as_bytes());
    assert!(ended && !without.contains("usage"), "{without}");
    assert_eq!(events.len(), 8);
    assert_eq!(events.last().unwrap(), b"data: [DONE]\n\n");
    let (events, ended) = chunks(with.as_bytes());
    assert!(ended);
    let parsed: Vec<Value> = events[..8]
        .iter()
        .map(|event| {
            let json = event.strip_prefix(b"data: ").unwrap();
            serde_json::from_slice(json.strip_suffix(b"\n\n").unwrap()).unwrap()
        })
        .collect();
    assert!(parsed.iter().all(|event| event["model"] == "gpt-5"));
    assert!(parsed[..7].iter().all(|event| event["usage"].is_null()
        && event["choices"][0].is_object()
        && event.get("usage").is_some()));
    assert_eq!(parsed[7]["choices"], json!([]));
    assert_eq!(parsed[7]["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn nonsense_is_refused_as_openai_would() {
    let fake = FakeProvider::start().await;

    for nonsense in
        ["not json", "{}", r#"{"model":"gpt-5","stream_options":{"include_usage":true}}"#]
    {
        let answer = chat(&fake, nonsense).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let mut client = Client::connect(&fake).await;
    client.send("POST", "/v1/chat/completions", "bad", PLAIN).await;
    assert!(client.rest().await.unwrap().starts_with("HTTP/1.1 401 "));
}

#[tokio::test]
async fn scripted_replies_come_in_order_and_only_to_their_kind_of_call() {
    let fake = FakeProvider::start().await;
    fake.next(Reply::openai_error(429, "requests", Some("slow_down"), "wait"));
    fake.next(Reply::standard().with_rate_limits(RateLimits::remaining(7, 900)));
    fake.always(Reply::json(&json!({ "always": true })));
    fake.next_probe(Reply::redirect(307, "http://127.0.0.1:1/"));
    fake.always_probe(Reply::empty(204));

    assert!(chat(&fake, PLAIN).await.starts_with("HTTP/1.1 429 "));
    let limited = chat(&fake, PLAIN).await;
    assert!(limited.contains("x-ratelimit-remaining-requests: 7\r\n"));
    assert!(limited.contains("x-ratelimit-reset-tokens: 6m0s\r\n"));
    assert!(limited.contains("chat.completion"));
    assert_eq!(body(&chat(&fake, PLAIN).await), r#"{"always":true}"#);
    let redirect = get(&fake, "/v1/models", "sk-good").await;
    assert!(redirect.starts_with("HTTP/1.1 307 "), "{redirect}");
    assert!(redirect.contains("location: http://127.0.0.1:1/\r\n"));
    let empty = get(&fake, "/v1/models", "sk-good").await;
    assert!(empty.starts_with("HTTP/1.1 204 "), "{empty}");
}

#[tokio::test]
async fn requests_are_kept_as_they_came() {
    let fake = FakeProvider::start().await;

    get(&fake, "/v1/models?limit=1", "sk-first").await;
    chat(&fake, PLAIN).await;

    assert_eq!(fake.connections(), 2);
    assert_eq!(fake.requests().len(), 2);
    let first = &fake.requests()[0];
    assert_eq!((first.method.as_str(), first.path()), ("GET", "/v1/models"));
    assert_eq!(first.path_and_query, "/v1/models?limit=1");
    assert_eq!(first.bearer(), Some("sk-first"));
    let last = fake.last_request();
    assert_eq!((last.connection, &last.body[..]), (2, PLAIN.as_bytes()));
    assert_eq!(last.json()["model"], "gpt-5");
}

#[tokio::test]
async fn every_piece_of_a_stream_is_a_chunk_of_its_own() {
    let fake = FakeProvider::start().await;
    let canonical = chat_stream_bytes(5, true);
    let crab = canonical.windows(4).position(|four| four == "🦀".as_bytes());
    let pieces = split_at(canonical.clone(), &[1, 7, crab.unwrap() + 2]);
    fake.next(Reply::stream_of(pieces.clone()));

    let mut client = Client::connect(&fake).await;
    client.chat(STREAM).await;
    client.rest().await.unwrap();

    let (received, ended) = chunks(&client.received);
    assert!(ended);
    assert_eq!(received, pieces);
    assert_eq!(received.concat(), canonical);
}

#[test]
fn pieces_make_the_whole_again() {
    let whole = Bytes::from_static(b"0123456789");

    assert_eq!(split_at(whole.clone(), &[0, 3, 10]), ["", "012", "3456789", ""]);
    assert_eq!(split_at(whole.clone(), &[]), ["0123456789"]);
    assert_eq!(split_every(whole, 4), ["0123", "4567", "89"]);
}

#[tokio::test]
async fn an_echo_repeats_the_key_everywhere() {
    let fake = FakeProvider::start().await;
    fake.next(Reply::echo());
    fake.next(Reply::echo_stream());
    fake.next(Reply::echo_error(400));

    let (plain, stream, error) =
        (chat(&fake, PLAIN).await, chat(&fake, STREAM).await, chat(&fake, PLAIN).await);

    for answer in [&plain, &stream, &error] {
        assert!(answer.contains("x-echo-authorization: Bearer sk-good\r\n"));
        assert!(answer.contains("x-request-id: sk-good\r\n"), "{answer}");
        assert!(body(answer).contains("Bearer sk-good"), "{answer}");
    }
    let plain: Value = serde_json::from_str(body(&plain)).unwrap();
    let content = plain["choices"][0]["message"]["content"].as_str().unwrap();
    let heard: Value = serde_json::from_str(content).unwrap();
    assert_eq!(heard["body"], PLAIN);
    assert!(stream.contains("data: [DONE]"));
    assert!(error.starts_with("HTTP/1.1 400 "));
}
