//! A gateway of a test's own, for what concerns all that is in one: its master key, the operator's keys, and answers
//! of a provider that no other test shares.

use serde_json::json;
use testkit::Backend;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::FakeProvider;
use testkit::http::Client;
use testkit::postgres::Postgres;
use testkit::process::{Program, Running};

use super::people::{Caller, api_keys};
use super::site::KEYSTILE;

pub const MASTER_KEY: &str = "9c4f1d0a7be35866d2e1f09a3b7c5d4e8f6071a2b3c4d5e6f708192a3b4c5d6e";

/// Where it keeps its data, and the OpenAI it calls.
pub struct Place {
    folder: tempfile::TempDir,
    database_url: Option<String>,
    pub fake: FakeProvider,
}

impl Place {
    /// `None` where the database is not installed, which has been said by then.
    pub async fn new(backend: Backend) -> Option<Self> {
        let database_url = match backend {
            Backend::Postgres => Some(Postgres::database().await?.url),
            Backend::Sqlite => None,
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self { folder, database_url, fake: FakeProvider::start().await })
    }

    pub fn start(&self, master_key: &str) -> Running {
        let data = self.folder.path().join("data");
        let mut program = Program::new(KEYSTILE, self.folder.path())
            .env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", self.fake.base_url())
            .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
            .env("KEYSTILE_MASTER_KEY", master_key);
        if let Some(url) = &self.database_url {
            program = program.env("KEYSTILE_DATABASE_URL", url);
        }
        program.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data).start()
    }
}

/// Who set it up, and the workspace and project that came with it.
pub struct Owner {
    api: Client,
    pub session: Caller,
    workspace: String,
    project: String,
}

impl Owner {
    pub async fn set_up(gateway: &Running) -> Self {
        let api = Client::new(gateway.url());
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
        });
        let made = api.post("/v1/setup", &body).whole().await.expect(201);
        Self {
            session: Caller::new(&api, &made.at("/token")),
            workspace: made.at("/workspace/id"),
            project: made.at("/project/id"),
            api,
        }
    }

    pub fn provider_keys(&self) -> String {
        format!("/v1/workspaces/{}/provider-keys", self.workspace)
    }

    /// For OpenAI: the path of a key that is kept.
    pub async fn add_provider_key(&self, key: &str) -> String {
        let body = json!({ "provider": "openai", "api_key": key });
        let made = self.session.post(&self.provider_keys(), body).await.expect(201);
        format!("{}/{}", self.provider_keys(), made.at("/id"))
    }

    pub async fn application(&self) -> Caller {
        let made = self.session.post(&api_keys(&self.project), json!({ "name": "app" })).await;
        Caller::new(&self.api, &made.expect(201).at("/key"))
    }
}
