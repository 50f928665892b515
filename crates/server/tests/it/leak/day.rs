//! A day full of mishaps: people sign in, keys come and are refused, applications ask, the provider fails them in every way.

mod astray;
mod chats;
mod keys;
mod secrets;

use std::fs;
use std::time::Duration;

use serde_json::json;
use server::config::{Hidden, Layer};
use testkit::app::EMAIL;
use testkit::canary::Canaries;
use testkit::fake::FakeProvider;
use testkit::http::{Call, Client, Whole};
use testkit::{Backend, Options, TestApp};

use super::ears::Ears;
use super::master_keys::MasterKeys;
use super::sinks::{Evidence, Logs, MASTER_KEY_FILE, dump, files};

pub use secrets::Secrets;

/// What is left of it, and what must not be found there. `None` where the database is missing, which has been said by then.
pub async fn spend(backend: Backend, seed: u64) -> Option<(Evidence, Canaries)> {
    let logs = Logs::start();
    let fake = FakeProvider::start().await;
    let secrets = Secrets::new(seed);
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
    let options = Options { backend, providers, layer, ..Options::default() };
    let mut app = TestApp::start_with(options).await?;
    // Started anew with a set-up token of ours.
    app.config.setup_token = Some(Hidden::new(secrets.setup_token.clone()));
    let app = app.restart().await;
    let mut master_keys = MasterKeys::default();
    match fs::read_to_string(app.config.data_dir.join(MASTER_KEY_FILE)) {
        Ok(text) => master_keys.read(&text),
        Err(_) => master_keys.read(testkit::app::TEST_MASTER_KEY),
    }

    let mut day = Day::new(&app, &fake, secrets);
    day.people().await;
    day.provider_keys().await;
    day.refused_keys().await;
    day.unreadable_keys().await;
    day.chats().await;
    day.provider_failures().await;
    day.broken_streams().await;
    day.wrong_places().await;
    day.lists().await;
    let Day { secrets, ears, .. } = day;

    let mut kept = files(&app.config.data_dir);
    let dump = if backend == Backend::Postgres { dump(&app) } else { None };
    let TestApp { app, folder, .. } = app;
    assert!(app.stop(Duration::from_secs(10)).await, "every request finished");
    kept.extend(files(&folder.path().join("data")));
    let canaries = ears.hidden(master_keys.hidden(secrets.canaries()));
    let evidence = Evidence { answers: ears.answers, log: logs.so_far(), files: kept, dump };
    Some((evidence, canaries))
}

/// What is done, and what was heard.
struct Day<'a> {
    app: &'a TestApp,
    fake: &'a FakeProvider,
    secrets: Secrets,
    ears: Ears,
    session: String,
    workspace: String,
    project: String,
    gateway_key: String,
    /// Ids of the stored keys, in the order of `secrets.keys`.
    key_ids: Vec<String>,
}

impl<'a> Day<'a> {
    fn new(app: &'a TestApp, fake: &'a FakeProvider, secrets: Secrets) -> Self {
        let nothing = String::new;
        Self {
            app,
            fake,
            secrets,
            ears: Ears::default(),
            session: nothing(),
            workspace: nothing(),
            project: nothing(),
            gateway_key: nothing(),
            key_ids: Vec::new(),
        }
    }

    fn api(&self) -> &'a Client {
        &self.app.api
    }

    async fn hear(&mut self, name: &str, call: Call) -> Whole {
        self.ears.hear(name, call, None).await
    }

    async fn hear_token(&mut self, name: &str, call: Call, pointer: &'static str) -> Whole {
        self.ears.hear(name, call, Some((pointer, 1))).await
    }

    async fn people(&mut self) {
        let [password, wrong] = self.secrets.passwords.clone();
        let body = |token: &str, password: &str| json!({ "setup_token": token, "email": EMAIL, "password": password, "workspace": "a" });
        let bad = body(&self.secrets.refused[0], &wrong);
        self.hear("set-up with a wrong token", self.api().post("/v1/setup", &bad))
            .await
            .expect(401);
        let good = body(&self.secrets.setup_token, &password);
        let set_up = self.api().post("/v1/setup", &good);
        let made = self.hear_token("set-up", set_up, "/token").await.expect(201);
        self.workspace = made.at("/workspace/id");
        self.project = made.at("/project/id");
        self.hear("a second set-up", self.api().post("/v1/setup", &good)).await;

        let sign_in = |password: &str| {
            self.api().post("/v1/sessions", &json!({ "email": EMAIL, "password": password }))
        };
        let (right, wrong) = (sign_in(&password), sign_in(&wrong));
        self.hear("a wrong password", wrong).await.expect(401);
        let login = self.hear_token("signing in", right, "/token").await.expect(201);
        self.session = login.at("/token");
        let as_email = json!({ "email": password, "password": EMAIL });
        self.hear("a password as an address", self.api().post("/v1/sessions", &as_email)).await;
        let as_field = format!(r#"{{"email":"{EMAIL}","password":["{password}"]}}"#);
        let call = self.api().post("/v1/sessions", &json!(null));
        self.hear("a password in a list", call.body("application/json", as_field)).await;

        let path = format!("/api/v1/projects/{}/api-keys", self.project);
        let call = self.api().post(&path, &json!({ "name": "test" })).bearer(&self.session);
        self.gateway_key =
            self.hear_token("a gateway key", call, "/key").await.expect(201).at("/key");
    }

    async fn lists(&mut self) {
        let workspace = self.workspace.clone();
        for path in [
            "/v1/workspaces".to_owned(),
            format!("/v1/workspaces/{workspace}"),
            format!("/v1/workspaces/{workspace}/projects"),
            format!("/v1/workspaces/{workspace}/provider-keys"),
            format!("/v1/workspaces/{workspace}/api-keys"),
            format!("/api/v1/projects/{}/api-keys", self.project),
            "/healthz".to_owned(),
            "/readyz".to_owned(),
            "/metrics".to_owned(),
        ] {
            let call = self.api().get(&path).bearer(&self.session);
            self.hear(&path, call).await.expect(200);
        }
        for path in ["/v1/me", "/v1/models"] {
            let call = self.api().get(path).bearer(&self.gateway_key);
            self.hear(path, call).await.expect(200);
        }
        let call = self.api().delete("/v1/sessions/current").bearer(&self.session);
        self.hear("signing out", call).await.expect(204);
        let call = self.api().get("/v1/workspaces").bearer(&self.session);
        self.hear("a session that has ended", call).await.expect(401);
    }
}

const STATUSES: [u16; 22] = [
    300, 301, 302, 307, 308, 400, 401, 402, 403, 404, 405, 408, 409, 413, 418, 422, 429, 500, 502,
    503, 504, 529,
];
