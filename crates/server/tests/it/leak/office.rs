//! Everybody who manages keys, for a day: each operation is used as it is meant, then as nobody should, by every kind of
//! caller; and the master key changes while requests go on.

mod draft;
mod gateway_keys;
mod matrix;
mod members;
mod news;
mod operations;
mod over_http2;
mod people;
mod provider_keys;
mod rotation;
mod samples;
mod secrets;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use server::config::{Hidden, Layer};
use testkit::app::TEST_MASTER_KEY;
use testkit::canary::Canaries;
use testkit::fake::{FakeProvider, Reply};
use testkit::http::Whole;
use testkit::{Backend, Options, TestApp};

use super::book::Book;
use super::ears::{Ears, Shown};
use super::master_keys::MasterKeys;
use super::sinks::{Evidence, Logs, MASTER_KEY_FILE, dump, files};
use draft::Draft;
use people::Who;

/// What the day leaves behind.
pub struct Left {
    pub evidence: Evidence,
    /// Must be in none of it.
    pub secrets: Canaries,
    /// People's own words: kept where they belong, and never logged.
    pub words: Canaries,
    pub calls: usize,
    pub operations: usize,
    pub master_keys: usize,
    /// Removed last.
    pub folder: tempfile::TempDir,
}

struct Office {
    app: TestApp,
    openai: FakeProvider,
    /// Plays every other provider, and takes any key.
    others: FakeProvider,
    /// Where webhooks go.
    listener: FakeProvider,
    book: Book,
    ears: Ears,
    tokens: BTreeMap<Who, String>,
    /// What the parameters of paths stand for below a family of routes, unless a call says otherwise.
    ids: BTreeMap<(&'static str, &'static str), String>,
    key_file: PathBuf,
}

/// In every path.
const ANYWHERE: &str = "";
/// After which more passwords may be tried.
const MINUTE: Duration = Duration::from_secs(61);
/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(20);

/// `None` where the database is missing, which has been said by then.
pub async fn spend(backend: Backend, seed: u64) -> Option<Left> {
    let logs = Logs::start();
    let mut office = Office::open(backend, seed).await?;
    office.provider_keys().await;
    office.byok_keys().await;
    office.platform_keys().await;
    office.secrets().await;
    office.assistants().await;
    office.uploads().await;
    office.members().await;
    office.gateway_keys().await;
    office.news().await;
    let mut kept = files(&office.app.config.data_dir);
    let operations = office.everybody_tries_everything().await;
    office.over_http2().await;
    office.rotation().await;
    office.look_around().await;
    kept.extend(files(&office.app.config.data_dir));

    let Office { app, book, ears, key_file, listener, .. } = office;
    let dump = if backend == Backend::Postgres { dump(&app) } else { None };
    let mut master_keys = MasterKeys::default();
    master_keys.read(&fs::read_to_string(&key_file).expect("the key file"));
    let TestApp { app, folder, .. } = app;
    assert!(app.stop(SOON).await, "every request finished");
    kept.extend(files(&folder.path().join("data")));
    let secrets = master_keys.hidden(ears.hidden(book.secrets()));
    let mut answers = ears.answers;
    let calls = answers.len();
    answers.extend(listener.requests().iter().map(|post| news::posted(&book, post)));
    let evidence = Evidence { answers, log: logs.so_far(), files: kept, dump };
    let (words, master_keys) = (book.words(), master_keys.len());
    Some(Left { evidence, secrets, words, calls, operations, master_keys, folder })
}

impl Office {
    async fn open(backend: Backend, seed: u64) -> Option<Self> {
        let (openai, others) = (FakeProvider::start().await, FakeProvider::start().await);
        let listener = FakeProvider::start().await;
        others.always_probe(Reply::json(&serde_json::json!({ "object": "list", "data": [] })));
        let rules = [others.port(), listener.port()].map(|port| format!("127.0.0.1/32:{port}"));
        let mut layer = Layer {
            egress_allow: Some(rules.to_vec()),
            key_operations_per_minute: Some(10_000),
            vault_reseal_pause_ms: Some(0),
            ..Layer::default()
        };
        layer.journal.sync = Some("never".to_owned());
        let at = |name: &str, fake: &FakeProvider| (name.to_owned(), fake.base_url());
        let providers = vec![
            at("openai", &openai),
            at("groq", &openai),
            at("anthropic", &others),
            at("gemini", &others),
        ];
        let options = Options { backend, providers, layer, ..Options::default() };
        let mut app = TestApp::start_with(options).await?;
        let mut book = Book::new(seed);
        // Started anew with a set-up token of ours, and a master key where a rotation finds the next.
        app.config.setup_token = Some(Hidden::new(book.secret("the set-up token")));
        let mut key_file = app.config.data_dir.join(MASTER_KEY_FILE);
        if backend == Backend::Postgres {
            key_file = app.folder.path().join("keys");
            write_private(&key_file, &format!("1:{TEST_MASTER_KEY}\n"));
            app.config.master_key_file = Some(key_file.clone());
        }
        let app = app.restart().await;
        let (ears, tokens, ids) = (Ears::default(), BTreeMap::new(), BTreeMap::new());
        let mut office = Self { app, openai, others, listener, book, ears, tokens, ids, key_file };
        office.people().await;
        Some(office)
    }

    /// As it is meant; `bend` says what is particular.
    async fn ask(&mut self, who: Who, operation: &str, bend: impl FnOnce(Draft) -> Draft) -> Whole {
        let draft = bend(Draft::new(operation));
        self.send(who, operation, &format!("{operation} as {who:?}"), draft).await
    }

    async fn ask_json(&mut self, who: Who, operation: &str, body: &Value) -> Whole {
        self.ask(who, operation, |draft| draft.json(body)).await
    }

    async fn send(&mut self, who: Who, operation: &str, name: &str, draft: Draft) -> Whole {
        let draft = self.addressed(operation, draft);
        let call = draft.call(&self.app.api, self.tokens.get(&who).map(String::as_str));
        let whole = self.ears.hear(name, call, shown(operation)).await;
        self.ears.reword(|answer| self.book.without_words(answer));
        whole
    }

    /// With the ids of what is here in the places that are still open.
    fn addressed(&self, operation: &str, mut draft: Draft) -> Draft {
        for ((family, parameter), value) in &self.ids {
            if operation.contains(family) {
                draft = draft.with(parameter, value);
            }
        }
        match draft.headers.iter().any(|(name, _)| *name == "x-tenant-id") {
            true => draft,
            false => draft.header("x-tenant-id", &self.ids[&(ANYWHERE, "workspace")]),
        }
    }

    fn know(&mut self, family: &'static str, parameter: &'static str, value: String) {
        self.ids.insert((family, parameter), value);
    }

    fn hold(&mut self, who: Who, token: String) {
        self.tokens.insert(who, token);
    }
}

/// Where a good answer shows a secret by design: nowhere but here.
fn shown(operation: &str) -> Option<Shown> {
    match operation {
        "POST /v1/invitations/{token}" | "POST /v1/sessions" | "POST /v1/setup" => {
            Some(("/token", 1))
        }
        "POST /v1/workspaces/{workspace}/members" => Some(("/token", 2)),
        "POST /v1/operator/workspaces" => Some(("/invitation/token", 2)),
        "POST /mcp for a link" => Some(("/result/structuredContent/upload_link", 2)),
        _ if operation.ends_with("/api-keys") && operation.starts_with("POST ") => {
            Some(("/key", 1))
        }
        _ if operation.ends_with("/rotate") && operation.contains("/api-keys/") => {
            Some(("/key", 1))
        }
        _ => None,
    }
}

fn write_private(file: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, text).expect("a key file");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
}
