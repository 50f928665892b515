//! What comes back and what goes up as bytes: uploads, sound and pictures, streams of whatever events, and what of it is
//! understood as usage.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use testkit::fake::{Reply, Step, chat_stream_bytes, responses_stream_bytes, split_every};
use testkit::http::Whole;

use super::super::routing::site::{Site, joined};
use super::with_a_key;

async fn get(site: &Site, path: &str) -> Whole {
    site.app.api.get(&format!("/passthrough/openai/{path}")).bearer(&site.key).whole().await
}

async fn post(site: &Site, path: &str, body: &Value) -> Whole {
    site.app.api.post(&format!("/passthrough/openai/{path}"), body).bearer(&site.key).whole().await
}

#[tokio::test]
async fn an_upload_arrives_byte_by_byte() {
    let site = with_a_key().await;
    let mut form = b"preamble\r\n--b:o_u'nd\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
        --b:o_u'nd\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\\\"b.jsonl\"\r\n\
        content-type: application/octet-stream\r\n\r\n"
        .to_vec();
    form.extend((0..=255_u8).cycle().take(100_000));
    form.extend(b"\r\n--b:o_u'nd--\r\nepilogue");
    let kind = "multipart/form-data; boundary=\"b:o_u'nd\"";

    let call = site.app.api.call(Method::POST, "/passthrough/openai/files").bearer(&site.key);
    call.body(kind, form.clone()).whole().await.expect(200);

    let seen = site.fake.last_request();
    assert_eq!(seen.header("content-type"), Some(kind));
    assert!(seen.body == form, "{} bytes of {}", seen.body.len(), form.len());
}

#[tokio::test]
async fn json_that_is_ours_elsewhere_is_not_touched_here() {
    let site = with_a_key().await;
    let body = "{ \"model\" : \"openai/gpt-4o\",\"routing\":{\"x\":1}, \"stream_options\":null,\"provider\":[1.50] }";

    let call = site.app.api.call(Method::POST, "/passthrough/openai/things").bearer(&site.key);
    call.body("application/json", body).whole().await.expect(200);

    assert_eq!(site.fake.last_request().body, body);
}

#[tokio::test]
async fn what_is_no_json_comes_back_byte_by_byte_and_can_do_no_harm() {
    let site = with_a_key().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();

    for (kind, told) in [
        ("image/png", "image/png"),
        ("audio/mpeg", "audio/mpeg"),
        ("video/mp4", "video/mp4"),
        ("application/pdf", "application/pdf"),
        ("application/jsonl", "application/jsonl"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        ("application/octet-stream", "application/octet-stream"),
        // A page of a provider's must not become a page of ours.
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
    ] {
        site.fake
            .next_probe(Reply::text(200, kind, bytes.clone()).with_header("set-cookie", "a=b"));
        let answer = get(&site, "files/file-1/content").await.expect(200);

        assert_eq!(answer.header("content-type"), Some(told), "{kind}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("set-cookie"), None);
        assert!(answer.body == bytes, "{kind}: {} bytes", answer.body.len());
        assert_eq!(site.app.attempts_of(&answer).await[0].outcome.as_deref(), Some("completed"));
    }
}

#[tokio::test]
async fn json_comes_back_as_it_is_whatever_it_says() {
    let site = with_a_key().await;

    for said in [
        "[1, 2.50]",
        "\"text\"",
        "null",
        "{ \"id\" :\"x\",\n\"choices\":[] }",
        "{\"object\":\"list\",\"data\":[]}",
        // A job's, which was asked for: the request itself went well.
        "{\"object\":\"fine_tuning.job\",\"status\":\"failed\",\"error\":{\"message\":\"no\"}}",
    ] {
        site.fake.next_probe(Reply::text(200, "application/json", said));
        let answer = get(&site, "files").await.expect(200);
        assert_eq!(
            (answer.text().as_str(), answer.header("content-type")),
            (said, Some("application/json"))
        );
    }
    site.fake.next_probe(Reply::text(201, "application/json", "{}"));
    get(&site, "files").await.expect(201);
    site.fake.next_probe(Reply::empty(204));
    assert!(get(&site, "files/file-1").await.expect(204).body.is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_break_off() {
    let site = with_a_key().await;
    let steps = vec![Step::bytes(vec![0_u8; 10_000]), Step::Cut];
    let reply = Reply::json_steps(steps).with_header("content-type", "audio/mpeg");
    site.fake.next_probe(reply);

    let call = site.app.api.get("/passthrough/openai/files/file-1/content").bearer(&site.key);
    assert!(call.try_whole().await.is_err());

    assert_eq!(site.app.attempts(1).await[0].outcome.as_deref(), Some("cut"));
}

#[tokio::test]
async fn streams_of_events_pass_as_they_are() {
    let site = with_a_key().await;
    let foreign = "event: thread.created\ndata: {\"id\":\"thread_1\"}\n\n: comment\n\n\
        event: thread.message.delta\r\ndata: {\"delta\":\"H\u{fc}llo\"}\r\n\r\ndata: last\n\n";
    let sound = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"He\"}\n\n\
        data: {\"type\":\"transcript.text.done\",\"text\":\"He\"}\n\n";

    for (path, stream) in [
        ("chat/completions", chat_stream_bytes(20, true)),
        ("responses", responses_stream_bytes(20)),
        ("threads/runs", foreign.into()),
        ("audio/transcriptions", sound.into()),
        ("empty", Bytes::new()),
    ] {
        for size in [1, 7, 64, stream.len().max(1)] {
            site.fake.next(Reply::stream_of(split_every(stream.clone(), size)));
            let body = json!({ "model": "gpt-4o", "stream": true });
            let answer = post(&site, path, &body).await.expect(200);

            assert_eq!(answer.header("content-type"), Some("text/event-stream"));
            assert!(answer.body == stream, "{path} in {size}: {}", answer.text());
            let row = &site.app.attempts_of(&answer).await[0];
            assert_eq!(row.outcome.as_deref(), Some("completed"), "{path} in {size}: {row:?}");
        }
    }
}

#[tokio::test]
async fn usage_is_written_down_where_it_is_recognised() {
    let site = with_a_key().await;
    site.fake.always(Reply::standard());
    let stream = json!({ "stream": true });
    let chat = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "hello" }] });
    let asked = json!({ "stream_options": { "include_usage": true } });
    let responses = json!({ "model": "gpt-4o", "input": "hello" });
    let embeddings = json!({ "model": "text-embedding-3-small", "input": "hello" });

    for (path, body, output) in [
        ("chat/completions", chat.clone(), Some(5)),
        ("chat/completions", joined(joined(chat, stream.clone()), asked), Some(5)),
        ("responses", responses.clone(), Some(5)),
        ("responses", joined(responses, stream), Some(5)),
        ("embeddings", embeddings, None),
    ] {
        let answer = post(&site, path, &body).await.expect(200);

        let usage = site.app.attempts_of(&answer).await[0].usage;
        assert_eq!(usage.input_tokens, Some(19), "{path}: {body}");
        assert_eq!(usage.output_tokens.filter(|tokens| *tokens > 0), output, "{path}: {body}");
        assert!(!usage.estimated);
    }
}
