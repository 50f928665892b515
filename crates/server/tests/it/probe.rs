//! The call that checks a key: what is kept on its word, what it repeats, and what it does not tell of other networks.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway::upstream::Resolve;
use gateway::{Finding, probe};
use model::{BaseUrl, Tier};
use serde_json::{Value, json};
use server::config::Layer;
use store::workspace::Validation;
use testkit::fake::{FakeProvider, RateLimits, Reply, Step, Tripwire};
use testkit::http::Whole;
use testkit::{Options, Owner, TestApp};
use vault::ProviderKey;

const KEY: &str = "sk-good-0123456789abcdef";

#[tokio::test]
async fn a_refused_key_is_explained_in_the_providers_words_without_the_key() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let body = json!({ "provider": "openai", "api_key": KEY });

    fake.next_probe(Reply::invalid_key(KEY));
    let answer = app.add_provider_key(&owner, &body).await.expect(400);

    assert_eq!(answer.code(), "provider_rejected_key");
    let message = answer.at("/error/message");
    assert!(message.contains("Incorrect API key provided: [...] You can find"), "{message}");
    assert!(!message.contains("sk-"), "{message}");
    fake.next_probe(Reply::echo_error(401));
    let answer = app.add_provider_key(&owner, &body).await.expect(400);
    assert!(!answer.text().contains("0123456789"), "{}", answer.text());
    assert_eq!(fake.requests().len(), 2, "one call each");
}

#[tokio::test]
async fn no_answer_is_asked_for_twice() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let body = json!({ "provider": "openai", "api_key": KEY });

    for (number, reply) in (1..).zip([
        Reply::empty(500),
        Reply::empty(503).with_header("retry-after", "0"),
        Reply::openai_error(429, "t", Some("rate_limit_exceeded"), "slow down"),
        Reply::redirect(307, "/v1/models"),
        Reply::empty(404),
    ]) {
        fake.next_probe(reply);
        let kept = app.add_provider_key(&owner, &body).await.expect(201);

        assert_eq!(kept.at("/validation_status"), "unknown");
        assert_eq!(kept.at("/health_status"), "unknown");
        assert!(kept.at("/last_health_error").starts_with("OpenAI "), "{}", kept.text());
        assert_eq!(fake.requests().len(), number);
    }
    fake.next_probe(Reply::cut_before_headers());
    app.add_provider_key(&owner, &body).await.expect(502);
    assert_eq!(fake.requests().len(), 6);
}

/// Five seconds for all of it, however they are spent.
#[tokio::test]
async fn a_probe_ends_in_time() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let body = json!({ "provider": "openai", "api_key": KEY });
    let half = || vec![Step::bytes("{\"data\":["), Step::Stall];
    for reply in [
        Reply::stall_before_headers(),
        Reply::json_steps(half()),
        Reply::json_steps(half()).with_status(500),
    ] {
        fake.next_probe(reply);
    }

    let started = Instant::now();
    let answers = add_all(&app, &owner, &[body.clone(), body.clone(), body]).await;

    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 502]);
    for answer in answers {
        match answer.status.as_u16() {
            201 => assert_eq!(answer.at("/validation_status"), "unknown"),
            _ => assert_eq!(answer.code(), "upstream_unavailable"),
        }
    }
    assert_eq!(fake.requests().len(), 3);
}

/// Whoever may add keys can name any host and port. That nobody answers must not tell why.
#[tokio::test]
async fn closed_filtered_silent_and_forbidden_look_alike() {
    let closed = port_nobody_listens_on();
    let silent = FakeProvider::start().await;
    silent.always_probe(Reply::stall_before_headers());
    let hanging_up = Tripwire::start().await;
    let cutting = FakeProvider::start().await;
    cutting.always_probe(Reply::reset_before_headers());
    let no_http = FakeProvider::start().await;
    no_http.always_probe(Reply::raw("SSH-2.0-OpenSSH_9.2p1\r\n"));
    let ports = [closed, silent.port(), hanging_up.port(), cutting.port(), no_http.port()];
    let rules = ports.map(|port| format!("127.0.0.0/8:{port}"));
    let layer = Layer { egress_allow: Some(rules.to_vec()), ..Layer::default() };
    let options = Options { layer, resolver: Arc::new(Names), ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite is always there");
    let owner = app.set_up().await;
    let mut urls: Vec<_> = ports.iter().map(|port| format!("http://127.0.0.1:{port}/v1")).collect();
    // Not HTTP, an address that packets vanish behind, a name that is none, and what nobody may call.
    urls.push(format!("https://127.0.0.1:{}/v1", cutting.port()));
    urls.push("http://filtered.example:81/v1".to_owned());
    urls.push("http://unknown.example/v1".to_owned());
    urls.push("http://10.1.2.3:22/v1".to_owned());
    urls.push("http://169.254.169.254/latest".to_owned());

    let body = |url| json!({ "provider": "custom", "base_url": url, "api_key": KEY });
    let bodies: Vec<_> = urls.iter().map(body).collect();
    let answers = add_all(&app, &owner, &bodies).await;

    let told: Vec<_> = answers.iter().map(|answer| (answer.status, without_id(answer))).collect();
    for (url, answer) in urls.iter().zip(&told) {
        assert_eq!(answer.0.as_u16(), 502, "{url}: {}", answer.1);
        assert_eq!(answer, &told[0], "{url}");
    }
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_kept_on_what_its_status_says_and_its_words_stay_there() {
    let secret = "root:x:0:0";
    let said = |status| Reply::openai_error(status, "t", Some("invalid_api_key"), secret);
    let without_key = Reply::error(401, &json!({ "error": "Unauthorized" }));
    let page = Reply::text(404, "text/plain", "404 page not found");
    for (reply, key, status, word, reason) in [
        (Reply::json(&json!({ "data": [], "secret": secret })), None, 201, "valid", ""),
        (page, None, 201, "unknown", "answers, but not to GET /models"),
        (said(405), None, 201, "unknown", "answers, but not to GET /models"),
        (said(500), None, 201, "unknown", "neither accepted nor refused"),
        (said(403), Some(KEY), 201, "restricted", ""),
        (Reply::redirect(302, "http://127.0.0.1:1/"), None, 201, "unknown", "redirect"),
        (without_key, None, 400, "provider_rejected_key", "asks for a key"),
        (said(401), Some(KEY), 400, "provider_rejected_key", "refused the key"),
    ] {
        let fake = FakeProvider::start().await;
        let rule = format!("127.0.0.0/8:{}", fake.port());
        let layer = Layer { egress_allow: Some(vec![rule]), ..Layer::default() };
        let app =
            TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
        let owner = app.set_up().await;
        fake.next_probe(reply);
        let mut body = json!({ "provider": "custom", "base_url": fake.base_url() });
        if let Some(key) = key {
            body["api_key"] = json!(key);
        }

        let answer = app.add_provider_key(&owner, &body).await.expect(status);

        let text = answer.text();
        match status {
            201 => assert_eq!(answer.at("/validation_status"), word, "{text}"),
            _ => assert_eq!(answer.code(), word, "{text}"),
        }
        assert!(text.contains(reason) && !text.contains(secret), "{text}");
        assert_eq!(fake.requests().len(), 1);
        assert_eq!(fake.last_request().path(), "/v1/models");
        assert_eq!(fake.last_request().bearer(), key);
    }
}

#[tokio::test]
async fn a_probe_tells_the_tier_where_its_headers_do() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let limits = |tokens| RateLimits { limit_tokens: tokens, ..RateLimits::remaining(1, 1) };

    for (reply, validation, tier) in [
        (Reply::standard(), Validation::Valid, None),
        (
            Reply::standard().with_rate_limits(limits(180_000_000)),
            Validation::Valid,
            Some("tier-5"),
        ),
        // Which tier that is depends on the model, and the probe names none.
        (Reply::standard().with_rate_limits(limits(2_000_000)), Validation::Valid, None),
        (
            Reply::empty(500).with_rate_limits(limits(180_000_000)),
            Validation::Unknown,
            Some("tier-5"),
        ),
    ] {
        fake.next_probe(reply);
        let found = probe_openai(&app, &fake).await;

        assert_eq!(found.validation, validation);
        assert_eq!(found.detected_tier.as_ref().map(Tier::as_str), tier);
    }
}

async fn probe_openai(app: &TestApp, fake: &FakeProvider) -> Finding {
    let gateway = app.app.gateway();
    let provider = gateway.catalogue.provider("openai").expect("known");
    let base_url = BaseUrl::parse(&fake.base_url()).expect("a URL");
    let key = ProviderKey::parse(KEY.to_owned()).expect("usable");
    probe(&gateway.upstream, provider, &base_url, Some(&key)).await
}

/// All at once; the answers in the order of the bodies.
async fn add_all(app: &TestApp, owner: &Owner, bodies: &[Value]) -> Vec<Whole> {
    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
    let add = |body| tokio::spawn(app.api.post(&path, body).bearer(&owner.session).whole());
    let calls: Vec<_> = bodies.iter().map(add).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("answered"));
    }
    answers
}

fn without_id(answer: &Whole) -> Value {
    let mut json = answer.json();
    json.as_object_mut().expect("an envelope").remove("request_id");
    json
}

fn port_nobody_listens_on() -> u16 {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// A name server that never answers for what is filtered, and knows nothing else.
struct Names;

impl Resolve for Names {
    fn resolve(
        &self,
        host: String,
        _port: u16,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        Box::pin(async move {
            if host.starts_with("filtered") {
                std::future::pending::<()>().await;
            }
            Err(io::Error::from(io::ErrorKind::NotFound))
        })
    }
}
