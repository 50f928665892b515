//! Whatever else a provider has: passed through with the caller's own key for it, and with nothing else of the caller's.

mod answers;
mod rights;

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;
use testkit::fake::{FakeProvider, Reply};
use testkit::{TestApp, hello};

use super::routing::site::{Site, limited};

const KEY: &str = "sk-o-0123456789";

async fn with_a_key() -> Site {
    let site = Site::open().await;
    site.own("openai", "o").await;
    site.fake.always(Reply::json(&json!({ "id": "file-1" })));
    site.fake.always_probe(Reply::json(&json!({ "id": "file-1" })));
    site
}

#[tokio::test]
async fn every_method_path_and_query_arrives_as_it_is_with_the_key_injected() {
    let site = with_a_key().await;

    for (method, path, body) in [
        (Method::GET, "files", None),
        (Method::GET, "files?limit=2&after=file-1&q=a%20b%2Fc", None),
        (Method::GET, "files/file-1/content", None),
        (Method::POST, "batches", Some(json!({ "input_file_id": "file-1" }))),
        (Method::POST, "fine_tuning/jobs/ftjob-1/cancel", None),
        (Method::PUT, "things/1", Some(json!({ "a": 1 }))),
        (Method::PATCH, "things/1", Some(json!({ "a": [1, 2.50] }))),
        (Method::DELETE, "files/file-1", None),
        (Method::GET, "a.b/c-d_e~f/@g:h", None),
    ] {
        let call = site.app.api.call(method.clone(), &format!("/passthrough/openai/{path}"));
        let call = if let Some(body) = &body { call.json(body) } else { call };
        let answer = call.bearer(&site.key).whole().await.expect(200);

        assert_eq!(answer.json(), json!({ "id": "file-1" }));
        let seen = site.fake.last_request();
        assert_eq!((seen.method.clone(), seen.bearer()), (method, Some(KEY)));
        assert_eq!(seen.path_and_query, format!("/openai/v1/{path}"));
        assert_eq!(seen.body, body.map(|body| body.to_string()).unwrap_or_default());
        assert_eq!(answer.header("x-keystile-provider"), Some("openai"));
        let rows = site.app.attempts_of(&answer).await;
        assert_eq!(
            (rows[0].dialect.as_str(), rows[0].outcome.as_deref()),
            ("passthrough", Some("completed"))
        );
    }
}

#[tokio::test]
async fn the_path_of_the_base_url_may_be_repeated_or_left_out() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;

    for path in ["models", "v1/models"] {
        app.api.get(&format!("/passthrough/openai/{path}")).bearer(&key).whole().await.expect(200);
        assert_eq!(fake.last_request().path_and_query, "/v1/models", "{path}");
    }
}

#[tokio::test]
async fn each_provider_gets_its_key_in_its_own_header_by_any_of_its_names() {
    let site = Site::open().await;
    for (provider, label) in [("anthropic", "a"), ("gemini", "g"), ("groq", "q")] {
        site.own(provider, label).await;
    }

    for (named, path, seen_at, header) in [
        ("anthropic", "v1/models", "/anthropic/v1/models", ("x-api-key", "sk-a-0123456789")),
        ("claude", "v1/models", "/anthropic/v1/models", ("x-api-key", "sk-a-0123456789")),
        ("google", "v1beta/models", "/gemini/v1beta/models", ("x-goog-api-key", "sk-g-0123456789")),
        ("Groq", "models", "/groq/v1/models", ("authorization", "Bearer sk-q-0123456789")),
    ] {
        let path = format!("/passthrough/{named}/{path}");
        site.app.api.get(&path).header("x-api-key", &site.key).whole().await;

        let seen = site.fake.last_request();
        assert_eq!((seen.path(), seen.header(header.0)), (seen_at, Some(header.1)), "{named}");
    }
    for (provider, status) in [("nobody", 404), ("openai", 403)] {
        let path = format!("/passthrough/{provider}/models");
        site.app.api.get(&path).bearer(&site.key).whole().await.expect(status);
    }
    assert_eq!(site.called().len(), 4);
}

#[tokio::test]
async fn nothing_that_names_the_caller_is_passed_on() {
    let site = with_a_key().await;
    let call =
        site.app.api.post("/passthrough/openai/batches", &json!({ "a": 1 })).bearer(&site.key);

    let headers = [
        ("cookie", "session=1"),
        ("user-agent", "the-callers/1.0"),
        ("referer", "https://internal.example"),
        ("x-forwarded-for", "10.1.2.3"),
        ("x-request-id", "callers-own"),
        ("openai-organization", "org-callers"),
        ("openai-beta", "assistants=v2"),
        ("x-keystile-only-byok", "true"),
        ("accept-encoding", "gzip"),
        ("accept", "text/html"),
    ];
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    call.whole().await.expect(200);

    let seen = site.fake.last_request();
    let names: BTreeSet<_> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    let known = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "openai-beta",
        "user-agent",
    ];
    let strangers: Vec<_> = names.iter().filter(|name| !known.contains(name)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    assert_eq!(seen.header("openai-beta"), Some("assistants=v2"), "it is a version of the API");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    for (name, value) in [("authorization", format!("Bearer {KEY}")), ("host", seen_host(&site))] {
        assert_eq!(seen.header(name), Some(value.as_str()));
    }
    let all = format!("{:?}", seen.headers);
    for secret in
        [&*site.key, "session=1", "the-callers", "internal.example", "10.1.2.3", "org-callers"]
    {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

fn seen_host(site: &Site) -> String {
    site.fake.addr().to_string()
}

#[tokio::test]
async fn a_path_that_climbs_or_can_be_read_in_two_ways_is_refused() {
    let site = with_a_key().await;

    for path in [
        "../groq/models",
        "files/../../models",
        "files/..",
        "./files",
        "files/%2e%2e/models",
        "files/%2E%2E",
        "files/.%2e/models",
        "files%2F..%2Fmodels",
        "files%5c..",
        "files//content",
        "files/",
        "files\\..\\models",
        "files/%00",
        "files/..;/models",
        "files/..;x=1/models",
        "files/%252e%252e/models",
    ] {
        let answer = raw_get(&site, path).await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(status == "400" || status == "404", "{path}: {answer}");
    }
    assert_eq!(site.called(), [""; 0]);
}

/// As it is written: a client would tidy the path up.
async fn raw_get(site: &Site, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut socket =
        tokio::net::TcpStream::connect(site.app.address()).await.expect("a connection");
    let request = format!(
        "GET /passthrough/openai/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         connection: close\r\n\r\n",
        site.key
    );
    socket.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("read");
    answer
}

#[tokio::test]
async fn the_next_key_is_asked_where_the_first_is_no_good() {
    let site = with_a_key().await;
    site.own("openai", "second").await;

    site.fake.next_probe(limited());
    let answer = site.app.api.get("/passthrough/openai/files").bearer(&site.key).whole().await;
    assert_eq!(answer.expect(200).header("x-keystile-attempts"), Some("2"));
    assert_eq!(site.called(), ["openai/- o", "openai/- second"]);

    site.fake.next_probe(Reply::openai_error(409, "t", None, "the file is in use"));
    let call = site.app.api.delete("/passthrough/openai/files/file-1").bearer(&site.key);
    let refused = call.whole().await.expect(409);
    assert!(refused.text().contains("in use"), "{}", refused.text());
    assert_eq!(site.called(), ["openai/- o"], "the caller's own mistake is the caller's");
}

#[tokio::test]
async fn a_fallback_model_is_nothing_to_what_is_passed_through() {
    let site = with_a_key().await;
    site.own("groq", "q").await;
    site.project(json!({ "fallback_models": ["groq/llama-3.1-8b-instant"] })).await;
    site.next_fail(1);

    let call = site.app.api.post("/passthrough/openai/chat/completions", &hello("gpt-4o"));
    call.bearer(&site.key).whole().await.expect(429);

    assert_eq!(site.called(), ["openai/gpt-4o o"]);
}
