//! Requests and tokens a minute, of a gateway key, its project and its workspace: told in headers, kept exactly, and settled
//! to what was used.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use testkit::fake::{CACHED_TOKENS, Gate, PROMPT_TOKENS, RateLimits, Reply};
use testkit::hello;
use testkit::http::Whole;
use tokio::task::JoinSet;

use super::routing::site::{Site, asking, failed};

const MODEL: &str = "openai/gpt-4o";
/// What a standard answer uses.
const USED: u64 = PROMPT_TOKENS + 5;
const PARALLEL: usize = 32;
/// For what must come; a machine that is slow is no failure.
const COMES_WITHIN: Duration = Duration::from_secs(60);

async fn with_a_key(policy: Value) -> (Site, String) {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let key = site.gateway_key(policy).await;
    (site, key)
}

/// What is taken of a limit of tokens before it is known what is used: an ordinary text has four bytes a token.
fn expected(body: &Value) -> u64 {
    (body.to_string().len() / 4) as u64
}

#[track_caller]
fn left(answer: &Whole, what: &str) -> (u64, u64, String) {
    let header =
        |field: &str| answer.header(&format!("x-ratelimit-{field}-{what}")).unwrap_or_default();
    let number = |field: &str| header(field).parse().unwrap_or_else(|_| panic!("{field}-{what}"));
    (number("limit"), number("remaining"), header("reset").to_owned())
}

#[track_caller]
fn assert_limited(answer: &Whole, seconds: &str, words: &str) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.code(), "rate_limited");
    assert_eq!(answer.header("retry-after"), Some(seconds));
    assert!(answer.at("/error/message").contains(words), "{}", answer.text());
}

#[tokio::test]
async fn a_keys_limits_are_told_in_openais_headers_and_kept() {
    let (site, key) = with_a_key(json!({ "rpm_limit": 3, "tpm_limit": 6_000 })).await;
    let body = hello(MODEL);
    // What is left of the provider's is another matter.
    let theirs = Reply::standard().with_rate_limits(RateLimits::remaining(41, 9_000));
    site.fake.always(theirs);

    let first = site.app.chat(&key, &body).await.expect(200);
    assert_eq!(left(&first, "requests"), (3, 2, "20000ms".to_owned()));
    assert_eq!(
        (left(&first, "tokens").0, left(&first, "tokens").1),
        (6_000, 6_000 - expected(&body))
    );
    let second = site.app.chat(&key, &body).await.expect(200);
    assert_eq!(left(&second, "requests"), (3, 1, "40000ms".to_owned()));
    site.app.chat(&key, &body).await.expect(200);
    site.called();

    let refused = site.app.chat(&key, &body).await;
    assert_limited(&refused, "20", "3 requests a minute");
    assert_eq!(site.called(), [""; 0], "nothing is sent");
    site.app.clock.advance(Duration::from_secs(19));
    assert_limited(&site.app.chat(&key, &body).await, "1", "3 requests a minute");
    site.app.clock.advance(Duration::from_secs(1));
    site.app.chat(&key, &body).await.expect(200);
    assert_eq!(site.called().len(), 1);

    let unlimited = site.ask(&body).await.expect(200);
    assert_eq!(left(&unlimited, "requests").1, 41, "who has no limit of ours sees the provider's");
}

#[tokio::test]
async fn a_refusal_comes_in_the_callers_dialect() {
    let (site, key) = with_a_key(json!({ "rpm_limit": 1 })).await;
    site.app.chat(&key, &hello(MODEL)).await.expect(200);
    site.called();
    let contents = json!({ "contents": [{ "parts": [{ "text": "hi" }] }] });

    for (path, body, kind) in [
        ("/v1/chat/completions", hello(MODEL), "/error/type"),
        ("/v1/responses", json!({ "model": MODEL, "input": "hi" }), "/error/type"),
        ("/v1/messages", asking(MODEL, json!({ "max_tokens": 9 })), "/error/type"),
        ("/v1beta/models/gpt-4o:generateContent", contents, "/error/status"),
    ] {
        let refused = site.app.api.post(path, &body).bearer(&key).whole().await.expect(429);
        let kinds = ["rate_limit_error", "RESOURCE_EXHAUSTED"];
        assert!(kinds.contains(&refused.at(kind).as_str()), "{path}: {}", refused.text());
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn tokens_are_settled_to_what_was_used() {
    let (site, key) = with_a_key(json!({ "tpm_limit": 10_000 })).await;
    let body = asking(MODEL, json!({ "padding": "x".repeat(4_000) }));
    let small = hello(MODEL);
    let remaining =
        async || left(&site.app.chat(&key, &small).await, "tokens").1 + expected(&small);

    site.app.chat(&key, &body).await.expect(200);
    assert_eq!(remaining().await, 10_000 - USED, "less than was expected");

    let usage =
        json!({ "prompt_tokens": 3_000, "completion_tokens": 1_000, "total_tokens": 4_000 });
    site.fake.next(Reply::json(&json!({ "choices": [], "usage": usage })));
    site.app.chat(&key, &small).await.expect(200);
    assert_eq!(remaining().await, 10_000 - 2 * USED - 4_000, "more than was expected");

    let mut streamed = body.clone();
    streamed["stream"] = json!(true);
    site.app.chat(&key, &streamed).await.expect(200);
    assert_eq!(remaining().await, 10_000 - 4 * USED - 4_000, "streams too");
    assert_eq!(CACHED_TOKENS, 4, "what came from a cache is part of the input");
}

#[tokio::test]
async fn what_failed_used_no_tokens_and_counts_as_a_request() {
    let (site, key) = with_a_key(json!({ "tpm_limit": 10_000, "rpm_limit": 10 })).await;
    let body = hello(MODEL);

    site.fake.next(Reply::openai_error(400, "invalid_request_error", None, "no"));
    site.app.chat(&key, &body).await.expect(400);
    site.fake.next(failed());
    site.fake.next(failed());
    site.app.chat(&key, &body).await.expect(502);
    // Nobody could be asked.
    site.app.chat(&key, &hello("anthropic/claude-sonnet-4-5")).await.expect(403);
    // Not even a request.
    let call = site.app.api.call(Method::POST, "/v1/chat/completions");
    call.body("application/json", "{").bearer(&key).whole().await.expect(400);

    let answer = site.app.chat(&key, &body).await.expect(200);
    assert_eq!(left(&answer, "requests").1, 10 - 4);
    assert_eq!(left(&answer, "tokens").1, 10_000 - expected(&body));
}

#[tokio::test]
async fn tokens_that_are_used_up_are_waited_for_and_what_never_fits_is_said_so() {
    let (site, key) = with_a_key(json!({ "tpm_limit": 600 })).await;
    let small = hello(MODEL);
    let usage = json!({ "prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600 });
    site.fake.next(Reply::json(&json!({ "choices": [], "usage": usage })));
    site.app.chat(&key, &small).await.expect(200);
    site.called();

    let seconds = expected(&small).div_ceil(10).to_string();
    assert_limited(&site.app.chat(&key, &small).await, &seconds, "600 tokens a minute");
    let large = asking(MODEL, json!({ "padding": "x".repeat(4_000) }));
    assert_limited(&site.app.chat(&key, &large).await, "60", "this request alone needs more");

    assert_eq!(site.called(), [""; 0]);
    site.app.clock.advance(Duration::from_secs(10));
    site.app.chat(&key, &small).await.expect(200);
}

#[tokio::test]
async fn a_project_and_a_workspace_have_limits_of_their_own() {
    let site = Site::open().await;
    site.own("openai", "o").await;
    let second = site.gateway_key(json!({ "rpm_limit": 100 })).await;
    let project = site.another_project(&site.owner.workspace, "other").await;
    let path = format!("/api/v1/projects/{project}/api-keys");
    let other =
        site.call(Method::POST, &path, &json!({ "name": "k" })).await.expect(201).at("/key");
    let body = hello(MODEL);
    site.project(json!({ "rpm_limit": 2 })).await;
    site.workspace(json!({ "rpm_limit": 3 })).await;

    let first = site.ask(&body).await.expect(200);
    assert_eq!(left(&first, "requests").0, 2, "the nearest limit is told");
    let of_key = site.app.chat(&second, &body).await.expect(200);
    assert_eq!(left(&of_key, "requests").0, 2, "whoever else's it is");
    for key in [&site.key, &second] {
        let refused = site.app.chat(key, &body).await;
        assert_limited(&refused, "30", &format!("project {}", site.owner.project));
    }

    let of_other = site.app.chat(&other, &body).await.expect(200);
    assert_eq!(left(&of_other, "requests").0, 3, "another project's limit is its own");
    let refused = site.app.chat(&other, &body).await;
    assert_limited(&refused, "20", &format!("workspace {}", site.owner.workspace));
    assert_eq!(site.called().len(), 3);
}

#[tokio::test]
async fn questions_about_models_are_requests_without_tokens() {
    let (site, key) =
        with_a_key(json!({ "rpm_limit": 5, "tpm_limit": expected(&hello(MODEL)) })).await;
    let models = async |path: &str| site.app.api.get(path).bearer(&key).whole().await;

    for path in ["/v1/models", "/v1beta/models", "/v1/models/openai/gpt-4o"] {
        models(path).await.expect(200);
    }
    site.explain_as(&key, &hello(MODEL)).await;
    site.app.chat(&key, &hello(MODEL)).await.expect(200);

    assert_limited(&models("/v1/models").await, "12", "5 requests a minute");
    let explained =
        site.app.api.post("/v1/route:explain", &hello(MODEL)).bearer(&key).whole().await;
    assert_limited(&explained, "12", "5 requests a minute");
    let dialect = models("/v1beta/models").await.expect(429).json();
    assert_eq!(dialect["error"]["status"], "RESOURCE_EXHAUSTED", "{dialect}");
}

/// As many calls as that at once.
fn at_once(site: &Site, key: &str, body: &Value) -> JoinSet<Whole> {
    let mut calls = JoinSet::new();
    for _ in 0..PARALLEL {
        calls.spawn(site.app.api.post("/v1/chat/completions", body).bearer(key).whole());
    }
    calls
}

#[tokio::test]
async fn a_limit_of_requests_is_exact_however_many_come_at_once() {
    let (site, key) = with_a_key(json!({ "rpm_limit": 10 })).await;

    let answers = at_once(&site, &key, &hello(MODEL)).join_all().await;

    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((served, refused), (10, PARALLEL - 10));
    assert_eq!(site.called().len(), 10);
}

#[tokio::test]
async fn tokens_are_taken_before_they_are_used() {
    let body = asking(MODEL, json!({ "padding": "x".repeat(4_000) }));
    let (site, key) = with_a_key(json!({ "tpm_limit": 5 * expected(&body) })).await;
    let gate = Gate::new();
    site.fake.always(Reply::standard().held_by(&gate));

    let mut calls = at_once(&site, &key, &body);
    for _ in 5..PARALLEL {
        let first = tokio::time::timeout(COMES_WITHIN, calls.join_next()).await;
        let refused =
            first.expect("refused while the others run").expect("a call").expect("an answer");
        assert_eq!(refused.status, 429, "{}", refused.text());
    }
    gate.open();

    for answer in calls.join_all().await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(site.called().len(), 5);
}
