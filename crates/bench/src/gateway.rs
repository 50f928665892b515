//! The gateway as a child process over a folder that outlives it: started, set up through its API, killed, started again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Value, json};
use store::system::AttemptRow;
use store::{Location, Store};
use tempfile::TempDir;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN, TEST_MASTER_KEY};
use testkit::http::Client;
use testkit::postgres::Postgres;
use testkit::process::{Ended, Program, Running};
use tokio::task::block_in_place;

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

/// A gateway that is set up: what its owner holds.
pub struct Owner {
    pub session: String,
    pub workspace: String,
    project: String,
}

/// What every model of the run costs, in pico-USD a token.
#[derive(Clone, Copy)]
pub struct Price {
    pub input: u64,
    pub output: u64,
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

    pub async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::connect(&self.location).await?)
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

    pub fn wait_ready(&self) -> anyhow::Result<()> {
        let address = self.url.strip_prefix("http://").context("an http URL")?;
        let deadline = Instant::now() + PATIENCE;
        while !block_in_place(|| is_ready(address)) {
            anyhow::ensure!(Instant::now() < deadline, "the gateway does not become ready");
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// An owner, a provider key that nobody probes, and a price for every model.
    pub async fn set_up(&self, models: &[String], price: Price) -> Owner {
        let api = self.api();
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "bench",
        });
        let made = api.post("/v1/setup", &body).whole().await.expect(201);
        let owner = Owner {
            session: made.at("/token"),
            workspace: made.at("/workspace/id"),
            project: made.at("/project/id"),
        };
        let workspace = format!("/v1/workspaces/{}", owner.workspace);
        let body = json!({
            "provider": "openai", "api_key": "sk-bench-1234567890", "validate_before_save": false,
        });
        let call = api.post(&format!("{workspace}/provider-keys"), &body);
        call.bearer(&owner.session).whole().await.expect(201);
        let one = json!({ "input_pico_usd": price.input, "output_pico_usd": price.output });
        let prices: serde_json::Map<_, _> =
            models.iter().map(|model| (format!("openai/{model}"), one.clone())).collect();
        let body = json!({ "price_overrides": prices });
        api.patch(&workspace, &body).bearer(&owner.session).whole().await.expect(200);
        owner
    }

    /// A gateway key, and its id.
    pub async fn gateway_key(&self, owner: &Owner, body: &Value) -> (String, String) {
        let path = format!("/api/v1/projects/{}/api-keys", owner.project);
        let made = self.api().post(&path, body).bearer(&owner.session).whole().await.expect(201);
        (made.at("/key"), made.at("/id"))
    }

    pub async fn patch_key(&self, owner: &Owner, id: &str, body: &Value) {
        let path = format!("/api/v1/projects/{}/api-keys/{id}", owner.project);
        self.api().patch(&path, body).bearer(&owner.session).whole().await.expect(200);
    }

    pub fn api(&self) -> Client {
        Client::new(self.url.clone())
    }
}

/// On a connection of its own, whoever answers.
fn is_ready(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let ask = || -> std::io::Result<bool> {
        let mut socket = std::net::TcpStream::connect(address)?;
        socket.set_read_timeout(Some(READY_MAX))?;
        write!(socket, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    };
    ask().unwrap_or(false)
}

const PATIENCE: Duration = Duration::from_secs(60);
const READY_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
