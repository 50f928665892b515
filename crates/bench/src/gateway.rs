//! The gateway as a child process over a folder that outlives it: started, set up through its API, killed, started again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use model::clock::SystemClock;
use model::random::OsRandom;
use model::settings::{CapMode, CapPeriod};
use model::{Cap, CapScope, Clock, NodeId, PicoUsd};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use store::budget::{Budgets, Standing};
use store::system::AttemptRow;
use store::{Location, Store};
use tempfile::TempDir;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN, TEST_MASTER_KEY};
use testkit::http::Client;
use testkit::postgres::Postgres;
use testkit::process::{Ended, Program, Running};
use tokio::task::block_in_place;

use crate::proc::Process;

/// What this program is called when it is to be the gateway.
pub const NAME: &str = "keystile";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    Postgres,
    Sqlite,
}

/// One node's place: its data, its database, the provider it calls. No process yet.
pub struct Site {
    binary: PathBuf,
    data: PathBuf,
    location: Location,
    provider_url: String,
}

/// A node that runs.
pub struct Gateway {
    running: Running,
    pub url: String,
    /// From the start of the process until `/readyz` says yes.
    pub ready_after: Duration,
}

/// Of a gateway that is set up.
pub struct Owner {
    api: Client,
    pub session: String,
    /// The ids of the workspace and of its only project.
    pub workspace: String,
    pub project: String,
    /// The path of the project's gateway keys.
    keys: String,
}

/// As a gateway key is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spend {
    pub spent_micro_usd: Option<u64>,
    pub held_micro_usd: Option<u64>,
}

/// What every model of the run costs, in pico-USD a token.
#[derive(Clone, Copy)]
pub struct Price {
    pub input: u64,
    pub output: u64,
}

impl Price {
    pub fn of(&self, input_tokens: u64, output_tokens: u64) -> PicoUsd {
        let times = |price: u64, tokens: u64| i128::from(price).saturating_mul(i128::from(tokens));
        let input = times(self.input, input_tokens);
        PicoUsd(input.saturating_add(times(self.output, output_tokens)))
    }
}

impl Site {
    /// `None` where PostgreSQL is asked for and not installed, which has been said by then.
    pub async fn new(
        folder: &TempDir,
        database: Database,
        binary: Option<PathBuf>,
        provider_url: String,
    ) -> anyhow::Result<Option<Self>> {
        let data = folder.path().join("data");
        let location = match database {
            Database::Sqlite => Location::Sqlite { file: data.join("keystile.db") },
            Database::Postgres => {
                let Some(database) = Postgres::database().await else { return Ok(None) };
                Location::Postgres { url: database.url }
            }
        };
        let binary = match binary {
            Some(binary) => binary.canonicalize().context("--binary")?,
            None => {
                let link = folder.path().join(NAME);
                std::os::unix::fs::symlink(std::env::current_exe()?, &link)?;
                link
            }
        };
        Ok(Some(Self { binary, data, location, provider_url }))
    }

    /// Another node over the same database.
    pub fn beside(&self, name: &str) -> Self {
        Self {
            binary: self.binary.clone(),
            data: self.data.with_file_name(name),
            location: self.location.clone(),
            provider_url: self.provider_url.clone(),
        }
    }

    /// Returns once it is ready. Blocks.
    pub fn start(&self) -> anyhow::Result<Gateway> {
        let began = Instant::now();
        let running = self.spawn()?;
        let url = block_in_place(|| running.url());
        let mut gateway = Gateway { running, url, ready_after: Duration::ZERO };
        gateway.wait_ready()?;
        gateway.ready_after = began.elapsed();
        Ok(gateway)
    }

    /// Without waiting for anything.
    pub fn spawn(&self) -> anyhow::Result<Running> {
        let folder = self.data.parent().context("a data folder below another")?;
        let mut program = Program::new(&self.binary, folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data)
            .env("KEYSTILE_LOG", "warn")
            .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
            .env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", &self.provider_url);
        if let Location::Postgres { url } = &self.location {
            program = program.env("KEYSTILE_DATABASE_URL", url);
            program = program.env("KEYSTILE_MASTER_KEY", TEST_MASTER_KEY);
        }
        Ok(program.start())
    }

    pub const fn location(&self) -> &Location {
        &self.location
    }

    pub async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::connect(&self.location).await?)
    }

    /// Whether SQLite finds its file whole; PostgreSQL looks after itself.
    pub async fn is_whole(&self) -> anyhow::Result<bool> {
        let Location::Sqlite { file } = &self.location else { return Ok(true) };
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let said: Vec<String> =
            sqlx::query_scalar("pragma integrity_check").fetch_all(&mut connection).await?;
        Ok(said == ["ok"])
    }

    /// Of the key that paid for these rows, whose cap has no period.
    pub async fn standing(&self, rows: &[AttemptRow]) -> anyhow::Result<Standing> {
        let store = self.store().await?;
        let row = rows.first().context("the ledger is empty")?;
        let standing = standing(&store, row, Arc::new(SystemClock), CapPeriod::Never).await;
        store.close().await;
        standing
    }

    /// All there is, of every node.
    pub async fn ledger(&self) -> anyhow::Result<Vec<AttemptRow>> {
        let store = self.store().await?;
        let rows = store.system().latest_attempts(i64::MAX).await;
        store.close().await;
        Ok(rows?)
    }
}

impl Gateway {
    /// As a crash would: nothing is said to it, and nothing of it runs afterwards.
    pub fn kill(self) {
        block_in_place(|| {
            self.running.signal("KILL");
            self.running.ended(PATIENCE);
        });
    }

    /// Asked to stop: finishes what runs, drains what is written.
    pub fn stop(self) -> anyhow::Result<Ended> {
        let ended = block_in_place(|| self.running.stop());
        anyhow::ensure!(ended.status.success(), "the gateway did not stop well: {}", ended.stderr);
        Ok(ended)
    }

    pub fn process(&self) -> Process {
        Process::new(self.running.id())
    }

    pub fn wait_ready(&self) -> anyhow::Result<()> {
        let address = self.url.strip_prefix("http://").context("an http URL")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = match block_in_place(|| readiness(address)) {
                Ok(said) if said.starts_with("HTTP/1.1 200 ") => return Ok(()),
                Ok(said) => said,
                Err(error) => error.to_string(),
            };
            let has_time = Instant::now() < deadline;
            anyhow::ensure!(has_time, "the gateway does not become ready: {said}");
            std::thread::sleep(POLL);
        }
    }

    pub fn api(&self) -> Client {
        Client::new(self.url.clone())
    }
}

impl Owner {
    /// Of a gateway that has none: with a provider key that nobody probes, and a price for every model.
    pub async fn set_up(api: Client, models: &[String], price: Price) -> Self {
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "bench",
        });
        let made = api.post("/v1/setup", &body).whole().await.expect(201);
        let (session, project) = (made.at("/token"), made.at("/project/id"));
        let id = made.at("/workspace/id");
        let workspace = format!("/v1/workspaces/{id}");
        let body = json!({
            "provider": "openai", "api_key": "sk-bench-1234567890", "validate_before_save": false,
        });
        let call = api.post(&format!("{workspace}/provider-keys"), &body);
        call.bearer(&session).whole().await.expect(201);
        let one = json!({ "input_pico_usd": price.input, "output_pico_usd": price.output });
        let prices: serde_json::Map<_, _> =
            models.iter().map(|model| (format!("openai/{model}"), one.clone())).collect();
        let body = json!({ "price_overrides": prices });
        api.patch(&workspace, &body).bearer(&session).whole().await.expect(200);
        let keys = format!("/api/v1/projects/{project}/api-keys");
        Self { api, session, workspace: id, project, keys }
    }

    /// A gateway key with these members, and its id.
    pub async fn gateway_key(&self, body: &Value) -> (String, String) {
        let call = self.api.post(&self.keys, body).bearer(&self.session);
        let made = call.whole().await.expect(201);
        (made.at("/key"), made.at("/id"))
    }

    pub async fn patch_key(&self, id: &str, body: &Value) {
        let call = self.api.patch(&format!("{}/{id}", self.keys), body).bearer(&self.session);
        call.whole().await.expect(200);
    }
}

/// What the database has of a key's cap once no gateway runs, as a node without any part in it sees it.
pub async fn standing(
    store: &Store,
    row: &AttemptRow,
    clock: Arc<dyn Clock>,
    period: CapPeriod,
) -> anyhow::Result<Standing> {
    let node = NodeId::new(&*clock, &OsRandom);
    let scope = CapScope::GatewayKey(row.gateway_key);
    let cap = Cap { scope, amount: PicoUsd(0), period, mode: CapMode::Strict };
    let budgets = Budgets::new(store.clone(), node, clock, || 1);
    Ok(budgets.standing(row.workspace, &cap).await?)
}

/// What the key is told of its money, once nothing is held any more; or what is still held after a while.
pub async fn spend_at_rest(api: &Client, key: &str) -> Spend {
    let deadline = Instant::now() + AT_REST_WITHIN;
    loop {
        let me = api.get("/v1/me").bearer(key).whole().await.expect(200).json();
        let micro_usd = |name: &str| me.pointer(name).and_then(Value::as_u64);
        let spend = Spend {
            spent_micro_usd: micro_usd("/spend/spent_micro_usd"),
            held_micro_usd: micro_usd("/spend/held_micro_usd"),
        };
        if spend.held_micro_usd == Some(0) || Instant::now() > deadline {
            return spend;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// On a connection of its own, whoever answers.
/// What it says of itself, head and all.
fn readiness(address: &str) -> std::io::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut socket = std::net::TcpStream::connect(address)?;
    socket.set_read_timeout(Some(READY_MAX))?;
    write!(socket, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

const PATIENCE: Duration = Duration::from_secs(60);
const READY_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
const AT_REST_WITHIN: Duration = Duration::from_secs(15);
