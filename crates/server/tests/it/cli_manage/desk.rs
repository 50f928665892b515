//! A gateway as a process, set up, with a provider behind it; and people who sit before it, each with a home of their own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fake::FakeProvider;
use testkit::http::Client;
use testkit::process::{Ended, Program, Running};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const SETUP_TOKEN: &str = "a-set-up-token-of-ours";
pub const EMAIL: &str = "owner@example.com";
pub const PASSWORD: &str = "correct horse battery staple";
pub const PROVIDER_KEY: &str = "sk-good-0123456789abcdefghijklmnop";

pub struct Desk {
    pub fake: FakeProvider,
    /// The owner's first session; those who sign in get others.
    pub session: String,
    pub workspace: String,
    url: String,
    gateway: Mutex<Option<Running>>,
    people: AtomicUsize,
    folder: TempDir,
}

/// Somebody with a home and no environment to speak of.
pub struct Person {
    pub home: PathBuf,
}

impl Desk {
    pub async fn open() -> Self {
        let fake = FakeProvider::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut program = Program::new(KEYSTILE, folder.path())
            .args(["--listen", "127.0.0.1:0", "--data-dir", "data"])
            .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
            .env("KEYSTILE_KEY_OPERATIONS_PER_MINUTE", "1000");
        for provider in ["OPENAI", "ANTHROPIC", "GEMINI", "GROQ"] {
            let name = format!("KEYSTILE_PROVIDER_{provider}_BASE_URL");
            program = program.env(name, fake.base_url());
        }
        let gateway = program.start();
        let url = gateway.url();
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
        });
        let made = Client::new(&url).post("/v1/setup", &body).whole().await.expect(201);
        Self {
            fake,
            session: made.at("/token"),
            workspace: made.at("/workspace/id"),
            url,
            gateway: Mutex::new(Some(gateway)),
            people: AtomicUsize::new(0),
            folder,
        }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Signed in.
    pub fn owner(&self) -> Person {
        let owner = self.stranger();
        owner.log_in(&self.url, PASSWORD).well();
        owner
    }

    /// Not signed in.
    pub fn stranger(&self) -> Person {
        let number = self.people.fetch_add(1, Ordering::Relaxed);
        let home = self.folder.path().join(format!("home-{number}"));
        std::fs::create_dir(&home).expect("a home");
        Person { home }
    }

    /// Somebody invited by `host`, and signed in.
    pub async fn member(&self, host: &Person, role: &str) -> Person {
        let invite = ["members", "invite", "somebody@example.com", "--role", role];
        let link = only_line(&host.run(&invite, "").well());
        let member = self.stranger();
        let accept = member.keystile(&["invitations", "accept", "--url", &self.url]);
        accept.run(&format!("{link}\n{PASSWORD}\n")).well();
        member
    }

    pub fn close(&self) {
        drop(self.gateway.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Person {
    pub fn keystile(&self, args: &[&str]) -> Program {
        Program::new(KEYSTILE, &self.home).env("HOME", &self.home).args(args)
    }

    pub fn run(&self, args: &[&str], stdin: &str) -> Ended {
        self.keystile(args).run(stdin)
    }

    pub fn log_in(&self, url: &str, password: &str) -> Ended {
        self.run(&["login", "--url", url, "--email", EMAIL, "--password-stdin"], password)
    }

    pub fn credentials(&self) -> PathBuf {
        self.home.join(".config/keystile/credentials.json")
    }

    /// The session that is kept for a context, if there is one.
    pub fn kept(&self, context: &str) -> Option<String> {
        let kept = json_of(&read(&self.credentials()));
        kept["contexts"][context]["token"].as_str().map(str::to_owned)
    }

    pub fn token(&self, context: &str) -> String {
        self.kept(context).expect("a session")
    }
}

pub fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("a file")
}

#[track_caller]
pub fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}

#[track_caller]
pub fn only_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let [line] = lines.as_slice() else { panic!("not one line: {text}") };
    (*line).to_owned()
}
