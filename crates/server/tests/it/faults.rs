//! Requests that go wrong: each has its status, its code, words to act on, and a row where a call was made.

use serde_json::{Value, json};
use server::config::Layer;
use testkit::fake::{FakeProvider, Reply, Step, chat_stream_bytes};
use testkit::http::{Client, Whole};
use testkit::{Backend, Options, TestApp, hello};

const KEY: &str = "sk-good-1234567890";

/// A message for people: it says something, and never in the words of a library.
fn assert_actionable(answer: &Whole) {
    let message = answer.at("/error/message");
    assert!(message.len() > 20, "{message}");
    for leak in ["sqlx", "hyper", "panicked", "Error(", "127.0.0.1"] {
        assert!(!message.contains(leak), "{message}");
    }
    assert!(answer.json()["error"]["type"].is_string());
    assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-keystile-request-id"));
}

#[tokio::test]
async fn a_key_that_is_no_good_is_refused_before_the_body_is_read() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let typo = if key.ends_with('a') { key.replace('a', "b") } else { format!("{}a", &key[..56]) };
    let stranger = format!("{}0", &key[..key.len() - 1]);

    for bad in [typo.as_str(), stranger.as_str(), "ks_live_", "sk-proj-mine", "", "x"] {
        let call = app.api.call(http::Method::POST, "/v1/chat/completions");
        let answer = call.body("application/json", "not json").bearer(bad).whole().await;

        let answer = answer.expect(401);
        assert_eq!(answer.code(), "invalid_api_key", "{bad}");
        assert_actionable(&answer);
    }
    let without = app.api.post("/v1/chat/completions", &hello("gpt-4o")).whole().await;
    assert_eq!(without.expect(401).code(), "invalid_api_key");
    assert_eq!(fake.requests().len(), 1, "only the probe of the set-up");
}

/// A client that kept such a connection for its next request would lose that.
#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_read_says_that_the_connection_ends() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    let unread = app.api.post("/v1/chat/completions", &hello("gpt-4o")).bearer("ks_live_x");
    assert_eq!(unread.whole().await.expect(401).header("connection"), Some("close"));
    let read = app.chat(&key, &hello("nobody-makes-this")).await.expect(404);
    assert_eq!(read.header("connection"), None);
}

#[tokio::test]
async fn a_revoked_key_is_out_on_the_next_request() {
    let fake = FakeProvider::start().await;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(app) = TestApp::start_on(backend, &fake).await else { continue };
        let (owner, _) = app.ready(KEY).await;
        let made = app.gateway_key(&owner, &json!({ "name": "short-lived" })).await.expect(201);
        let key = made.at("/key");
        app.chat(&key, &hello("gpt-4o")).await.expect(200);

        let path = format!("/api/v1/projects/{}/api-keys/{}", owner.project, made.at("/id"));
        app.api.delete(&path).bearer(&owner.session).whole().await.expect(204);

        let answer = app.chat(&key, &hello("gpt-4o")).await.expect(401);
        assert_eq!(answer.code(), "invalid_api_key");
        assert!(answer.at("/error/message").contains("revoked"));
    }
}

#[tokio::test]
async fn an_expired_key_is_refused_when_its_time_has_come() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    let in_an_hour = model::Clock::now(&app.clock).plus(std::time::Duration::from_secs(3600));
    let body = json!({ "name": "an hour", "expires_at": in_an_hour });
    let key = app.gateway_key(&owner, &body).await.expect(201).at("/key");
    app.clock.advance(std::time::Duration::from_secs(3599));
    app.chat(&key, &hello("gpt-4o")).await.expect(200);

    app.clock.advance(std::time::Duration::from_secs(1));

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(401);
    assert!(answer.at("/error/message").contains("expired"));
}

#[tokio::test]
async fn a_key_without_the_scope_may_not_infer() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    let body = json!({ "name": "reader", "scopes": ["read:usage"] });
    let key = app.gateway_key(&owner, &body).await.expect(201).at("/key");

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(403);

    assert_eq!(answer.code(), "missing_scope");
    assert_actionable(&answer);
    assert_eq!(
        app.api.get("/v1/models").bearer(&key).whole().await.expect(403).code(),
        "missing_scope"
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_announced_or_not() {
    let fake = FakeProvider::start().await;
    let limits = toml_layer("[limits]\nbody_bytes_max = 2000\n");
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { providers, layer: limits, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let (_, key) = app.ready(KEY).await;
    let mut body = hello("gpt-4o");
    body["padding"] = json!("x".repeat(3000));

    let answer = app.chat(&key, &body).await.expect(413);

    assert_eq!(answer.code(), "request_too_large");
    assert_actionable(&answer);
    let chunked = raw_chunked(&app, &key, &body.to_string()).await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_400_that_says_where() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{\"messages\":[]}",
        "{\"model\":5}",
        "{\"model\":\"\"}",
        "{\"model\":\"a\",\"model\":\"b\"}",
        "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}",
        "{\"model\":\"gpt-4o\"} x",
        "{\"model\":\"gpt-4o\",\"stream\":\"yes\"}",
        "{\"model\":\"gpt-4o\",\"routing\":{\"only_bbyok\":true}}",
        "{\"model\":\"gpt 4o\"}",
        "{\"model\":\"gpt-4o\",\"routing\":{\"only_byok\":true,\"only_platform\":true}}",
        "{\"model\":\"gpt-4o\",\"routing\":{\"data_policy\":\"some\"}}",
    ] {
        let call = app.api.call(http::Method::POST, "/v1/chat/completions");
        let answer = call.body("application/json", body).bearer(&key).whole().await.expect(400);

        assert_eq!(answer.code(), "invalid_request", "{body}");
        assert!(!answer.at("/error/message").is_empty());
    }
    let zipped = app.api.post("/v1/chat/completions", &hello("gpt-4o")).bearer(&key);
    zipped.header("content-encoding", "gzip").whole().await.expect(400);
    assert_eq!(fake.requests().len(), 1, "only the probe of the set-up");
}

#[tokio::test]
async fn a_model_or_a_key_that_is_not_there_is_named() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    let unknown = app.chat(&key, &hello("nobody-makes-this")).await.expect(404);
    assert_eq!(unknown.code(), "model_not_found");
    assert!(unknown.at("/error/message").contains("nobody-makes-this"));
    let keyless = app.chat(&key, &hello("groq/llama-3.3-70b")).await.expect(403);
    assert_eq!(keyless.code(), "no_provider_key");
    assert!(keyless.at("/error/message").contains("provider \"groq\""));
    let other_dialect = app.chat(&key, &hello("anthropic/claude-sonnet-5-5")).await.expect(403);
    assert_eq!(other_dialect.code(), "no_provider_key");
    let mut platform = hello("gpt-4o");
    platform["routing"] = json!({ "only_platform": true });
    assert_eq!(app.chat(&key, &platform).await.expect(403).code(), "no_provider_key");
}

#[tokio::test]
async fn each_refusal_of_the_provider_has_its_status_its_code_and_a_row() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let error =
        |status, code| Reply::openai_error(status, "some_type", Some(code), "the provider's words");
    let html = Reply::text(502, "text/html", "<html><h1>Bad gateway</h1></html>");
    let cases: Vec<(Reply, u16, &str)> = vec![
        (Reply::invalid_key(KEY), 424, "upstream_key_invalid"),
        (error(401, "invalid_api_key"), 424, "upstream_key_invalid"),
        (error(403, "forbidden"), 424, "upstream_key_invalid"),
        (
            error(429, "rate_limit_exceeded").with_header("retry-after", "7"),
            429,
            "upstream_rate_limited",
        ),
        (error(429, "insufficient_quota"), 424, "upstream_no_credit"),
        (error(402, "billing"), 424, "upstream_no_credit"),
        (error(400, "context_length_exceeded"), 400, "invalid_request"),
        (error(422, "whatever"), 422, "invalid_request"),
        (error(400, "model_not_found"), 404, "model_not_found"),
        (error(404, "model_not_found"), 404, "model_not_found"),
        (error(413, "too_large"), 413, "request_too_large"),
        (error(500, "server_error"), 502, "upstream_error"),
        (error(503, "overloaded"), 503, "upstream_unavailable"),
        (error(504, "timeout"), 504, "upstream_timeout"),
        (html, 502, "upstream_error"),
        (Reply::empty(500), 502, "upstream_error"),
        (Reply::redirect(302, "http://127.0.0.1:1/"), 502, "upstream_error"),
        (Reply::cut_before_headers(), 502, "upstream_error"),
        (Reply::reset_before_headers(), 502, "upstream_error"),
        (Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nshort"), 502, "upstream_error"),
        (Reply::raw("this is not HTTP\r\n\r\n"), 502, "upstream_error"),
        (
            Reply::json(
                &json!({ "base_resp": { "status_code": 1004, "status_msg": "the words of it" } }),
            ),
            502,
            "upstream_error",
        ),
        (
            Reply::text(200, "application/json", "{}").with_header("content-encoding", "gzip"),
            502,
            "upstream_error",
        ),
    ];

    for (reply, status, code) in cases {
        let told = format!("{reply:?}");
        // A provider that says that it did nothing is asked once more, where nobody else may answer.
        let repeated = ["Some(500)", "Some(502)", "Some(503)", "base_resp"];
        let attempts = 1 + usize::from(repeated.iter().any(|sign| told.contains(sign)));
        fake.always(reply);
        let answer = app.chat(&key, &hello("gpt-4o")).await;

        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{told}");
        assert_actionable(&answer);
        assert_eq!(answer.header("retry-after").is_some(), status == 429, "{told}");
        let rows = app.attempts_made(&answer, attempts).await;
        assert_eq!((rows.len(), rows[0].outcome.as_deref()), (attempts, Some("failed")), "{told}");
        assert_eq!(rows[0].error_code.as_deref(), Some(code), "{told}");
        // A key that was told to wait is left alone meanwhile.
        app.clock.advance(std::time::Duration::from_secs(8));
    }
}

#[tokio::test]
async fn a_refused_key_is_named_with_what_to_do_and_never_quoted() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let stored =
        app.add_provider_key(&owner, &json!({ "provider": "openai", "api_key": KEY })).await;
    let id = stored.expect(201).at("/id");
    let key = app.gateway_key(&owner, &json!({ "name": "k" })).await.expect(201).at("/key");
    fake.next(Reply::invalid_key(KEY));

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(424);

    let message = answer.at("/error/message");
    assert!(message.contains(&id) && message.contains("replace"), "{message}");
    assert!(!message.contains("1234567890"), "{message}");
}

#[tokio::test]
async fn a_key_that_may_not_do_this_need_not_be_replaced() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    fake.next(Reply::openai_error(403, "t", Some("moderation"), "flagged by a guardrail"));

    let message = app.chat(&key, &hello("gpt-4o")).await.expect(424).at("/error/message");

    assert!(message.contains("guardrail") && !message.contains("replace"), "{message}");
}

#[tokio::test]
async fn an_answer_in_another_form_than_asked_for_is_no_answer() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let events = chat_stream_bytes(2, false);

    for (reply, body) in [
        (Reply::text(200, "text/html", "<h1>Welcome</h1>"), hello("gpt-4o")),
        (Reply::text(200, "application/json", "[1]"), hello("gpt-4o")),
        (Reply::text(200, "application/json", "{\"choices\":["), hello("gpt-4o")),
        (Reply::empty(204), hello("gpt-4o")),
        (Reply::stream_of(vec![events.clone()]), hello("gpt-4o")),
        (Reply::text(200, "application/json", "{}"), streamed()),
    ] {
        fake.next(reply);
        let answer = app.chat(&key, &body).await.expect(502);

        assert_eq!(answer.code(), "upstream_error");
        let rows = app.attempts_of(&answer).await;
        assert_eq!((rows.len(), rows[0].billing_unknown), (1, true), "it may be billed: {rows:?}");
    }
    let spelled = Reply::text(200, "Text/Event-Stream; charset=utf-8", events);
    fake.next(spelled);
    app.chat(&key, &streamed()).await.expect(200);
}

#[tokio::test]
async fn an_error_inside_a_200_is_the_providers_refusal_streamed_or_not() {
    let fake = FakeProvider::start().await;
    let providers = vec![("minimax".to_owned(), fake.base_url())];
    let options = Options { providers, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let owner = app.set_up().await;
    let body = json!({ "provider": "minimax", "api_key": "sk-api-0123456789" });
    app.add_provider_key(&owner, &body).await.expect(201);
    let key = app.gateway_key(&owner, &json!({ "name": "k" })).await.expect(201).at("/key");
    let broke =
        json!({ "base_resp": { "status_code": 1008, "status_msg": "insufficient balance" } });

    for stream in [false, true] {
        fake.next(Reply::json(&broke));
        let mut body = hello("minimax/MiniMax-M2");
        body["stream"] = json!(stream);
        let answer = app.chat(&key, &body).await.expect(424);

        assert_eq!(answer.code(), "upstream_no_credit");
        assert!(!app.attempts_of(&answer).await[0].billing_unknown, "it refused");
    }
}

#[tokio::test]
async fn an_error_event_does_not_show_what_the_provider_left_of_a_key() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let event = "data: {\"error\":{\"message\":\"Incorrect API key provided: sk-go***7890\"}}\n\n";
    fake.always(Reply::stream_of(vec![event.into()]));

    let answer = app.chat(&key, &streamed()).await.expect(502);

    assert_eq!(answer.code(), "upstream_error");
    assert!(!answer.text().contains("7890"), "{}", answer.text());
}

#[tokio::test]
async fn a_wish_that_is_not_granted_is_refused_and_not_dropped() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for (name, value, status) in [
        ("x-keystile-data-policy", "zdr", 403),
        ("x-keystile-data-policy", "some", 400),
        ("x-keystile-project", "another", 404),
        ("x-keystile-only-byok", "perhaps", 400),
        ("x-keystile-only-platform", "true", 403),
        ("x-keystile-invented", "true", 400),
    ] {
        let call = app.api.post("/v1/chat/completions", &hello("gpt-4o")).bearer(&key);
        call.header(name, value).whole().await.expect(status);
    }
    for (provider, status) in [
        (json!({ "zdr": true }), 403),
        (json!({ "only": ["groq"] }), 403),
        (json!({ "sort": 1 }), 400),
    ] {
        let mut body = hello("gpt-4o");
        body["provider"] = provider;
        app.chat(&key, &body).await.expect(status);
    }
    assert_eq!(fake.requests().len(), 1, "only the probe of the set-up");
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_503() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    fake.stop().await;

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(503);

    assert_eq!(answer.code(), "upstream_unavailable");
    assert_actionable(&answer);
    let rows = app.attempts_of(&answer).await;
    assert_eq!(rows[0].error_code.as_deref(), Some("upstream_unavailable"));
    assert!(!rows[0].billing_unknown, "nothing was sent, nothing can be billed");
}

#[tokio::test]
async fn a_provider_that_does_not_begin_to_answer_is_a_504_that_may_be_billed() {
    let fake = FakeProvider::start().await;
    let app = impatient(&fake).await;
    let (_, key) = app.ready(KEY).await;
    fake.next(Reply::stall_before_headers());

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(504);

    assert_eq!(answer.code(), "upstream_timeout");
    assert!(app.attempts_of(&answer).await[0].billing_unknown);
}

fn streamed() -> Value {
    let mut body = hello("gpt-4o");
    body["stream"] = json!(true);
    body
}

/// What a client sees of a stream that broke: an error event at the end, and no `[DONE]`.
fn assert_broken(answer: &Whole, code: &str) {
    let text = answer.text();
    let last = text.trim_end().rsplit("\n\n").next().expect("a last event");
    let error: Value =
        serde_json::from_str(last.strip_prefix("data: ").expect(last)).expect("JSON");
    assert_eq!(error["error"]["code"], code, "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
    assert!(text.ends_with("\n\n"), "{text}");
}

/// The same, or, where it broke before its first content, an error like any other.
fn assert_failed(answer: &Whole, code: &str) {
    if answer.status.as_u16() == 200 {
        return assert_broken(answer, code);
    }
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, code));
    assert_actionable(answer);
}

#[tokio::test]
async fn a_stream_without_its_terminator_ends_in_an_error_event_and_never_in_done() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(5, true);
    let finish = b"\"finish_reason\":\"stop\"";
    let finish = all.windows(finish.len()).position(|w| w == finish);
    let unfinished = all.slice(..finish.expect("a finish"));

    for cut_at in [0, 1, 17, unfinished.len() / 2, unfinished.len()] {
        for broken in [Step::Cut, Step::Reset] {
            let steps = vec![Step::bytes(unfinished.slice(..cut_at)), broken.clone()];
            fake.next(Reply::stream(steps));
            let answer = app.chat(&key, &streamed()).await;

            assert_failed(&answer, "upstream_error");
            let outcome = if answer.status.as_u16() == 200 { "cut" } else { "failed" };
            let rows = app.attempts_of(&answer).await;
            assert_eq!(rows[0].outcome.as_deref(), Some(outcome), "at {cut_at}, {broken:?}");
        }
        // A clean end of the body is no clean end of the answer.
        fake.next(Reply::stream_of(vec![unfinished.slice(..cut_at)]));
        assert_failed(&app.chat(&key, &streamed()).await, "upstream_error");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_finish_reason_is_still_broken() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(2, false);
    let done = all.len() - b"data: [DONE]\n\n".len();

    for broken in [Step::Cut, Step::Reset] {
        fake.next(Reply::stream(vec![Step::bytes(all.slice(..done)), broken]));

        assert_failed(&app.chat(&key, &streamed()).await, "upstream_error");
    }
}

async fn a_stop_writes_down_what_it_cuts(http2: bool) {
    const STREAMS: usize = 20;
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(5, true);
    fake.always(Reply::stream(vec![Step::bytes(all.slice(..all.len() / 2)), Step::Stall]));
    let base = format!("http://{}", app.address());
    let client = if http2 { Client::http2(base) } else { Client::new(base) };
    let mut answers = Vec::new();
    for _ in 0..STREAMS {
        let call = client.post("/v1/chat/completions", &streamed()).bearer(&key);
        let mut answer = call.send().await;
        answer.chunk().await.expect("a piece").expect("unbroken");
        answers.push(answer);
    }
    let location = app.config.location();

    assert!(!app.app.stop(std::time::Duration::from_millis(100)).await, "not all finished");

    let store = store::Store::connect(&location).await.expect("the database");
    let rows = store.system().latest_attempts(100).await.expect("the ledger");
    assert_eq!(rows.len(), STREAMS);
    for row in rows {
        assert_eq!((row.state.as_str(), row.outcome.as_deref()), ("settled", Some("aborted")));
        assert!(row.usage.output_tokens > Some(0) && row.billing_unknown, "{row:?}");
    }
}

#[tokio::test]
async fn a_stop_that_cannot_wait_writes_down_what_it_cuts() {
    a_stop_writes_down_what_it_cuts(false).await;
}

#[tokio::test]
async fn a_stop_that_cannot_wait_writes_down_what_it_cuts_on_http2() {
    a_stop_writes_down_what_it_cuts(true).await;
}

#[tokio::test]
async fn connections_that_say_nothing_give_their_places_back() {
    let fake = FakeProvider::start().await;
    let layer = Layer { connections_max: Some(2), ..Layer::default() };
    let app = TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
    let silent = tokio::net::TcpStream::connect(app.address()).await.expect("a connection");
    let mut half = tokio::net::TcpStream::connect(app.address()).await.expect("a connection");
    tokio::io::AsyncWriteExt::write_all(&mut half, b"PRI * HTTP").await.expect("written");

    // The promise is ten seconds; five times that is a failure and not a slow machine.
    let answered = app.api.get("/healthz").whole();
    let answered = tokio::time::timeout(std::time::Duration::from_secs(50), answered).await;

    answered.expect("served at last").expect(200);
    drop((silent, half, fake));
}

#[tokio::test]
async fn a_stream_that_ends_after_its_finish_reason_is_whole() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(2, false);
    let done = all.len() - b"data: [DONE]\n\n".len();
    fake.next(Reply::stream_of(vec![all.slice(..done)]));

    let answer = app.chat(&key, &streamed()).await.expect(200);

    assert!(!answer.text().contains("\"error\""), "{}", answer.text());
    assert_eq!(app.attempts_of(&answer).await[0].outcome.as_deref(), Some("completed"));
}

#[tokio::test]
async fn an_error_inside_a_stream_is_an_error_to_the_client() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(2, false);
    let ends = all.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n");
    let first = ends.map(|(at, _)| at + 2).nth(1).expect("the first content");

    for event in [
        "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"x\"}}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n",
    ] {
        fake.next(Reply::stream_of(vec![all.slice(..first), event.into()]));
        let answer = app.chat(&key, &streamed()).await.expect(200);

        assert_broken(&answer, "upstream_error");
        assert_eq!(app.attempts_of(&answer).await[0].outcome.as_deref(), Some("failed"));
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended_and_written_down() {
    let fake = FakeProvider::start().await;
    let app = impatient(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let all = chat_stream_bytes(5, true);
    fake.next(Reply::stream(vec![Step::bytes(all.slice(..all.len() / 2)), Step::Stall]));

    let answer = app.chat(&key, &streamed()).await.expect(200);

    assert_broken(&answer, "upstream_timeout");
    assert_eq!(app.attempts_of(&answer).await[0].outcome.as_deref(), Some("cut"));
}

#[tokio::test]
async fn an_event_without_end_is_cut_at_its_limit() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    let endless = vec!["data: ".into(), vec![b'x'; 2 << 20].into()];
    fake.next(Reply::stream_of(endless));

    assert_eq!(app.chat(&key, &streamed()).await.expect(502).code(), "upstream_error");
}

#[tokio::test]
async fn what_no_route_serves_is_a_404_or_405_in_our_envelope() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;

    assert_eq!(app.api.get("/v1/nothing").whole().await.expect(404).code(), "not_found");
    let wrong_method = app.api.get("/v1/chat/completions").whole().await;
    assert_eq!(wrong_method.expect(405).code(), "method_not_allowed");
    let unreadable = app.api.get("/v1/workspaces/%ff").whole().await;
    assert_eq!(unreadable.expect(404).code(), "not_found");
}

fn toml_layer(text: &str) -> Layer {
    toml::from_str(text).expect("a layer")
}

/// Waits one second where the real gateway waits minutes.
async fn impatient(fake: &FakeProvider) -> TestApp {
    let layer = toml_layer("[limits]\nfirst_byte_seconds_max = 1\nidle_seconds_max = 1\n");
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { providers, layer, ..Options::default() };
    TestApp::start_with(options).await.expect("SQLite")
}

/// Chunked, so that no length is announced.
async fn raw_chunked(app: &TestApp, key: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut socket = tokio::net::TcpStream::connect(app.address()).await.expect("a connection");
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("read");
    answer
}
