//! Caps that hold: whatever the route, the dialect or the moment, no call is made that a cap does not have the money for, and
//! what is spent is what the calls came to.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use store::system::AttemptRow;
use testkit::fake::{Gate, PROMPT_TOKENS, Reply, Step, chat_stream_bytes};
use testkit::hello;
use testkit::http::Whole;
use tokio::task::JoinSet;

use super::routing::site::{Site, asking, failed, joined};

mod holds;

const MODEL: &str = "openai/gpt-4o";
/// A thousandth of a dollar for a token of output, nothing for input.
const PICO_PER_TOKEN: u64 = 1_000_000_000;
const MICRO_PER_TOKEN: u64 = 1_000;
/// What a standard answer says it wrote.
const WORDS: u64 = 5;

/// A workspace whose models cost a thousandth of a dollar a token.
async fn site() -> Site {
    let site = Site::open().await;
    for provider in ["openai", "anthropic", "gemini", "groq"] {
        site.own(provider, provider).await;
    }
    site.workspace(json!({ "price_overrides": prices() })).await;
    site
}

fn prices() -> Value {
    let price = json!({ "output_pico_usd": PICO_PER_TOKEN });
    let models = [
        "openai/gpt-4o",
        "openai/gpt-4o-mini",
        "anthropic/claude-sonnet-4-5",
        "gemini/gemini-2.5-pro",
        "groq/llama-3.1-8b-instant",
        "groq/openai/gpt-oss-20b",
    ];
    models.into_iter().map(|model| (model.to_owned(), price.clone())).collect()
}

async fn capped(site: &Site, micro_usd: u64) -> String {
    site.gateway_key(json!({ "spend_cap_micro_usd": micro_usd })).await
}

fn limited(tokens: u64) -> Value {
    joined(hello(MODEL), json!({ "max_tokens": tokens }))
}

/// An answer that says it used all of its limit.
fn all_of(tokens: u64) -> Reply {
    Reply::json(&json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "hi" }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens },
    }))
}

#[track_caller]
fn assert_capped(answer: &Whole) {
    assert_eq!(answer.status, 402, "{}", answer.text());
    assert_eq!(answer.code(), "spend_cap_exceeded");
}

fn cost(answer: &Whole) -> Option<u64> {
    answer.header("x-keystile-cost-micro-usd").map(|cost| cost.parse().expect("a number"))
}

fn micro(row: &AttemptRow) -> Option<i64> {
    row.cost.map(|cost| cost.rounded().0)
}

/// Whatever came out of the provider's body, as the caller's request left it.
fn sent(site: &Site) -> Value {
    serde_json::from_slice(&site.fake.last_request().body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_spends_a_cap_to_the_last_micro_and_not_one_more() {
    let site = Arc::new(site().await);
    site.fake.always(all_of(100));
    let key = capped(&site, 20 * 100 * MICRO_PER_TOKEN).await;
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let (site, key) = (Arc::clone(&site), key.clone());
        asking.spawn(async move { site.app.chat(&key, &limited(100)).await });
    }

    let answers = asking.join_all().await;

    let served: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(served.len(), 20);
    let refused = answers.iter().find(|answer| answer.status != 200).expect("one was refused");
    assert_capped(refused);
    let words = refused.at("/error/message");
    assert!(words.contains("2000000 micro-USD") && words.contains("100000"), "{words}");
    let spent: u64 = served.iter().filter_map(|answer| cost(answer)).sum();
    assert_eq!(spent, 20 * 100 * MICRO_PER_TOKEN);
    assert_eq!(site.called().len(), 20);
    assert_capped(&site.app.chat(&key, &limited(1)).await);
}

#[tokio::test]
async fn what_is_not_used_is_given_back_at_once() {
    let site = site().await;
    let key = capped(&site, 100 * MICRO_PER_TOKEN).await;

    for call in 0..16 {
        let answer = site.app.chat(&key, &limited(20)).await.expect(200);
        assert_eq!(cost(&answer), Some(WORDS * MICRO_PER_TOKEN), "{call}");
    }
    for _ in 0..4 {
        site.app.chat(&key, &limited(5)).await.expect(200);
    }

    assert_capped(&site.app.chat(&key, &limited(1)).await);
}

#[tokio::test]
async fn a_cost_is_the_same_in_the_header_in_the_stream_and_in_the_ledger() {
    let site = site().await;
    site.workspace(json!({ "price_overrides": {
        "openai/gpt-4o": { "input_pico_usd": 2_500_001, "output_pico_usd": 10_000_000, "cache_read_pico_usd": 1_250_000 },
    } }))
    .await;
    // 19 in, of which 4 cached, and 5 out.
    let exact = 15 * 2_500_001 + 4 * 1_250_000 + 5 * 10_000_000;
    let rounded = (exact + 500_000) / 1_000_000;

    let plain = site.ask(&hello(MODEL)).await.expect(200);
    let streamed = site.ask(&joined(hello(MODEL), json!({ "stream": true }))).await.expect(200);

    assert_eq!(cost(&plain), Some(rounded));
    let comment = streamed.text();
    assert!(comment.contains(&format!("\"cost_micro_usd\":{rounded}")), "{comment}");
    for answer in [&plain, &streamed] {
        let row = &site.app.attempts_of(answer).await[0];
        assert_eq!(row.cost.map(|cost| cost.0), Some(i128::from(exact)));
        assert_eq!(row.price.as_deref(), Some("workspace"));
        let id = answer.header("x-keystile-request-id").expect("an id");
        let receipt =
            site.app.api.get(&format!("/v1/requests/{id}")).bearer(&site.key).whole().await;
        assert_eq!(receipt.json()["cost_micro_usd"], json!(rounded));
        assert_eq!(receipt.json()["attempts"][0]["cost_micro_usd"], json!(rounded));
    }
}

/// Every dialect's way of asking, without a limit.
fn doors() -> Vec<(&'static str, Value)> {
    let contents = json!({ "contents": [{ "parts": [{ "text": "hi" }] }] });
    let asked =
        |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    vec![
        ("/v1/chat/completions", asked("openai/gpt-4o")),
        ("/v1/chat/completions", asked("anthropic/claude-sonnet-4-5")),
        ("/v1/chat/completions", asked("cheap")),
        ("/v1/chat/completions", joined(asked("openai/gpt-4o"), json!({ "n": 3 }))),
        ("/v1/chat/completions", joined(asked("openai/gpt-4o"), json!({ "stream": true }))),
        ("/openai/v1/chat/completions", asked("gpt-4o")),
        ("/v1/completions", json!({ "model": "openai/gpt-4o", "prompt": "Once" })),
        ("/v1/responses", json!({ "model": "openai/gpt-4o", "input": "hi" })),
        (
            "/v1/messages",
            joined(asked("anthropic/claude-sonnet-4-5"), json!({ "max_tokens": 999 })),
        ),
        ("/v1/messages", joined(asked("openai/gpt-4o"), json!({ "max_tokens": 999 }))),
        ("/v1beta/models/gemini-2.5-pro:generateContent", contents.clone()),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", contents),
        (
            "/passthrough/openai/chat/completions",
            joined(asked("gpt-4o"), json!({ "max_tokens": 999 })),
        ),
        ("/passthrough/openai/chat/completions", asked("gpt-4o")),
        ("/passthrough/openai/batches", json!({ "input": "file" })),
        ("/v1/audio/speech", json!({ "model": "openai/tts-1", "input": "hi", "voice": "alloy" })),
        ("/v1/images/generations", json!({ "model": "openai/gpt-image-1", "prompt": "a cat" })),
    ]
}

#[tokio::test]
async fn there_is_no_door_around_an_empty_cap() {
    let site = site().await;
    site.workspace(json!({ "model_aliases": { "cheap": "openai/gpt-4o-mini" } })).await;
    let whole = site.workspace_key().await;
    let of_key = capped(&site, 4 * MICRO_PER_TOKEN).await;
    site.called();

    for (path, body) in doors() {
        let answer = site.app.api.post(path, &body).bearer(&of_key).whole().await;
        assert!([402, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
        assert_eq!(site.called(), [""; 0], "{path} {body}");
    }
    site.project(json!({ "spend_cap_micro_usd": 4 * MICRO_PER_TOKEN })).await;
    for (path, body) in doors() {
        for key in [&site.key, &whole] {
            let answer = site.app.api.post(path, &body).bearer(key).whole().await;
            assert!([402, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
        }
    }
    site.project(json!({ "spend_cap_micro_usd": null })).await;
    site.workspace(json!({ "spend_cap_micro_usd": 0 })).await;
    assert_capped(&site.app.chat(&whole, &limited(1)).await);
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn what_the_caller_does_not_limit_is_limited_to_what_is_left() {
    let site = site().await;
    let left = 1_000;

    for (path, body, limit) in [
        ("/v1/chat/completions", hello(MODEL), "/max_completion_tokens"),
        ("/v1/responses", json!({ "model": MODEL, "input": "hi" }), "/max_output_tokens"),
        ("/v1/chat/completions", hello("anthropic/claude-sonnet-4-5"), "/max_tokens"),
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            json!({ "contents": [{ "parts": [{ "text": "hi" }] }] }),
            "/generationConfig/maxOutputTokens",
        ),
    ] {
        let key = capped(&site, left * MICRO_PER_TOKEN).await;
        site.app.api.post(path, &body).bearer(&key).whole().await.expect(200);
        assert_eq!(sent(&site).pointer(limit), Some(&json!(left)), "{path}: {}", sent(&site));

        let roomy = capped(&site, 100_000_000 * MICRO_PER_TOKEN).await;
        site.app.api.post(path, &body).bearer(&roomy).whole().await.expect(200);
        if limit != "/max_tokens" {
            assert_eq!(
                sent(&site).pointer(limit),
                None,
                "the model's own limit is held: {}",
                sent(&site)
            );
        }
    }
    let key = capped(&site, 1_000 * MICRO_PER_TOKEN).await;
    let three = joined(hello(MODEL), json!({ "n": 3 }));
    site.app.chat(&key, &three).await.expect(200);
    assert_eq!(sent(&site)["max_completion_tokens"], 333, "for each of the answers");
    let little = capped(&site, 255 * MICRO_PER_TOKEN).await;
    assert_capped(&site.app.chat(&little, &hello(MODEL)).await);
    site.app.chat(&little, &limited(255)).await.expect(200);
}

#[tokio::test]
async fn what_has_no_price_is_refused_under_a_cap_unless_its_owner_allows_it() {
    let site = site().await;
    let [strict, lax] = [json!({}), json!({ "unpriced": "allow" })]
        .map(|more| joined(json!({ "spend_cap_micro_usd": 5_000 }), more));
    let [strict, lax] = [site.gateway_key(strict).await, site.gateway_key(lax).await];
    let unknown = hello("openai/made-yesterday");
    site.called();

    let refused = site.app.chat(&strict, &unknown).await.expect(403);
    assert_eq!(refused.code(), "model_not_allowed");
    assert!(refused.at("/error/message").contains("price_overrides"), "{}", refused.text());
    assert_eq!(site.called(), [""; 0]);
    let explained = site.explain_as(&strict, &unknown).await;
    assert_eq!(explained["exclusions"][0]["reason"], "unpriced", "{explained}");
    for key in [&lax, &site.key] {
        let answer = site.app.chat(key, &unknown).await.expect(200);
        assert_eq!(cost(&answer), None, "unknown is not free");
        assert_eq!(site.app.attempts_of(&answer).await[0].cost, None);
    }
    site.workspace(json!({ "spend_cap_micro_usd": 5_000 })).await;
    site.app.chat(&lax, &unknown).await.expect(403);
}

#[tokio::test]
async fn an_answer_that_nobody_counted_is_charged_as_what_it_was_allowed_to_be() {
    let site = site().await;
    let key = capped(&site, 150 * MICRO_PER_TOKEN).await;
    let uncounted = json!({ "object": "chat.completion", "choices": [] });
    site.fake.next(Reply::json(&uncounted));

    let answer = site.app.chat(&key, &limited(100)).await.expect(200);

    assert_eq!(cost(&answer), Some(100 * MICRO_PER_TOKEN));
    assert_capped(&site.app.chat(&key, &limited(51)).await);
    site.app.chat(&key, &limited(50)).await.expect(200);
}

#[tokio::test]
async fn a_stream_that_passes_its_limit_is_cut_and_what_passed_is_recorded() {
    let site = site().await;
    let key = capped(&site, 50 * MICRO_PER_TOKEN).await;
    let mut steps = events(200);
    steps.truncate(150);
    steps.push(Step::Stall);
    site.fake.next(Reply::stream(steps));
    let body = joined(limited(20), json!({ "stream": true }));

    let answer = site.app.chat(&key, &body).await.expect(200);

    assert!(answer.text().contains("spend_cap_exceeded"), "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"));
    let row = &site.app.attempts_of(&answer).await[0];
    assert_eq!((row.outcome.as_deref(), row.usage.output_tokens), (Some("cut"), Some(21)));
    assert_eq!(micro(row), Some(21 * MICRO_PER_TOKEN as i64));
    assert_capped(&site.app.chat(&key, &limited(30)).await);
    site.app.chat(&key, &limited(29)).await.expect(200);
}

/// Some words, and then nothing until the test says so.
fn halting(gate: &Gate, words: usize) -> Reply {
    let mut steps = events(40);
    // The role comes before the first word.
    steps.insert(words + 1, Step::Wait(gate.clone()));
    Reply::stream(steps)
}

/// A stream of so many words, an event at a time.
fn events(words: usize) -> Vec<Step> {
    let bytes = chat_stream_bytes(words, true);
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    text.split_inclusive("\n\n").map(|event| Step::Bytes(event.to_owned().into())).collect()
}

#[tokio::test]
async fn whoever_hangs_up_pays_for_what_they_saw_and_the_call_ends() {
    let site = site().await;
    let key = capped(&site, 100 * MICRO_PER_TOKEN).await;
    let gate = Gate::default();
    site.fake.next(halting(&gate, 7));
    let body = joined(limited(90), json!({ "stream": true }));

    let mut answer = site.app.api.post("/v1/chat/completions", &body).bearer(&key).send().await;
    let mut seen = String::new();
    while seen.matches("\"content\":\"").count() < 8 {
        let chunk = answer.chunk().await.expect("more").expect("a chunk");
        seen.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert_capped(&site.app.chat(&key, &limited(20)).await);
    drop(answer);

    assert!(
        site.fake.wait_hang_ups(1, Duration::from_secs(10)).await,
        "the call goes with its client"
    );
    let row = &site.app.attempts(1).await[0];
    assert_eq!((row.outcome.as_deref(), row.usage.output_tokens), (Some("aborted"), Some(7)));
    assert_eq!(micro(row), Some(7 * MICRO_PER_TOKEN as i64));
    site.app.chat(&key, &limited(93)).await.expect(200);
}

#[tokio::test]
async fn a_key_may_have_its_calls_read_to_their_end_when_a_client_hangs_up() {
    let site = site().await;
    let key =
        site.gateway_key(json!({ "spend_cap_micro_usd": 100_000, "on_disconnect": "drain" })).await;
    let gate = Gate::default();
    site.fake.next(halting(&gate, 3));
    let body = joined(limited(90), json!({ "stream": true }));

    let mut answer = site.app.api.post("/v1/chat/completions", &body).bearer(&key).send().await;
    answer.chunk().await.expect("more").expect("a chunk");
    drop(answer);
    gate.open();

    let row = &site.app.attempts(1).await[0];
    assert_eq!((row.outcome.as_deref(), row.usage.output_tokens), (Some("aborted"), Some(40)));
    assert_eq!(row.usage.input_tokens, Some(PROMPT_TOKENS), "the provider's own count");
    assert_eq!(micro(row), Some(40 * MICRO_PER_TOKEN as i64));
}

#[tokio::test]
async fn a_cap_that_is_raised_or_lowered_holds_for_the_next_request() {
    let site = site().await;
    let made = json!({ "name": "k", "spend_cap_micro_usd": 10_000 });
    let made = site.app.gateway_key(&site.owner, &made).await.expect(201);
    let (key, id) = (made.at("/key"), made.at("/id"));
    let path = format!("/api/v1/projects/{}/api-keys/{id}", site.owner.project);
    let change = async |cap: Value| {
        let change = json!({ "spend_cap_micro_usd": cap });
        site.call(Method::PATCH, &path, &change).await.expect(200);
    };
    assert_capped(&site.app.chat(&key, &limited(11)).await);

    change(json!(11_000)).await;
    site.app.chat(&key, &limited(11)).await.expect(200);
    change(json!(5_000)).await;
    assert_capped(&site.app.chat(&key, &limited(1)).await);
    change(Value::Null).await;
    let free = site.app.chat(&key, &limited(1_000)).await.expect(200);
    // What was spent without a cap counts once it is in the ledger.
    site.app.attempts_of(&free).await;
    change(json!(5_000 + WORDS * MICRO_PER_TOKEN + 5_000)).await;
    assert_capped(&site.app.chat(&key, &limited(6)).await);
    site.app.chat(&key, &limited(5)).await.expect(200);
}

#[tokio::test]
async fn a_period_that_ends_begins_with_nothing_spent() {
    let site = site().await;
    let policy = json!({ "spend_cap_micro_usd": 5_000, "cap_period": "daily" });
    let key = site.gateway_key(policy).await;
    site.app.chat(&key, &limited(5)).await.expect(200);
    let refused = site.app.chat(&key, &limited(1)).await;
    assert_capped(&refused);
    assert!(refused.at("/error/message").contains("2026-11-22T00:00:00Z"), "{}", refused.text());

    site.app.clock.advance(Duration::from_secs(12 * 3600));

    site.app.chat(&key, &limited(5)).await.expect(200);
    assert_capped(&site.app.chat(&key, &limited(1)).await);
}

#[tokio::test]
async fn a_soft_cap_serves_until_it_is_spent() {
    let site = site().await;
    let policy = json!({ "spend_cap_micro_usd": 7_000, "cap_mode": "soft" });
    let key = site.gateway_key(policy).await;

    site.app.chat(&key, &hello(MODEL)).await.expect(200);
    site.app.chat(&key, &hello(MODEL)).await.expect(200);

    let refused = site.app.chat(&key, &limited(1)).await;
    assert_capped(&refused);
    assert!(refused.at("/error/message").contains("10000 are spent"), "{}", refused.text());
}

#[tokio::test]
async fn a_fallback_is_held_for_anew_and_a_silent_attempt_is_charged_its_input() {
    let site = site().await;
    site.workspace(json!({ "price_overrides": {
        "openai/gpt-4o": { "input_pico_usd": PICO_PER_TOKEN, "output_pico_usd": 0 },
        "groq/llama-3.1-8b-instant": { "output_pico_usd": PICO_PER_TOKEN },
    } }))
    .await;
    let body = joined(
        limited(100),
        json!({ "routing": { "fallback_models": ["groq/llama-3.1-8b-instant"] } }),
    );
    let input = body.to_string().len() as u64;
    let silent = Reply::stream(vec![Step::Cut]);

    let enough = capped(&site, (input + 100) * MICRO_PER_TOKEN).await;
    site.fake.next(silent.clone());
    let streamed = joined(body.clone(), json!({ "stream": true }));
    let answer = site.app.chat(&enough, &streamed).await.expect(200);
    let rows = site.app.attempts_made(&answer, 2).await;
    assert!(rows[0].billing_unknown && rows[0].usage.estimated);
    let estimated = rows[0].usage.input_tokens.expect("an estimate");
    assert_eq!(micro(&rows[0]), Some((estimated * MICRO_PER_TOKEN) as i64));
    assert_eq!(micro(&rows[1]), Some((WORDS * MICRO_PER_TOKEN) as i64));

    site.fake.next(failed());
    let dear = joined(body, json!({ "max_tokens": 1_000_000 }));
    let little = capped(&site, dear.to_string().len() as u64 * MICRO_PER_TOKEN).await;
    let answer = site.app.chat(&little, &dear).await;
    assert_eq!(
        answer.status,
        502,
        "the failure is told, and no money is left for another: {}",
        answer.text()
    );
}

#[tokio::test]
async fn what_failed_costs_nothing() {
    let site = site().await;
    let key = capped(&site, 10 * MICRO_PER_TOKEN).await;
    for _ in 0..3 {
        site.fake.next(Reply::openai_error(400, "invalid_request_error", None, "no"));
        let answer = site.app.chat(&key, &limited(10)).await.expect(400);
        assert_eq!(micro(&site.app.attempts_of(&answer).await[0]), Some(0));
    }

    site.app.chat(&key, &limited(10)).await.expect(200);
}

#[tokio::test]
async fn a_plans_pool_is_counted_in_tokens_and_own_keys_use_none_of_it() {
    let site = Site::open_with("[plans.small]\nbyok = true\npool_tiers = [\"economical\", \"premium\", \"flagship\"]\npool_tokens_per_month = 300\n").await;
    site.platform("openai", "pool").await;
    site.plan("small").await;
    let used = (PROMPT_TOKENS + WORDS) as usize;

    let first = site.ask(&limited(5)).await.expect(200);
    assert_eq!(first.header("x-keystile-payer"), Some("platform"));
    let left = 300 - used;
    let bytes = limited(100).to_string().len();
    let refused = site.ask(&limited((left - bytes + 1) as u64 + 100)).await.expect(402);
    assert_eq!(refused.code(), "quota_exceeded");
    assert!(refused.at("/error/message").contains("300 tokens"), "{}", refused.text());
    site.own("openai", "own").await;
    let own = site.ask(&limited(10_000)).await.expect(200);
    assert_eq!(own.header("x-keystile-payer"), Some("byok"));
}

#[tokio::test]
async fn counting_tokens_and_looking_around_cost_nothing() {
    let site = site().await;
    let key = capped(&site, 0).await;
    let body = asking("anthropic/claude-sonnet-4-5", json!({}));

    let counted = site.app.api.post("/v1/messages/count_tokens", &body).bearer(&key).whole().await;
    counted.expect(200);
    let looked = site.app.api.get("/passthrough/openai/files").bearer(&key).whole().await;
    assert_ne!(looked.status, 402, "{}", looked.text());
    assert_capped(&site.app.chat(&key, &limited(1)).await);
}

#[tokio::test]
async fn a_gateway_that_starts_again_knows_what_was_spent_and_holds_nothing() {
    let mut site = site().await;
    let key = capped(&site, 12 * MICRO_PER_TOKEN).await;
    site.app.chat(&key, &limited(5)).await.expect(200);

    site.app = site.app.restart().await;

    assert_capped(&site.app.chat(&key, &limited(8)).await);
    site.app.chat(&key, &limited(7)).await.expect(200);
}
