//! The health of provider keys as traffic and time show it, and who hears of it.

use std::time::Duration;

use serde_json::{Value, json};
use server::config::Layer;
use testkit::fake::{FakeProvider, Reply};
use testkit::{Backend, Options, Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";
const MODEL: &str = "openai/gpt-5.4-mini";
/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(20);

struct Site {
    app: TestApp,
    provider: FakeProvider,
    /// Where webhooks go.
    listener: FakeProvider,
    owner: Owner,
    key: String,
}

impl Site {
    async fn open(backend: Backend) -> Option<Self> {
        let (provider, listener) = (FakeProvider::start().await, FakeProvider::start().await);
        let layer = Layer {
            egress_allow: Some(vec![format!("127.0.0.1/32:{}", listener.port())]),
            ..Layer::default()
        };
        let providers = vec![("openai".to_owned(), provider.base_url())];
        let app = TestApp::start_with(Options { backend, providers, layer, ..Options::default() });
        let app = app.await?;
        let (owner, key) = app.ready(KEY).await;
        Some(Self { app, provider, listener, owner, key })
    }

    async fn on_sqlite() -> Self {
        Self::open(Backend::Sqlite).await.expect("SQLite is always there")
    }

    async fn chat(&self) -> u16 {
        self.app.chat(&self.key, &hello(MODEL)).await.status.as_u16()
    }

    async fn settings(&self, patch: &Value) {
        let path = format!("/v1/workspaces/{}", self.owner.workspace);
        self.app.api.patch(&path, patch).bearer(&self.owner.session).whole().await.expect(200);
    }

    async fn provider_key(&self) -> Value {
        let path = format!("/v1/workspaces/{}/provider-keys", self.owner.workspace);
        let list = self.app.api.get(&path).bearer(&self.owner.session).whole().await.expect(200);
        list.json()["items"][0].clone()
    }

    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let waiting = async {
            loop {
                let key = self.provider_key().await;
                if holds(&key) {
                    return key;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, waiting).await.expect(what)
    }
}

async fn use_is_seen_in_last_used_at(backend: Backend) {
    let Some(site) = Site::open(backend).await else { return };
    assert_eq!(site.provider_key().await["last_used_at"], Value::Null);

    assert_eq!(site.chat().await, 200);

    let key = site.until("its use", |key| !key["last_used_at"].is_null()).await;
    assert!(key["last_used_at"].as_str().expect("a time").starts_with("2026-11-21T"));
}

#[tokio::test]
async fn use_is_seen_in_last_used_at_on_sqlite() {
    use_is_seen_in_last_used_at(Backend::Sqlite).await;
}

#[tokio::test]
async fn use_is_seen_in_last_used_at_on_postgres() {
    use_is_seen_in_last_used_at(Backend::Postgres).await;
}

#[tokio::test]
async fn a_refused_key_is_asked_about_once_and_called_unhealthy() {
    let site = Site::on_sqlite().await;
    site.provider.always(Reply::invalid_key(KEY));
    site.provider.always_probe(Reply::invalid_key(KEY));
    let probes = || site.provider.requests().iter().filter(|seen| seen.method == "GET").count();
    let before = probes();

    assert_eq!(site.chat().await, 424);
    let key = site.until("its health", |key| key["health_status"] == "unhealthy").await;

    assert!(!key.to_string().contains("good-12345"), "{key}");
    assert!(key["last_health_error"].is_string(), "{key}");
    for _ in 0..5 {
        assert_eq!(site.chat().await, 424);
    }
    site.app.clock.advance(Duration::from_secs(1));
    site.until("its use", |key| key["last_used_at"].as_str() > Some("2026-11-21T12:00:00")).await;
    assert_eq!(probes() - before, 1, "a key known to be bad is not asked about with each request");
}

#[tokio::test]
async fn one_401_of_a_key_that_works_leaves_it_healthy() {
    let site = Site::on_sqlite().await;
    site.provider.next(Reply::invalid_key(KEY));
    let checked_at = site.provider_key().await["last_health_check_at"].clone();
    site.app.clock.advance(Duration::from_secs(5));

    assert_eq!(site.chat().await, 424);

    let key = site.until("the probe", |key| key["last_health_check_at"] != checked_at).await;
    assert_eq!(key["health_status"], "healthy");
}

#[tokio::test]
async fn a_key_that_works_again_is_healthy_again() {
    let site = Site::on_sqlite().await;
    site.provider.next(Reply::invalid_key(KEY));
    site.provider.next_probe(Reply::invalid_key(KEY));
    site.chat().await;
    site.until("its health", |key| key["health_status"] == "unhealthy").await;

    assert_eq!(site.chat().await, 200);

    let key = site.until("its health", |key| key["health_status"] == "healthy").await;
    assert_eq!(key["last_health_error"], Value::Null);
}

#[tokio::test]
async fn a_change_of_health_is_posted_signed_and_counted() {
    let site = Site::on_sqlite().await;
    let url = format!("{}/hook", site.listener.base_url());
    site.settings(&json!({ "webhook": { "url": url, "secret": "a webhook's secret" } })).await;
    site.listener.next(Reply::empty(500));
    site.provider.always(Reply::invalid_key(KEY));
    site.provider.always_probe(Reply::invalid_key(KEY));

    site.chat().await;

    assert!(site.listener.wait_requests(1, SOON).await, "a post");
    let post = site.listener.requests().remove(0);
    let body: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(body["type"], "provider_key.health_changed");
    assert_eq!(body["workspace_id"].as_str(), Some(site.owner.workspace.as_str()));
    assert_eq!(
        (&body["data"]["from"], &body["data"]["to"]),
        (&json!("healthy"), &json!("unhealthy"))
    );
    let header = |name| post.header(name).expect(name).to_owned();
    let signed = vault::webhook_signature(
        &vault::SecretValue::new(b"a webhook's secret".to_vec()),
        &header("webhook-id"),
        header("webhook-timestamp").parse().expect("seconds"),
        &post.body,
    );
    assert_eq!(Some(header("webhook-signature")), signed);
    let metrics = site.app.api.get("/metrics").whole().await.expect(200);
    let counted = "provider_key_health_changes_total{provider=\"openai\",to=\"unhealthy\"} 1";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

#[tokio::test]
async fn keys_in_use_are_asked_about_from_time_to_time_where_that_is_wanted() {
    let site = Site::on_sqlite().await;
    assert_eq!(site.chat().await, 200);
    site.until("its use", |key| !key["last_used_at"].is_null()).await;
    let checked_at = site.provider_key().await["last_health_check_at"].clone();
    site.provider.always_probe(Reply::invalid_key(KEY));

    site.app.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(site.chat().await, 200);
    site.until("its use", |key| key["last_used_at"].as_str() > Some("2026-11-21T13")).await;
    assert_eq!(site.provider_key().await["last_health_check_at"], checked_at, "off unless wanted");

    site.settings(&json!({ "health_recheck": "hourly" })).await;
    site.app.clock.advance(Duration::from_secs(61));
    site.until("its health", |key| key["health_status"] == "unhealthy").await;
}

#[tokio::test]
async fn a_tier_is_learned_from_traffic_unless_it_was_chosen() {
    let site = Site::on_sqlite().await;
    let limits = |reply: Reply| {
        reply
            .with_header("x-ratelimit-limit-requests", "30000")
            .with_header("x-ratelimit-limit-tokens", "180000000")
            .with_header("x-ratelimit-remaining-requests", "29999")
            .with_header("x-ratelimit-remaining-tokens", "179999000")
            .with_header("x-ratelimit-reset-requests", "2ms")
            .with_header("x-ratelimit-reset-tokens", "1ms")
    };
    site.provider.always(limits(Reply::standard()));

    assert_eq!(site.chat().await, 200);

    let key = site.until("its tier", |key| key["tier_source"] == "auto_detected").await;
    assert_eq!(key["detected_tier"], "tier-5", "{key}");
    let path = format!(
        "/v1/workspaces/{}/provider-keys/{}",
        site.owner.workspace,
        key["id"].as_str().expect("an id")
    );
    let chosen = site.app.api.patch(&format!("{path}/tier"), &json!({ "tier": "tier-1" }));
    chosen.bearer(&site.owner.session).whole().await.expect(200);
    site.app.clock.advance(Duration::from_secs(1));
    assert_eq!(site.chat().await, 200);
    let used = |key: &Value| key["last_used_at"].as_str() > Some("2026-11-21T12:00:00.5");
    let key = site.until("its use", used).await;
    assert_eq!(
        (&key["detected_tier"], &key["tier_source"]),
        (&json!("tier-1"), &json!("user_specified"))
    );
}
