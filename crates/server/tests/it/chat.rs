//! Chat completions that go well: plain and streamed, on both databases, nothing lost on the way.

use std::time::Duration;

use serde_json::{Value, json};
use store::journal::{Position, Reader};
use testkit::fake::{FakeProvider, Gate, Reply, Step, chat_stream_bytes, split_every};
use testkit::{Backend, TestApp, hello};

const KEY: &str = "sk-good-1234567890";

async fn chat_with_the_stored_key(backend: Backend) {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(backend, &fake).await else { return };
    let (_, key) = app.ready(KEY).await;

    let answer = app.chat(&key, &hello("openai/gpt-5.4-mini")).await.expect(200);

    assert_eq!(fake.last_request().bearer(), Some(KEY));
    assert_eq!(fake.last_request().json()["model"], "gpt-5.4-mini");
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.header("x-keystile-provider"), Some("openai"));
    assert_eq!(answer.header("x-keystile-payer"), Some("byok"));
    assert_eq!(answer.header("x-keystile-attempts"), Some("1"));
    let rows = app.attempts_of(&answer).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.state.as_str(), row.outcome.as_deref()), ("settled", Some("completed")));
    assert_eq!((row.provider.as_str(), row.model.as_str()), ("openai", "gpt-5.4-mini"));
    assert_eq!(row.http_status, Some(200));
    assert_eq!((row.usage.input_tokens, row.usage.cached_tokens), (Some(19), Some(4)));
    assert_eq!((row.usage.output_tokens, row.usage.estimated), (Some(5), false));
    assert!(row.latency_ms.is_some() && row.ttft_ms.is_some());
}

#[tokio::test]
async fn a_chat_is_answered_with_the_stored_key_on_sqlite() {
    chat_with_the_stored_key(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_chat_is_answered_with_the_stored_key_on_postgres() {
    chat_with_the_stored_key(Backend::Postgres).await;
}

#[tokio::test]
async fn every_spelling_of_a_model_reaches_the_provider_as_its_own_name() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for (asked, sent) in [
        ("openai/gpt-4o", "gpt-4o"),
        ("openai.gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o"),
        ("openai/not-in-any-list", "not-in-any-list"),
    ] {
        app.chat(&key, &hello(asked)).await.expect(200);

        assert_eq!(fake.last_request().json()["model"], sent, "{asked}");
    }
}

#[tokio::test]
async fn every_header_an_sdk_uses_for_its_key_works() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for (name, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("x-api-key", key.clone()),
        ("api-key", key.clone()),
        ("x-goog-api-key", key.clone()),
    ] {
        let call = app.api.post("/v1/chat/completions", &hello("gpt-4o"));

        call.header(name, &value).whole().await.expect(200);
    }
}

#[tokio::test]
async fn what_we_do_not_know_passes_in_both_directions_byte_by_byte() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let said = "{ \"id\":\"x\",  \"new_field\" : [1,2.50,\"\\u00e9\"],\n\"choices\":[] }";
    fake.next(Reply::text(200, "application/json", said));
    let body = "{\"temperature\" : 0.70,\"x_new\":{\"b\":1,\"a\":[ ]},\n \"model\":\"openai/gpt-4o\" ,\"routing\":{\"only_byok\":true},\"messages\":[]}";

    let call = app.api.call(http::Method::POST, "/v1/chat/completions");
    let answer = call.body("application/json", body).bearer(&key).whole().await.expect(200);

    assert_eq!(answer.text(), said);
    let sent = String::from_utf8_lossy(&fake.last_request().body).into_owned();
    assert_eq!(
        sent,
        "{\"temperature\" : 0.70,\"x_new\":{\"b\":1,\"a\":[ ]},\n \"model\":\"gpt-4o\" ,\"messages\":[]}"
    );
}

/// The client's bytes without the receipt, which is checked to stand before the terminator.
fn without_receipt(text: &str) -> String {
    let start = text.find(": keystile {").expect("a receipt");
    let end = start + text[start..].find("\n\n").expect("the receipt's end") + 2;
    assert_eq!(&text[end..], "data: [DONE]\n\n", "the receipt stands just before the terminator");
    format!("{}{}", &text[..start], &text[end..])
}

fn receipt(text: &str) -> Value {
    let comment = text.lines().find_map(|line| line.strip_prefix(": keystile "));
    serde_json::from_str(comment.expect("a receipt")).expect("JSON")
}

fn streamed(model: &str, include_usage: bool) -> Value {
    let mut body = hello(model);
    body["stream"] = json!(true);
    if include_usage {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

#[tokio::test]
async fn a_stream_is_the_providers_bytes_and_one_receipt() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let sent = chat_stream_bytes(40, true);

    for size in [1, 2, 3, 7, 64, 1000, sent.len()] {
        fake.next(Reply::stream_of(split_every(sent.clone(), size)));
        let answer = app.chat(&key, &streamed("gpt-4o", true)).await.expect(200);

        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let text = answer.text();
        assert_eq!(without_receipt(&text).as_bytes(), &*sent, "in pieces of {size}");
        let receipt = receipt(&text);
        assert_eq!(receipt["provider"], "openai");
        assert_eq!(receipt["usage"]["input_tokens"], 19);
        assert_eq!(
            Some(receipt["request_id"].as_str().expect("id")),
            answer.header("x-keystile-request-id")
        );
    }
}

#[tokio::test]
async fn the_usage_chunk_nobody_asked_for_is_asked_for_read_and_removed() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    let answer = app.chat(&key, &streamed("gpt-4o", false)).await.expect(200);

    assert_eq!(fake.last_request().json()["stream_options"], json!({ "include_usage": true }));
    assert!(!answer.text().contains("\"choices\":[]"), "{}", answer.text());
    let rows = app.attempts_of(&answer).await;
    assert_eq!(rows[0].usage.output_tokens, Some(5));
    assert!(rows[0].streamed && !rows[0].usage.estimated && rows[0].ttft_ms.is_some());
}

#[tokio::test]
async fn the_terminator_waits_until_the_attempt_is_written_down() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    let answer = app.chat(&key, &streamed("gpt-4o", true)).await.expect(200);

    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    // What was acknowledged is in the journal's files by now, drained or not.
    let id = answer.header("x-keystile-request-id").expect("id");
    let folder = app.folder.path().join("data/journal");
    let mut journal = Reader::open(&folder, Position::START).expect("the journal");
    let records = journal.next_batch(100).expect("a segment");
    let seen = records.iter().filter(|(it, _)| it.request().to_string() == id).count();
    let drained = app.attempts_of(&answer).await[0].state == "settled";
    assert!(seen >= 2 || drained, "{seen} records of {id}");
}

#[tokio::test]
async fn pieces_reach_the_client_while_the_provider_still_talks() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(3, true);
    let first = all.windows(2).position(|w| w == b"\n\n").expect("an event") + 2;
    let gate = Gate::new();
    fake.next(Reply::stream(vec![
        Step::bytes(all.slice(..first)),
        Step::Wait(gate.clone()),
        Step::bytes(all.slice(first..)),
    ]));

    let call = app.api.post("/v1/chat/completions", &streamed("gpt-4o", true)).bearer(&key);
    let mut answer = call.send().await;
    let piece = answer.chunk().await.expect("a piece").expect("unbroken");

    assert_eq!(piece, all.slice(..first));
    gate.open();
    assert!(answer.whole().await.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_providers_call_and_leaves_a_row() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(5, true);
    let three_events = all.len() / 2;
    fake.next(Reply::stream(vec![Step::bytes(all.slice(..three_events)), Step::Stall]));

    let call = app.api.post("/v1/chat/completions", &streamed("gpt-4o", true)).bearer(&key);
    let mut answer = call.send().await;
    answer.chunk().await.expect("a piece").expect("unbroken");
    drop(answer);

    assert!(fake.wait_hang_ups(1, Duration::from_secs(5)).await, "the upstream call is closed");
    let rows = app.attempts(1).await;
    assert_eq!(rows[0].outcome.as_deref(), Some("aborted"));
    assert!(rows[0].usage.estimated && rows[0].usage.output_tokens > Some(0), "{rows:?}");
}

#[tokio::test]
async fn a_client_that_hangs_up_before_the_answer_leaves_a_row_too() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    fake.next(Reply::stall_before_headers());

    let chat =
        tokio::spawn(app.api.post("/v1/chat/completions", &hello("gpt-4o")).bearer(&key).send());
    assert!(fake.wait_requests(2, Duration::from_secs(5)).await, "the probe and the chat");
    chat.abort();

    assert!(fake.wait_hang_ups(1, Duration::from_secs(5)).await);
    let rows = app.attempts(1).await;
    assert_eq!(rows[0].outcome.as_deref(), Some("aborted"));
    assert!(rows[0].billing_unknown);
}

#[tokio::test]
async fn the_rate_limits_of_the_provider_are_passed_on_and_nothing_else() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let limits = testkit::fake::RateLimits::remaining(41, 9000);
    let reply = Reply::standard()
        .with_rate_limits(limits)
        .with_header("set-cookie", "a=b")
        .with_header("openai-organization", "org-secret")
        .with_header("x-ratelimit-reset-tokens", "<script>");
    fake.next(reply);

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(200);

    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("41"));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("openai-organization"), None);
}

#[tokio::test]
async fn a_connection_to_the_provider_is_used_again() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for _ in 0..5 {
        app.chat(&key, &hello("gpt-4o")).await.expect(200);
    }

    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn the_list_of_models_is_what_the_callers_keys_reach() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;
    let narrow = json!({ "name": "narrow", "allowed_models": ["openai/gpt-4o", "anthropic/x"] });
    let narrow = app.gateway_key(&owner, &narrow).await.expect(201).at("/key");
    let ids = |list: Value| -> Vec<String> {
        let data = list["data"].as_array().expect("a list").clone();
        data.iter().map(|model| model["id"].as_str().expect("an id").to_owned()).collect()
    };

    let all = ids(app.api.get("/v1/models").bearer(&key).whole().await.expect(200).json());
    let some = ids(app.api.get("/v1/models").bearer(&narrow).whole().await.expect(200).json());

    assert!(all.contains(&"openai/gpt-5.4-mini".to_owned()));
    assert!(all.iter().all(|id| id.starts_with("openai/")), "no key, no models");
    assert_eq!(some, ["openai/gpt-4o"]);
    app.chat(&narrow, &hello("gpt-4o")).await.expect(200);
    let refused = app.chat(&narrow, &hello("gpt-4.1")).await.expect(403);
    assert_eq!(refused.code(), "model_not_allowed");
}

#[tokio::test]
async fn a_second_key_of_the_provider_answers_when_the_first_fails() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;
    let second = json!({ "provider": "openai", "api_key": "sk-second-987654321" });
    app.add_provider_key(&owner, &second).await.expect(201);
    fake.next(Reply::openai_error(429, "tokens", Some("rate_limit_exceeded"), "slow down"));

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(200);

    assert_eq!(answer.header("x-keystile-attempts"), Some("2"));
    assert_eq!(fake.last_request().bearer(), Some("sk-second-987654321"));
    let rows = app.attempts_of(&answer).await;
    let outcomes: Vec<_> = rows.iter().map(|row| row.outcome.as_deref()).collect();
    assert_eq!(outcomes, [Some("failed"), Some("completed")]);
    assert_eq!(rows[0].error_code.as_deref(), Some("upstream_rate_limited"));
}

#[tokio::test]
async fn a_pinned_key_is_the_only_one_tried() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;
    let second = json!({ "provider": "openai", "api_key": "sk-second-987654321" });
    let second = app.add_provider_key(&owner, &second).await.expect(201).at("/id");
    let mut body = hello("gpt-4o");
    body["routing"] = json!({ "provider_key": second });

    app.chat(&key, &body).await.expect(200);

    assert_eq!(fake.last_request().bearer(), Some("sk-second-987654321"));
    body["routing"] = json!({ "provider_key": "pk_00000000000000000000000000000000" });
    let refused = app.chat(&key, &body).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
}

#[tokio::test]
async fn what_was_settled_survives_a_restart_and_keys_still_open() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let before = app.chat(&key, &hello("gpt-4o")).await.expect(200);

    let app = app.restart().await;

    assert_eq!(app.attempts_of(&before).await[0].state, "settled");
    app.chat(&key, &hello("gpt-4o")).await.expect(200);
}
