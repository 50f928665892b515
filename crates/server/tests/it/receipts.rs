//! What a caller learns of a request: in headers, before the end of a stream, in the usage if it wishes, and afterwards from
//! the ledger. All of them say the same.

use serde_json::{Value, json};
use store::system::AttemptRow;
use testkit::fake::{Gate, Reply, Step, chat_stream_bytes};
use testkit::hello;
use testkit::http::Whole;

use super::routing::site::{Site, asking, joined, routed};

const MODEL: &str = "openai/gpt-4o";

async fn with_a_key() -> Site {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site
}

/// Every dialect's way of asking, streamed or not.
fn asked(dialect: &str, more: &Value, stream: bool) -> (&'static str, Value) {
    let (path, body) = match dialect {
        "chat" => ("/v1/chat/completions", hello(MODEL)),
        "messages" => ("/v1/messages", asking(MODEL, json!({ "max_tokens": 100 }))),
        "responses" => ("/v1/responses", json!({ "model": MODEL, "input": "hello" })),
        _ => unreachable!("{dialect}"),
    };
    (path, joined(joined(body, json!({ "stream": stream })), more.clone()))
}

/// The receipt before the terminator.
fn comment(answer: &Whole) -> Value {
    let text = answer.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix(": keystile "));
    let receipts: Vec<_> = lines.collect();
    let [receipt] = receipts.as_slice() else { panic!("{} receipts: {text}", receipts.len()) };
    let last = text.trim_end().rsplit("\n\n").next().expect("a last event");
    let before_last = text.trim_end().rsplit("\n\n").nth(1).expect("an event before it");
    assert!(!last.starts_with(':') && before_last.starts_with(": keystile "), "{text}");
    serde_json::from_str(receipt).expect("JSON")
}

/// Every block of usage that is told.
fn usages(answer: &Whole) -> Vec<Value> {
    let text = answer.text();
    let events: Vec<Value> = match answer.header("content-type") {
        Some("text/event-stream") => {
            let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
            data.filter_map(|data| serde_json::from_str(data).ok()).collect()
        }
        _ => vec![answer.json()],
    };
    let usages =
        events.iter().flat_map(|event| ["/usage", "/response/usage"].map(|at| event.pointer(at)));
    usages.flatten().filter(|usage| usage.is_object()).cloned().collect()
}

fn headers(answer: &Whole) -> [Option<&str>; 6] {
    ["request-id", "provider", "model", "payer", "provider-key", "attempts"]
        .map(|name| answer.header(&format!("x-keystile-{name}")))
}

#[track_caller]
fn assert_says_what_the_headers_say(receipt: &Value, answer: &Whole) {
    let members = ["request_id", "provider", "model", "payer", "provider_key"];
    let told = members.map(|name| receipt[name].as_str());
    let [request, provider, model, payer, key, attempts] = headers(answer);
    assert_eq!(told, [request, provider, model, payer, key]);
    assert_eq!(receipt["attempts"].to_string(), attempts.expect("a count"));
}

#[tokio::test]
async fn every_answer_says_in_headers_who_answered_and_who_paid() {
    let site = with_a_key().await;
    let own = site.id("o").await.to_string();

    for dialect in ["chat", "messages", "responses"] {
        for stream in [false, true] {
            let (path, body) = asked(dialect, &json!({}), stream);
            let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await.expect(200);

            let [request, rest @ ..] = headers(&answer);
            assert!(request.is_some_and(|id| id.starts_with("req_")), "{request:?}");
            let openai =
                [Some("openai"), Some("gpt-4o"), Some("byok"), Some(own.as_str()), Some("1")];
            assert_eq!(rest, openai);
        }
    }
    let platform = site.platform("groq", "pool").await;
    let answer = site.chat("groq/llama-3.1-8b-instant").await.expect(200);
    assert_eq!(answer.header("x-keystile-payer"), Some("platform"));
    assert_eq!(answer.header("x-keystile-provider-key"), Some(platform.as_str()));
}

#[tokio::test]
async fn a_streams_receipt_comes_just_before_its_end() {
    let site = with_a_key().await;

    for dialect in ["chat", "messages", "responses"] {
        let (path, body) = asked(dialect, &json!({}), true);
        let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await.expect(200);

        let receipt = comment(&answer);
        assert_says_what_the_headers_say(&receipt, &answer);
        let row = &site.app.attempts_of(&answer).await[0];
        assert_eq!(receipt["usage"], json!(row.usage), "{dialect}");
    }
    let contents = json!({ "contents": [{ "parts": [{ "text": "hi" }] }] });
    let path = "/v1beta/models/gpt-4o:streamGenerateContent?alt=sse";
    let answer = site.app.api.post(path, &contents).bearer(&site.key).whole().await.expect(200);
    assert!(
        !answer.text().contains("keystile"),
        "Google's SDK knows no comments: {}",
        answer.text()
    );
}

#[tokio::test]
async fn a_receipt_stands_in_the_usage_for_those_who_wish_it() {
    let site = with_a_key().await;
    let wish = json!({ "routing": { "receipt": true } });

    for dialect in ["chat", "messages", "responses"] {
        for stream in [false, true] {
            let (path, body) = asked(dialect, &wish, stream);
            let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await.expect(200);

            let usages = usages(&answer);
            let told: Vec<_> = usages.iter().filter_map(|usage| usage.get("keystile")).collect();
            let last =
                told.last().unwrap_or_else(|| panic!("{dialect} {stream}: {}", answer.text()));
            assert_says_what_the_headers_say(last, &answer);
            let row = &site.app.attempts_of(&answer).await[0];
            assert_eq!(last["usage"], json!(row.usage), "{dialect} {stream}");
            assert!(!String::from_utf8_lossy(&site.fake.last_request().body).contains("routing"));

            let (path, body) = asked(dialect, &json!({}), stream);
            let call = site.app.api.post(path, &body).bearer(&site.key);
            let answer = call.header("x-keystile-receipt", "true").whole().await.expect(200);
            assert!(self::usages(&answer).iter().any(|usage| usage.get("keystile").is_some()));

            let answer = site.app.api.post(path, &body).bearer(&site.key).whole().await.expect(200);
            assert!(self::usages(&answer).iter().all(|usage| usage.get("keystile").is_none()));
        }
    }
    let body = joined(json!({ "model": "text-embedding-3-small", "input": "hi" }), wish);
    let answer = site.app.api.post("/v1/embeddings", &body).bearer(&site.key).whole().await;
    let answer = answer.expect(200);
    assert_says_what_the_headers_say(&usages(&answer)[0]["keystile"], &answer);
}

async fn receipt(site: &Site, key: &str, id: &str) -> Whole {
    site.app.api.get(&format!("/v1/requests/{id}")).bearer(key).whole().await
}

/// One row of the ledger as the API shows it.
fn shown(row: &AttemptRow) -> Value {
    json!({
        "attempt": row.attempt, "provider": row.provider, "model": row.model, "payer": row.payer,
        "provider_key": row.provider_key.to_string(), "state": row.state, "outcome": row.outcome,
        "http_status": row.http_status, "error_code": row.error_code, "usage": row.usage,
        "cost_micro_usd": row.cost.map(model::PicoUsd::rounded), "price": row.price,
        "billing_unknown": row.billing_unknown, "started_at": row.started_at,
        "settled_at": row.settled_at, "latency_ms": row.latency_ms, "ttft_ms": row.ttft_ms,
    })
}

#[tokio::test]
async fn the_ledger_says_the_same_afterwards() {
    let site = with_a_key().await;
    site.own("groq", "q").await;
    let body = routed(MODEL, json!({ "fallback_models": ["groq/llama-3.1-8b-instant"] }));
    site.next_fail(1);

    let answer = site.ask(&joined(body, json!({ "stream": true }))).await.expect(200);
    let [Some(id), ..] = headers(&answer) else { panic!("no id") };
    let told = receipt(&site, &site.key, id).await.expect(200).json();

    let rows = site.app.attempts_of(&answer).await;
    assert_eq!(told["attempts"], rows.iter().map(shown).collect::<Value>());
    assert_eq!(told["attempts"].as_array().map(Vec::len), Some(2));
    assert_says_what_the_headers_say(&comment(&answer), &answer);
    for member in
        ["request_id", "provider", "model", "payer", "provider_key", "usage", "cost_micro_usd"]
    {
        assert_eq!(told[member], comment(&answer)[member], "{member}");
    }
    assert_eq!((&told["operation"], &told["streamed"]), (&json!("chat_completions"), &json!(true)));
    let outcomes: Vec<_> = rows.iter().map(|row| (row.attempt, row.outcome.as_deref())).collect();
    assert_eq!(outcomes, [(1, Some("failed")), (2, Some("completed"))]);
    assert_eq!(rows[0].error_code.as_deref(), Some("upstream_rate_limited"));
    assert_eq!((rows[0].http_status, rows[1].http_status), (Some(429), Some(200)));
}

#[tokio::test]
async fn a_request_that_failed_has_a_receipt_and_one_that_was_never_made_has_none() {
    let site = with_a_key().await;
    site.next_fail(1);

    let failed = site.chat(MODEL).await.expect(429);
    let refused = site.chat("anthropic/claude-sonnet-4-5").await.expect(403);

    let [Some(id), ..] = headers(&failed) else { panic!("no id") };
    let told = receipt(&site, &site.key, id).await.expect(200).json();
    assert_eq!(told["attempts"][0]["outcome"], "failed");
    assert_eq!(told["usage"]["output_tokens"], Value::Null);
    let [Some(id), ..] = headers(&refused) else { panic!("no id") };
    receipt(&site, &site.key, id).await.expect(404);
}

#[tokio::test]
async fn nobody_but_the_key_that_asked_is_told() {
    let site = with_a_key().await;
    let sibling = site.gateway_key(json!({})).await;
    let whole = site.workspace_key().await;
    let answer = site.chat(MODEL).await.expect(200);
    let [Some(id), ..] = headers(&answer) else { panic!("no id") };
    let seen = |answer: &Whole| {
        let mut json = answer.json();
        json.as_object_mut().expect("an object").remove("request_id");
        (answer.status.as_u16(), json)
    };

    let absent = receipt(&site, &site.key, &format!("req_{:032x}", 1)).await;

    assert_eq!((absent.status.as_u16(), absent.code().as_str()), (404, "not_found"));
    for (key, id) in [(&sibling, id), (&whole, id), (&site.key, "nothing"), (&site.key, "req_1")] {
        assert_eq!(seen(&receipt(&site, key, id).await), seen(&absent), "{id}");
    }
    site.app.api.get(&format!("/v1/requests/{id}")).whole().await.expect(401);
    receipt(&site, &site.key, id).await.expect(200);
}

#[tokio::test]
async fn a_request_under_way_is_open() {
    let site = with_a_key().await;
    let all = chat_stream_bytes(3, true);
    let gate = Gate::new();
    let steps = vec![
        Step::bytes(all.slice(..all.len() / 2)),
        Step::Wait(gate.clone()),
        Step::bytes(all.slice(all.len() / 2..)),
    ];
    site.fake.next(Reply::stream(steps));

    let body = asking(MODEL, json!({ "stream": true }));
    let answer = site.app.api.post("/v1/chat/completions", &body).bearer(&site.key).send().await;
    let id = answer.headers["x-keystile-request-id"].to_str().expect("text").to_owned();
    let told = receipt(&site, &site.key, &id).await.expect(200).json();
    assert_eq!(told["attempts"][0]["state"], "open");
    assert_eq!(told["attempts"][0]["settled_at"], Value::Null);

    gate.open();
    assert!(answer.whole().await.text().ends_with("data: [DONE]\n\n"));
    let told = receipt(&site, &site.key, &id).await.expect(200).json();
    assert_eq!(told["attempts"][0]["state"], "settled");
}
