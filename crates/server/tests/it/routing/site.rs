//! A gateway whose providers are all played by one fake, each below a path of its own: who was asked is one list, in order.

use std::sync::Mutex;
use std::time::Duration;

use http::Method;
use model::{ProviderKeyId, WorkspaceId};
use serde_json::{Value, json};
use server::config::Layer;
use store::workspace::ProviderKeyRow;
use testkit::fake::{FakeProvider, RateLimits, Reply, SeenRequest};
use testkit::http::Whole;
use testkit::{Options, Owner, TestApp, hello};

pub struct Site {
    pub app: TestApp,
    pub fake: FakeProvider,
    pub owner: Owner,
    /// A gateway key of the default project.
    pub key: String,
    told: Mutex<usize>,
}

/// Those whose base URL ends with the version, and those whose paths begin at the origin.
const VERSIONED: [&str; 7] =
    ["openai", "groq", "mistral", "moonshot", "openrouter", "together", "xai"];
const BARE: [&str; 2] = ["anthropic", "gemini"];

impl Site {
    pub async fn open() -> Self {
        Self::open_with("").await
    }

    /// With more in the operator's file.
    pub async fn open_with(file: &str) -> Self {
        let fake = FakeProvider::start().await;
        let versioned = VERSIONED.map(|id| (id.to_owned(), format!("{}/{id}/v1", fake.url())));
        let bare = BARE.map(|id| (id.to_owned(), format!("{}/{id}", fake.url())));
        let layer: Layer = toml::from_str(file).expect("a layer");
        let layer = Layer {
            key_operations_per_minute: Some(1000),
            egress_allow: Some(vec![format!("127.0.0.1/32:{}", fake.port())]),
            ..layer
        };
        let providers = versioned.into_iter().chain(bare).collect();
        let options = Options { providers, layer, ..Options::default() };
        let app = TestApp::start_with(options).await.expect("SQLite");
        let owner = app.set_up().await;
        let key = app.gateway_key(&owner, &json!({ "name": "app" })).await.expect(201).at("/key");
        Self { app, fake, owner, key, told: Mutex::new(0) }
    }

    /// By the owner, who is the operator too.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Whole {
        self.app.api.call(method, path).json(body).bearer(&self.owner.session).whole().await
    }

    /// A key of the workspace's. Its label is what calls are shown by.
    pub async fn own(&self, provider: &str, label: &str) -> String {
        self.own_with(provider, label, json!({})).await
    }

    /// Of a tier whose limits no test comes near.
    pub async fn own_paid(&self, provider: &str, label: &str) -> String {
        let tier =
            if provider == "gemini" { json!({ "selected_tier": "tier-1" }) } else { json!({}) };
        self.own_with(provider, label, tier).await
    }

    pub async fn own_with(&self, provider: &str, label: &str, more: Value) -> String {
        let path = format!("/v1/workspaces/{}/provider-keys", self.owner.workspace);
        self.make(&path, &provider_key(provider, label, more)).await
    }

    /// The one of the default project.
    pub async fn of_project(&self, provider: &str, label: &str) {
        let path = format!("/api/v1/projects/{}/byok-keys/{provider}", self.owner.project);
        let mut body = provider_key(provider, label, json!({}));
        body.as_object_mut().expect("an object").remove("provider");
        self.call(Method::PUT, &path, &body).await.expect(200);
    }

    pub async fn platform(&self, provider: &str, label: &str) -> String {
        let body = provider_key(provider, label, json!({}));
        self.make("/v1/operator/platform-keys", &body).await
    }

    /// Each a moment after the one before: keys are told apart by their age.
    async fn make(&self, path: &str, body: &Value) -> String {
        self.app.clock.advance(Duration::from_millis(1));
        self.call(Method::POST, path, body).await.expect(201).at("/id")
    }

    /// An endpoint of somebody's own, shown by its name.
    pub async fn endpoint(&self, name: &str, label: &str) -> String {
        let base_url = format!("{}/{name}/v1", self.fake.url());
        self.own_with("custom", label, json!({ "name": name, "base_url": base_url })).await
    }

    pub async fn change_key(&self, id: &str, change: Value) {
        let path = format!("/v1/workspaces/{}/provider-keys/{id}", self.owner.workspace);
        self.call(Method::PATCH, &path, &change).await.expect(200);
    }

    pub async fn workspace(&self, settings: Value) {
        let path = format!("/v1/workspaces/{}", self.owner.workspace);
        self.call(Method::PATCH, &path, &settings).await.expect(200);
    }

    pub async fn project(&self, settings: Value) {
        let Owner { workspace, project, .. } = &self.owner;
        let path = format!("/v1/workspaces/{workspace}/projects/{project}");
        self.call(Method::PATCH, &path, &settings).await.expect(200);
    }

    pub async fn plan(&self, name: &str) {
        let path = format!("/v1/operator/workspaces/{}", self.owner.workspace);
        self.call(Method::PATCH, &path, &json!({ "plan": name })).await.expect(200);
    }

    /// A further gateway key of the default project.
    pub async fn gateway_key(&self, policy: Value) -> String {
        let body = joined(json!({ "name": "another" }), policy);
        self.app.gateway_key(&self.owner, &body).await.expect(201).at("/key")
    }

    /// A gateway key of the whole workspace.
    pub async fn workspace_key(&self) -> String {
        let path = format!("/v1/workspaces/{}/api-keys", self.owner.workspace);
        self.call(Method::POST, &path, &json!({ "name": "whole" })).await.expect(201).at("/key")
    }

    /// Another project of the workspace, or of a workspace of its own.
    pub async fn another_project(&self, workspace: &str, name: &str) -> String {
        let path = format!("/v1/workspaces/{workspace}/projects");
        self.call(Method::POST, &path, &json!({ "name": name })).await.expect(201).at("/id")
    }

    pub async fn another_workspace(&self) -> String {
        let body = json!({ "name": "elsewhere" });
        self.call(Method::POST, "/v1/workspaces", &body).await.expect(201).at("/id")
    }

    pub async fn chat(&self, model: &str) -> Whole {
        self.ask(&hello(model)).await
    }

    pub async fn ask(&self, body: &Value) -> Whole {
        self.app.chat(&self.key, body).await
    }

    /// With headers of the caller's.
    pub async fn ask_with(&self, body: &Value, headers: &[(&str, &str)]) -> Whole {
        let call = self.app.api.post("/v1/chat/completions", body).bearer(&self.key);
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).whole().await
    }

    pub async fn explain(&self, body: &Value) -> Value {
        self.explain_as(&self.key, body).await
    }

    pub async fn explain_as(&self, key: &str, body: &Value) -> Value {
        self.app.api.post("/v1/route:explain", body).bearer(key).whole().await.expect(200).json()
    }

    /// What is explained, shown as `called` shows it.
    pub async fn candidates(&self, explanation: &Value) -> Vec<String> {
        let rows = self.keys().await;
        let candidates = explanation["candidates"].as_array().expect("candidates").iter();
        let shown = candidates.map(|candidate| {
            // The operator's keys are not named to tenants; here they are all called the same.
            let is_meant = |row: &&ProviderKeyRow| match candidate["provider_key"].as_str() {
                Some(id) => row.id.to_string() == id,
                None => {
                    candidate["payer"] == "platform"
                        && row.label.as_deref() == Some("pool")
                        && candidate["provider"] == row.provider.as_str()
                }
            };
            let row = rows.iter().find(is_meant).expect("a known key");
            let provider = row.name.as_deref().or(candidate["provider"].as_str());
            shown(provider.expect("a provider"), &candidate["model"], row.label.as_deref())
        });
        shown.collect()
    }

    /// The calls since the last time that somebody looked, as `provider/model label`.
    pub fn called(&self) -> Vec<String> {
        let mut told = self.told.lock().expect("nobody panics with it");
        let requests = self.fake.requests();
        let new = requests[*told..].iter().map(|request| {
            let provider = request.path().split('/').nth(1).expect("a path");
            shown(provider, &model_of(request), label_of(request).as_deref())
        });
        let new = new.collect();
        *told = requests.len();
        new
    }

    /// Every provider key there is, the operator's among them.
    async fn keys(&self) -> Vec<ProviderKeyRow> {
        let mut rows = Vec::new();
        for workspace in [self.owner.workspace.parse().expect("an id"), WorkspaceId::NIL] {
            let workspace = self.app.app.store().workspace(workspace);
            rows.extend(workspace.provider_keys().await.expect("read"));
        }
        rows
    }

    pub async fn id(&self, label: &str) -> ProviderKeyId {
        let rows = self.keys().await;
        rows.iter().find(|row| row.label.as_deref() == Some(label)).expect("a key").id
    }

    /// Spoils what is stored of a key, so that it does not open any more.
    pub async fn spoil(&self, label: &str) {
        let id = self.id(label).await;
        let mut write = self.app.app.store().write().await.expect("a write");
        let mut inside = write.workspace(self.owner.workspace.parse().expect("an id"));
        let mut row = inside.touch_provider_key(id).await.expect("read").expect("a key");
        row.sealed_version += 1;
        inside.save_provider_key(&row).await.expect("saved");
        write.commit(model::Clock::now(&self.app.clock)).await.expect("committed");
    }

    /// Has the next answer say that nothing is left of the rate limits of its key for this minute.
    pub fn next_is_the_last(&self) {
        let limits = RateLimits { reset_requests: "30s", ..RateLimits::remaining(0, 9_000) };
        self.fake.next(Reply::standard().with_rate_limits(limits));
    }

    /// So many calls are refused for a reason that says nothing of the next one.
    pub fn next_fail(&self, count: usize) {
        for _ in 0..count {
            self.fake.next(limited());
        }
    }
}

/// A 429 that names no time to wait: the key is not rested for it, and not asked again.
pub fn limited() -> Reply {
    Reply::openai_error(429, "requests", Some("rate_limit_exceeded"), "slow down")
}

pub fn failed() -> Reply {
    Reply::openai_error(500, "server_error", None, "it is us")
}

/// A chat request with more in it.
pub fn asking(model: &str, more: Value) -> Value {
    joined(hello(model), more)
}

pub fn routed(model: &str, routing: Value) -> Value {
    asking(model, json!({ "routing": routing }))
}

pub fn joined(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    body.as_object_mut().expect("an object").extend(more);
    body
}

/// Nobody is asked whether it is good, so that the calls are those of inference alone.
fn provider_key(provider: &str, label: &str, more: Value) -> Value {
    let body = json!({
        "provider": provider, "api_key": format!("sk-{label}-0123456789"), "label": label,
        "validate_before_save": false,
    });
    joined(body, more)
}

fn shown(provider: &str, model: &Value, label: Option<&str>) -> String {
    let model = model.as_str().unwrap_or("-");
    format!("{provider}/{model} {}", label.unwrap_or("-"))
}

fn model_of(request: &SeenRequest) -> Value {
    match request.path().rsplit_once("/models/") {
        Some((_, rest)) => rest.split(':').next().into(),
        None => serde_json::from_slice(&request.body)
            .map_or(Value::Null, |it: Value| it["model"].clone()),
    }
}

fn label_of(request: &SeenRequest) -> Option<String> {
    let (label, _) = request.key()?.strip_prefix("sk-")?.rsplit_once('-')?;
    Some(label.to_owned())
}
