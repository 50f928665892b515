//! One process of the gateway that can be killed and started anew, and the door that leads to it while it runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use testkit::http::{Call, Client, Whole};
use testkit::process::{Program, Running};

pub const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);

pub struct Node {
    pub door: Arc<Door>,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

/// Closed before its node is killed, so that whoever was inside knows why the answer broke off.
#[derive(Default)]
pub struct Door(Mutex<(u64, Option<Client>)>);

pub enum Answered {
    /// The node was killed while it answered.
    Cut,
    With(Whole),
}

impl Node {
    pub fn new(folder: &Path, environment: &[(&str, String)]) -> Self {
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self {
            door: Arc::default(),
            folder: folder.to_owned(),
            environment: environment.collect(),
            running: None,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Blocks until it serves, and says where.
    pub fn start(&mut self) -> String {
        let running = self.program().start();
        let url = running.url();
        self.door.open(Client::new(&url));
        self.running = Some(running);
        url
    }

    /// Waits until it has said this in its log.
    pub fn says(&self, wanted: &str) {
        self.running.as_ref().expect("a running node").stderr_with(wanted);
    }

    /// Why it does not serve.
    pub fn refuses_to_start(&mut self) -> String {
        let ended = self.program().start().ended(SOON);
        assert!(!ended.status.success(), "{}", ended.stdout);
        ended.stderr
    }

    fn program(&self) -> Program {
        let mut program = Program::new(KEYSTILE, &self.folder);
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        program.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data())
    }

    /// `kill -9`, which no process can prepare for.
    pub fn kill(&mut self) {
        self.door.close();
        let running = self.running.take().expect("a running node");
        running.signal("KILL");
        running.ended(SOON);
    }

    pub fn stop(&mut self) -> String {
        self.door.close();
        self.running.take().expect("a running node").stop().stderr
    }
}

impl Door {
    fn open(&self, client: Client) {
        self.0.lock().expect("nobody panics here").1 = Some(client);
    }

    fn close(&self) {
        let mut inside = self.0.lock().expect("nobody panics here");
        *inside = (inside.0 + 1, None);
    }

    fn enter(&self) -> Option<(u64, Client)> {
        let inside = self.0.lock().expect("nobody panics here");
        inside.1.clone().map(|client| (inside.0, client))
    }

    /// `None`: nobody is there now. `Err`: the connection broke, and nobody had been killed.
    pub async fn ask(
        &self,
        call: impl FnOnce(&Client) -> Call,
    ) -> Option<Result<Answered, String>> {
        let (kills, client) = self.enter()?;
        Some(match call(&client).try_whole().await {
            Ok(answer) => Ok(Answered::With(answer)),
            Err(_) if self.0.lock().expect("nobody panics here").0 != kills => Ok(Answered::Cut),
            Err(error) => Err(error),
        })
    }

    /// Asks again until somebody is there to answer.
    pub async fn answer(&self, call: impl Fn(&Client) -> Call) -> Whole {
        let asking = async {
            loop {
                match self.ask(&call).await {
                    Some(Ok(Answered::With(answer))) => return answer,
                    Some(Err(error)) => panic!("{error}"),
                    Some(Ok(Answered::Cut)) | None => tokio::time::sleep(POLL).await,
                }
            }
        };
        tokio::time::timeout(SOON, asking).await.expect("the node answers")
    }

    pub async fn get(&self, path: &str, token: &str) -> Value {
        self.answer(|api| api.get(path).bearer(token)).await.expect(200).json()
    }
}

/// Waits for what must come, and fails loudly if it does not.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let waited = tokio::time::timeout(SOON, looking).await;
    waited.unwrap_or_else(|_| panic!("not in {SOON:?}: {what}"))
}
