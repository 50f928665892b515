//! The real gateway on a real socket, over SQLite or PostgreSQL, in front of a fake provider.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::upstream::{Resolve, SystemResolver};
use model::random::OsRandom;
use model::{BaseUrl, RequestId};
use serde_json::{Value, json};
use server::boot::Ambient;
use server::config::{Hidden, Layer};
use server::{App, Config};
use store::system::AttemptRow;
use tempfile::TempDir;

use crate::clock::ManualClock;
use crate::fake::FakeProvider;
use crate::http::{Client, Whole};
use crate::postgres::Postgres;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Postgres,
    Sqlite,
}

pub struct TestApp {
    pub app: App,
    pub api: Client,
    pub clock: ManualClock,
    pub config: Config,
    /// Removed last.
    pub folder: TempDir,
}

/// A gateway that is set up: an owner, a workspace, a project.
pub struct Owner {
    pub session: String,
    pub workspace: String,
    pub project: String,
}

/// What a test may ask for beyond the usual.
pub struct Options {
    pub backend: Backend,
    /// Providers and where they are now, as in `KEYSTILE_PROVIDER_<ID>_BASE_URL`.
    pub providers: Vec<(String, String)>,
    pub resolver: Arc<dyn Resolve>,
    pub layer: Layer,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backend: Backend::Sqlite,
            providers: Vec::new(),
            resolver: Arc::new(SystemResolver),
            layer: Layer::default(),
        }
    }
}

pub const SETUP_TOKEN: &str = "test-setup-token";
pub const EMAIL: &str = "owner@example.com";
pub const PASSWORD: &str = "correct horse battery staple";
/// 2026-11-21, noon.
const STARTED_AT_MS: i64 = 1_795_262_400_000;
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

impl TestApp {
    /// On SQLite, with OpenAI moved to the fake.
    pub async fn start(fake: &FakeProvider) -> Self {
        let started = Self::start_on(Backend::Sqlite, fake).await;
        started.expect("SQLite is always there")
    }

    /// `None` where the database's programs are missing, which has been said by then.
    pub async fn start_on(backend: Backend, fake: &FakeProvider) -> Option<Self> {
        let providers = vec![("openai".to_owned(), fake.base_url())];
        Self::start_with(Options { backend, providers, ..Options::default() }).await
    }

    pub async fn start_with(options: Options) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut layer = options.layer;
        layer.data_dir = Some(folder.path().join("data"));
        layer.listen = Some("127.0.0.1:0".to_owned());
        layer.setup_token = Some(SETUP_TOKEN.to_owned());
        if options.backend == Backend::Postgres {
            if layer.database_url.is_none() {
                layer.database_url = Some(Postgres::database().await?.url);
            }
            layer.master_key = Some(TEST_MASTER_KEY.to_owned());
        }
        let mut config = Config::resolve(layer).expect("a test's configuration is sound");
        let urls = options
            .providers
            .iter()
            .map(|(name, url)| (name.clone(), BaseUrl::parse(url).expect("a test's base URL")));
        config.provider_base_urls = urls.collect();
        Some(Self::boot(config, options.resolver, folder).await)
    }

    async fn boot(config: Config, resolver: Arc<dyn Resolve>, folder: TempDir) -> Self {
        let clock = ManualClock::at(STARTED_AT_MS);
        let ambient = Ambient {
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            resolver,
            password_strength: control::Strength::Testing,
        };
        let app = App::start(&config, ambient).await.expect("the gateway starts");
        let api = Client::new(format!("http://{}", app.address));
        Self { app, api, clock, config, folder }
    }

    /// Stops in order, and starts again over the same data.
    pub async fn restart(self) -> Self {
        let Self { app, config, folder, .. } = self;
        assert!(app.stop(Duration::from_secs(10)).await, "every request finished");
        Self::boot(config, Arc::new(SystemResolver), folder).await
    }

    pub const fn address(&self) -> SocketAddr {
        self.app.address
    }

    pub async fn set_up(&self) -> Owner {
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
        });
        let made = self.api.post("/v1/setup", &body).whole().await.expect(201);
        Owner {
            session: made.at("/token"),
            workspace: made.at("/workspace/id"),
            project: made.at("/project/id"),
        }
    }

    /// Set up, with a provider key stored and a gateway key made: ready to chat.
    pub async fn ready(&self, provider_key: &str) -> (Owner, String) {
        let owner = self.set_up().await;
        self.add_provider_key(&owner, &json!({ "provider": "openai", "api_key": provider_key }))
            .await
            .expect(201);
        let key = self.gateway_key(&owner, &json!({ "name": "test" })).await.expect(201).at("/key");
        (owner, key)
    }

    pub async fn add_provider_key(&self, owner: &Owner, body: &Value) -> Whole {
        let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
        self.api.post(&path, body).bearer(&owner.session).whole().await
    }

    pub async fn gateway_key(&self, owner: &Owner, body: &Value) -> Whole {
        let path = format!("/api/v1/projects/{}/api-keys", owner.project);
        self.api.post(&path, body).bearer(&owner.session).whole().await
    }

    pub async fn chat(&self, key: &str, body: &Value) -> Whole {
        self.api.post("/v1/chat/completions", body).bearer(key).whole().await
    }

    /// The ledger's rows of one request, once all of them are settled.
    pub async fn attempts_of(&self, answer: &Whole) -> Vec<AttemptRow> {
        let id = answer.header("x-keystile-request-id").expect("every answer has a request id");
        let id: RequestId = id.parse().expect("a request id");
        self.settled(move |store| async move { store.system().attempts(id).await }).await
    }

    /// The same where more than one attempt is to come.
    pub async fn attempts_made(&self, answer: &Whole, count: usize) -> Vec<AttemptRow> {
        let id = answer.header("x-keystile-request-id").expect("every answer has a request id");
        let id: RequestId = id.parse().expect("a request id");
        let rows = self.settled(move |store| async move {
            let rows = store.system().attempts(id).await?;
            Ok(if rows.len() < count { Vec::new() } else { rows })
        });
        rows.await
    }

    /// The newest `count` rows of the ledger, once there are that many and all are settled.
    pub async fn attempts(&self, count: usize) -> Vec<AttemptRow> {
        let wanted = i64::try_from(count).expect("a small number");
        let rows = self.settled(move |store| async move {
            let rows = store.system().latest_attempts(wanted).await?;
            Ok(if rows.len() < count { Vec::new() } else { rows })
        });
        rows.await
    }

    /// The ledger follows the journal: waits for what must come, and fails loudly if it does not.
    async fn settled<F, R>(&self, read: F) -> Vec<AttemptRow>
    where
        F: Fn(store::Store) -> R,
        R: Future<Output = Result<Vec<AttemptRow>, store::StoreError>>,
    {
        let store = self.app.store().clone();
        let all_settled = async {
            loop {
                let rows = read(store.clone()).await.expect("the ledger can be read");
                if !rows.is_empty() && rows.iter().all(|row| row.state != "open") {
                    return rows;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(SETTLED_WITHIN, all_settled).await;
        waited.expect("the attempts are settled in the ledger")
    }

    pub fn database_url(&self) -> Option<&Hidden> {
        self.config.database_url.as_ref()
    }
}

/// Any 32 random bytes.
pub const TEST_MASTER_KEY: &str =
    "9c4f1d0a7be35866d2e1f09a3b7c5d4e8f6071a2b3c4d5e6f708192a3b4c5d6e";

/// A chat request as most tests want it.
pub fn hello(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }] })
}
