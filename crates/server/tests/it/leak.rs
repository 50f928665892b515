//! What is secret stays secret: canaries go through everything that can go right or wrong, and then no answer, no log
//! line at any level, no file in the data folder and no dump of the database shows any of them in any spelling.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::Method;
use model::random::Random as _;
use serde_json::{Value, json};
use server::config::Hidden;
use testkit::app::EMAIL;
use testkit::canary::Canaries;
use testkit::fake::{FakeProvider, Reply, Step, split_at};
use testkit::http::{Call, Client, Whole};
use testkit::random::SeededRandom;
use testkit::skip::skipped;
use testkit::{Backend, Options, TestApp, hello};

#[tokio::test]
async fn no_secret_shows_anywhere_with_sqlite() {
    let story = Story::of(Backend::Sqlite, 1).await.expect("SQLite is always there");

    story.check();
}

#[tokio::test]
async fn no_secret_shows_anywhere_with_postgresql() {
    if let Some(story) = Story::of(Backend::Postgres, 2).await {
        story.check();
    }
}

/// The scan that finds nothing above finds what is put into each kind of sink.
#[tokio::test]
async fn the_scan_finds_what_is_planted_in_each_sink() {
    let fake = FakeProvider::start().await;
    let logs = Logs::start();
    let app = TestApp::start(&fake).await;
    let secrets = Secrets::new(3);
    let [key, ..] = &secrets.keys;
    let canaries = secrets.canaries();

    // A log line of a library, four levels below what is logged by default.
    tracing::trace!(target: "h2::codec", "sending {key}");
    let found = canaries.scan("the log", &logs.since(0));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("the log shows provider key 0 (raw)"), "{found:?}");

    // A row: a label is kept as it is. And an answer that shows it.
    let (owner, _) = app.ready("sk-good-1234567890").await;
    let body = json!({ "provider": "openai", "api_key": "sk-good-1234567890", "label": key });
    let answer = app.add_provider_key(&owner, &body).await.expect(201);
    let found = canaries.scan("an answer", &heard(&answer));
    assert!(found[0].starts_with("an answer shows provider key 0"), "{found:?}");

    // A file, with a part of the next secret in base64.
    let folder = app.config.data_dir.clone();
    let part = testkit::canary::base64(&secrets.keys[1].as_bytes()[9..30]);
    fs::write(folder.join("journal").join("stray"), part).expect("a file in the data folder");
    assert!(app.app.stop(Duration::from_secs(10)).await);
    let mut found = scan_folder(&canaries, &folder);
    found.sort();
    assert!(found.iter().any(|hit| hit.starts_with("keystile.db")), "{found:?}");
    let stray = found.iter().find(|hit| hit.starts_with("journal/stray shows provider key 1"));
    assert!(stray.is_some_and(|hit| hit.contains("base64")), "{found:?}");
}

/// The same for the dump.
#[tokio::test]
async fn the_scan_finds_what_is_planted_in_a_dump() {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(Backend::Postgres, &fake).await else { return };
    let secrets = Secrets::new(4);
    let (owner, _) = app.ready("sk-good-1234567890").await;
    let label = &secrets.keys[2];
    let body = json!({ "provider": "openai", "api_key": "sk-good-1234567890", "label": label });
    app.add_provider_key(&owner, &body).await.expect(201);

    let Some(dump) = dump(&app) else { return };

    let found = secrets.canaries().scan("the dump", &dump);
    assert!(found.first().is_some_and(|hit| hit.contains("provider key 2")), "{found:?}");
}

const KEYS: usize = 64;
const PROMPTS: usize = 80;

/// Everything that is said to the gateway and that it must keep to itself.
struct Secrets {
    keys: [String; KEYS],
    /// Refused by their provider or unfit for one: in no case stored.
    refused: [String; KEYS],
    prompts: [String; PROMPTS],
    passwords: [String; 2],
    setup_token: String,
    /// What the gateway made and showed once.
    shown_once: Vec<String>,
    master_key: String,
}

impl Secrets {
    fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let text = |start: &str| format!("{start}{}", letters(&random, 44));
        let mut keys = std::array::from_fn(|_| text("sk-canary-"));
        // Some providers' keys have other alphabets, which every spelling treats differently.
        keys[3] = text("AIza/+=\"\\<&>'");
        keys[4] = format!("{}.{}", letters(&random, 40), letters(&random, 24));
        Self {
            keys,
            refused: std::array::from_fn(|_| text("sk-refused-")),
            prompts: std::array::from_fn(|_| text("prompt ")),
            passwords: std::array::from_fn(|_| text("password ")),
            setup_token: letters(&random, 40),
            shown_once: Vec::new(),
            master_key: letters(&random, 40),
        }
    }

    fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::new()
            .any_part("the set-up token", &self.setup_token)
            .any_part("the master key", &self.master_key);
        let kinds: [(&str, &[String]); 4] = [
            ("provider key", &self.keys),
            ("refused key", &self.refused),
            ("prompt", &self.prompts),
            ("password", &self.passwords),
        ];
        for (kind, texts) in kinds {
            for (number, text) in texts.iter().enumerate() {
                // The beginning is common to the kind; of a key up to eight characters may be shown.
                canaries = canaries.any_part(&format!("{kind} {number}"), text);
            }
        }
        for (number, token) in self.shown_once.iter().enumerate() {
            // All tokens begin alike, and a gateway key's beginning is shown in lists.
            let own = &token[token.len() - 28..];
            canaries = canaries.any_part(&format!("token {number}"), own);
        }
        canaries
    }
}

fn letters(random: &SeededRandom, count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}

/// What came of a day full of mishaps.
struct Story {
    secrets: Secrets,
    answers: Vec<(String, Vec<u8>)>,
    log: Vec<u8>,
    folder: tempfile::TempDir,
    dump: Option<Vec<u8>>,
}

impl Story {
    async fn of(backend: Backend, seed: u64) -> Option<Self> {
        let logs = Logs::start();
        let from = logs.written();
        let fake = FakeProvider::start().await;
        let mut secrets = Secrets::new(seed);
        let providers = vec![("openai".to_owned(), fake.base_url())];
        let options = Options { backend, providers, ..Options::default() };
        let mut app = TestApp::start_with(options).await?;
        // Started anew with a set-up token of ours.
        app.config.setup_token = Some(Hidden::new(secrets.setup_token.clone()));
        let app = app.restart().await;
        if let Ok(text) = fs::read_to_string(app.config.data_dir.join(MASTER_KEY_FILE)) {
            text.trim().clone_into(&mut secrets.master_key);
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
        let Day { secrets, answers, .. } = day;

        let dump = if backend == Backend::Postgres { dump(&app) } else { None };
        let TestApp { app, folder, .. } = app;
        assert!(app.stop(Duration::from_secs(10)).await, "every request finished");
        Some(Self { secrets, answers, log: logs.since(from), folder, dump })
    }

    fn check(&self) {
        let canaries = self.secrets.canaries();
        let folder = self.folder.path().join("data");
        let mut found = canaries.scan("the log", &self.log);
        for (name, bytes) in &self.answers {
            found.extend(canaries.scan(&format!("the answer to {name}"), bytes));
        }
        found.extend(scan_folder(&canaries, &folder));
        if let Some(dump) = &self.dump {
            found.extend(canaries.scan("the dump", dump));
        }

        assert!(found.is_empty(), "{} hits\n{}", found.len(), found.join("\n"));
        // Nothing was found because nothing is there, not because nobody looked.
        assert!(canaries.len() >= 200, "{} canaries", canaries.len());
        assert!(self.answers.len() >= 500, "{} answers", self.answers.len());
        let log = String::from_utf8_lossy(&self.log);
        for heard in ["TRACE", "sqlx::query", "gateway::attempt", "request.id"] {
            assert!(log.contains(heard), "the log has no {heard}");
        }
    }
}

const MASTER_KEY_FILE: &str = "master.key";

/// Every file under the folder but the one that is there to hold a secret.
fn scan_folder(canaries: &Canaries, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of ours") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != MASTER_KEY_FILE {
                files += 1;
                let bytes = fs::read(&path).expect("a file of ours");
                found.extend(canaries.scan(&name, &[name.as_bytes(), b"\n", &bytes].concat()));
            }
        }
    }
    assert!(files > 1, "a data folder holds files");
    found
}

/// Everything PostgreSQL keeps for us, as text: bytes come in hexadecimal.
fn dump(app: &TestApp) -> Option<Vec<u8>> {
    let url = app.database_url()?.reveal();
    let beside = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let beside = beside.map(|version| version.path().join("bin/pg_dump"));
    let program = beside.filter(|path| path.is_file()).max().unwrap_or(PathBuf::from("pg_dump"));
    let Ok(output) = Command::new(program).arg("--inserts").arg(url).output() else {
        skipped("PostgreSQL: no pg_dump");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() > 10_000, "a dump of all tables");
    Some(output.stdout)
}

/// What is done, and what was heard.
struct Day<'a> {
    app: &'a TestApp,
    fake: &'a FakeProvider,
    secrets: Secrets,
    answers: Vec<(String, Vec<u8>)>,
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
            answers: Vec::new(),
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

    /// Makes a call and keeps what was heard, also of an answer that broke off.
    async fn hear(&mut self, name: &str, call: Call) -> Whole {
        let mut answer = call.send().await;
        let mut body = Vec::new();
        while let Some(Ok(chunk)) = answer.chunk().await {
            body.extend_from_slice(&chunk);
        }
        let whole = Whole { status: answer.status, headers: answer.headers, body: body.into() };
        self.answers.push((name.to_owned(), heard(&whole)));
        whole
    }

    /// The same for an answer that shows a token, once and here only.
    async fn hear_token(&mut self, name: &str, call: Call, pointer: &str) -> Whole {
        let whole = self.hear(name, call).await;
        let token = whole.at(pointer);
        let (_, kept) = self.answers.last_mut().expect("just kept");
        *kept = String::from_utf8_lossy(kept).replacen(&token, "(shown once)", 1).into_bytes();
        self.secrets.shown_once.push(token);
        whole
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

    async fn add_key(&mut self, name: &str, body: Value) -> Whole {
        let path = format!("/v1/workspaces/{}/provider-keys", self.workspace);
        let call = self.api().post(&path, &body).bearer(&self.session);
        self.hear(name, call).await
    }

    async fn provider_keys(&mut self) {
        for (number, key) in self.secrets.keys.clone().iter().enumerate() {
            // Checked by a provider that says yes, by one that repeats it, by none at all.
            self.fake.next_probe(if number % 3 == 1 { Reply::echo() } else { Reply::standard() });
            let body = json!({
                "provider": "openai", "api_key": key, "validate_before_save": number % 3 != 2,
            });
            let added = self.add_key(&format!("key {number}"), body).await.expect(201);
            self.key_ids.push(added.at("/id"));
        }
        self.fake.always_probe(Reply::standard());
        let id = self.key_ids.pop().expect("a key");
        let path = format!("/v1/workspaces/{}/provider-keys/{id}", self.workspace);
        let call = self.api().delete(&path).bearer(&self.session);
        self.hear("a key's deletion", call).await.expect(204);
    }

    /// What the provider says of a refused key repeats all of it, also across the place where long words are cut.
    async fn refused_keys(&mut self) {
        let keys = self.secrets.refused.clone();
        let mut next = keys.iter().cycle();
        for (status, key) in STATUSES.into_iter().zip(next.by_ref()) {
            self.fake.always_probe(Reply::echo_error(status));
            let body = json!({ "provider": "openai", "api_key": key });
            self.add_key(&format!("a key answered with {status}"), body).await;
        }
        for (characters, key) in (445..500).step_by(3).zip(next) {
            let words = format!("{}{key}", "-".repeat(characters));
            self.fake.always_probe(Reply::openai_error(429, "rate_limit", None, &words));
            let body = json!({ "provider": "openai", "api_key": key });
            self.add_key(&format!("a key after {characters} characters"), body).await;
        }
        for (name, reply) in [
            ("quota", Reply::openai_error(429, "insufficient_quota", Some(&keys[1]), &keys[1])),
            ("a kind", Reply::openai_error(400, &keys[1], None, &keys[1])),
            ("a page", Reply::text(502, "text/html", format!("<html>{}</html>", keys[1]))),
            ("a text", Reply::text(500, "text/plain", keys[1].clone())),
            ("a cut", Reply::cut_before_headers()),
            ("garbage", Reply::raw(format!("HTTP/1.1 {} what\r\n\r\n", keys[1]))),
            (
                "a header without colon",
                Reply::raw(format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", keys[1])),
            ),
            (
                "a reason",
                Reply::raw(format!("HTTP/1.1 401 {}\r\ncontent-length: 0\r\n\r\n", keys[1])),
            ),
            ("a redirect", Reply::redirect(302, &format!("/{}", keys[1]))),
        ] {
            self.fake.always_probe(reply);
            let body = json!({ "provider": "openai", "api_key": keys[1] });
            self.add_key(&format!("a key answered with {name}"), body).await;
        }
        self.fake.always_probe(Reply::standard());
        // Nobody there, and nobody allowed to be there.
        for url in ["http://127.0.0.1:1/v1", "https://127.0.0.1:1/v1", "http://[::1]:1"] {
            let body = json!({ "provider": "custom", "base_url": url, "api_key": keys[2] });
            self.add_key("a key for a forbidden address", body).await.expect(502);
        }
    }

    /// Keys that are no keys, and bodies that are no bodies.
    async fn unreadable_keys(&mut self) {
        let keys = self.secrets.refused.clone();
        for (number, end) in ["\r\nX-Evil: 1", "\n", "\0", " ", "\u{7f}", "é", "\u{200b}", "–"]
            .into_iter()
            .enumerate()
        {
            let key = &keys[40 + number];
            for bad in [format!("{key}{end}"), format!("{end}{key}"), format!("{key}{end}{key}")] {
                let body = json!({ "provider": "openai", "api_key": bad });
                self.add_key(&format!("a key with {end:?}"), body).await.expect(400);
            }
        }
        let [a, b, ..] = &keys;
        let workspace = format!("/v1/workspaces/{}/provider-keys", self.workspace);
        let bodies = [
            json!({ "provider": a, "api_key": b }),
            json!({ "provider": "openai", "api_key": [a] }),
            json!({ "provider": "openai", "api_key": { "key": a } }),
            json!({ "provider": "openai", "apiKey": a }),
            json!({ "provider": "openai", "key": a }),
            json!({ "provider": "openai", "api_key": b, (a.as_str()): 1 }),
            json!({ "provider": "openai", "api_key": b, "validate_before_save": a }),
            json!({ "provider": "openai", "api_key": b, "label": [a] }),
            json!({ "provider": "openai", "api_key": b, "label": a.repeat(4) }),
            json!({ "provider": "openai", "api_key": a.repeat(400) }),
            json!({ "provider": "openai", "api_key": b, "base_url": format!("https://{a}.example") }),
            json!({ "provider": "custom", "api_key": b, "base_url": a }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://{a}@127.0.0.1") }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://x/?key={a}") }),
            json!({ "provider": "custom", "api_key": b, "base_url": format!("http://x:{a}/") }),
            json!([a]),
            json!(a),
        ];
        let mut bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
        bodies.extend([
            format!(r#"{{"provider":"openai","api_key":"{a}"#),
            format!(r#"{{"provider":"openai","api_key":{a}}}"#),
            format!(r#"{{"provider":"openai","api_key":"{a}",}}"#),
            format!(r#"{{"provider":"openai","api_key":"{a}","api_key":"{b}"}}"#),
            format!(r#"{{"provider":"openai","api_key":"\ud800{a}"}}"#),
            format!("provider=openai&api_key={a}"),
            a.clone(),
        ]);
        for body in bodies {
            let call = self.api().post(&workspace, &json!(null)).bearer(&self.session);
            let answer = self.hear("a body", call.body("application/json", body)).await;
            assert!(answer.status.is_client_error(), "{}", answer.status);
        }
    }

    /// With the stored key of that number.
    async fn chat(&mut self, number: usize, streamed: bool) -> Whole {
        let key = number % self.key_ids.len();
        let prompt = self.secrets.prompts[number % PROMPTS].clone();
        let mut body = hello("openai/gpt-5-mini");
        body["messages"][0]["content"] = json!(prompt);
        body["metadata"] = json!({ "note": prompt });
        body["stream"] = json!(streamed);
        body["routing"] = json!({ "provider_key": self.key_ids[key] });
        let call = self.api().post("/v1/chat/completions", &body).bearer(&self.gateway_key);
        // The caller's own words may come back, here from the echo; a caller's own log is not ours.
        let whole = self.hear(&format!("chat {number} with key {key}"), call).await;
        let (_, kept) = self.answers.last_mut().expect("just kept");
        *kept = String::from_utf8_lossy(kept).replace(&prompt, "(prompt)").into_bytes();
        whole
    }

    async fn chats(&mut self) {
        for number in 0..KEYS.max(PROMPTS) {
            self.fake.next(Reply::standard());
            self.chat(number, number % 2 == 0).await.expect(200);
            self.fake.next(Reply::echo());
            self.chat(number, false).await.expect(200);
            self.fake.next(Reply::echo_stream());
            self.chat(number, true).await.expect(200);
        }
    }

    async fn provider_failures(&mut self) {
        for (number, status) in STATUSES.into_iter().enumerate() {
            self.fake.always(Reply::echo_error(status));
            self.chat(number, false).await;
            self.chat(number, true).await;
        }
        let key = self.secrets.keys[0].clone();
        let codes = ["invalid_api_key", "insufficient_quota", "model_not_found", "server_error"];
        for code in codes.into_iter().chain([key.as_str()]) {
            for status in [200, 400, 429] {
                self.fake.always(Reply::openai_error(status, code, Some(code), &key));
                self.chat(0, false).await;
            }
        }
        for characters in 440..500 {
            let words = format!("{}{key}", "-".repeat(characters));
            self.fake.always(Reply::openai_error(400, "invalid_request_error", None, &words));
            self.chat(0, false).await.expect(400);
        }
        let raw = |head: String| Reply::raw(format!("HTTP/1.1 {head}\r\n\r\n"));
        for reply in [
            Reply::cut_before_headers(),
            Reply::reset_before_headers(),
            Reply::json_steps(vec![Step::bytes(format!("{{\"a\":\"{key}")), Step::Cut]),
            Reply::echo().with_header("content-type", &format!("application/json; key={key}")),
            Reply::echo().with_header("content-encoding", &key),
            Reply::echo().with_header("retry-after", &key),
            Reply::echo_error(429).with_header("retry-after", &key),
            Reply::redirect(307, &format!("http://127.0.0.1:1/{key}")),
            raw(format!("{key} what")),
            raw(format!("200 {key}\r\ncontent-length: 2")),
            raw(format!("200 OK\r\ncontent-length: {key}")),
            raw(format!("200 OK\r\n{key}")),
            raw(format!("200 OK\r\ntransfer-encoding: {key}")),
            Reply::raw(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n")),
            Reply::raw(format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nx-key: {key}\r\n\r\n"
            )),
        ] {
            self.fake.always(reply);
            self.chat(0, false).await;
            self.chat(0, true).await;
        }
        self.fake.always(Reply::standard());
    }

    async fn broken_streams(&mut self) {
        let key = self.secrets.keys[0].clone();
        let start = r#"data: {"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
        let error = |words: &str| format!("data: {{\"error\":{{\"message\":\"{words}\"}}}}\n\n");
        let mut bodies = vec![
            format!("{start}\n\n{}", error(&key)),
            format!("{start}\n\nevent: error\ndata: {key}\n\n"),
            format!("{start}\n\n: {key}\n\ndata: [DONE]\n\n"),
            format!("{start}\n\nid: {key}\nevent: {key}\nretry: {key}\n\n"),
            format!("{start}\n\ndata: {key}\n\n"),
            format!("{start}\n\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"{key}"),
            format!("{start}\n\n{key}"),
            format!("{start}\n\ndata: [DONE]\n\ndata: {key}\n\n"),
        ];
        bodies.extend((440..500).step_by(4).map(|characters| {
            format!("{start}\n\n{}", error(&format!("{}{key}", "-".repeat(characters))))
        }));
        for body in bodies {
            for ending in [None, Some(Step::Cut), Some(Step::Reset)] {
                let bytes = body.clone().into_bytes().into();
                let pieces = split_at(bytes, &[body.find(&key).expect("the key") + 20]);
                let steps = pieces.into_iter().map(Step::Bytes).chain(ending);
                self.fake.next(Reply::stream(steps.collect()));
                self.chat(0, true).await.expect(200);
            }
        }
        // Half a key and then nothing.
        for length in 1..key.len() {
            for ending in [None, Some(Step::Cut)] {
                let body = format!("{start}\n\ndata: {{\"x\":\"{}", &key[..length]);
                let steps = [Step::bytes(body)].into_iter().chain(ending);
                self.fake.next(Reply::stream(steps.collect()));
                self.chat(0, true).await.expect(200);
            }
        }
    }

    /// Keys where no key belongs: what people paste by mistake.
    async fn wrong_places(&mut self) {
        let key = self.secrets.refused[3].clone();
        let chat = "/v1/chat/completions";
        let hello = hello("openai/gpt-5-mini");
        for (header, value) in [
            ("authorization", format!("Bearer {key}")),
            ("authorization", format!("Basic {key}")),
            ("authorization", key.clone()),
            ("x-api-key", key.clone()),
            ("api-key", key.clone()),
            ("x-goog-api-key", key.clone()),
            ("content-encoding", key.clone()),
            ("cookie", format!("session={key}")),
            ("referer", format!("http://x/{key}")),
            ("user-agent", key.clone()),
            ("x-forwarded-for", key.clone()),
            ("traceparent", key.clone()),
        ] {
            for path in [chat, "/v1/me", "/v1/workspaces", &format!("/v1/workspaces/{key}")] {
                let call = self.api().post(path, &hello).header(header, &value);
                self.hear(&format!("{header} at {path}"), call).await;
                let call = self.api().get(path).header(header, &value);
                self.hear(&format!("{header} at {path}"), call).await;
            }
        }
        let paths = [
            format!("/v1/models?key={key}"),
            format!("{chat}?api_key={key}"),
            format!("/v1/{key}"),
            format!("/{key}"),
            format!("/healthz?{key}"),
            format!("/v1/workspaces/{key}/provider-keys"),
            format!("/v1/workspaces/{}/provider-keys/{key}", self.workspace),
            format!("/api/v1/projects/{key}/api-keys"),
        ];
        for path in paths {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
                let call = self.api().call(method, &path).bearer(&self.session);
                self.hear("a path with a key", call).await;
            }
        }
        let mut pinned = hello.clone();
        pinned["routing"] = json!({ "provider_key": key });
        let mut named = hello.clone();
        named["routing"] = json!({ (key.as_str()): true });
        let mut texts = vec![pinned.to_string(), named.to_string()];
        texts.extend([
            json!({ "model": "gpt-5-mini", "api_key": key, "messages": key }).to_string(),
            json!({ "model": [key], "messages": [] }).to_string(),
            json!({ "model": "openai/gpt-5-mini", "stream": key, "messages": [] }).to_string(),
            format!(r#"{{"model":"openai/gpt-5-mini","api_key":"{key}""#),
            format!(r#"{{"model":"{key}","model":"{key}"}}"#),
            key.clone(),
        ]);
        for text in texts {
            let call = self.api().post(chat, &json!(null)).bearer(&self.gateway_key);
            self.hear("a chat with a key in it", call.body("application/json", text)).await;
        }
        let path = format!("/api/v1/projects/{}/api-keys", self.project);
        for body in [
            json!({ "name": "a", "scopes": [key] }),
            json!({ "name": "a", "expires_at": key }),
            json!({ "name": "a", "allowed_models": { "a": key } }),
            json!({ "name": [key] }),
            json!({ "name": "a", (key.as_str()): 1 }),
        ] {
            let call = self.api().post(&path, &body).bearer(&self.session);
            let answer = self.hear("a gateway key with a key in it", call).await;
            assert!(answer.status.is_client_error(), "{}", answer.status);
        }
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

/// An answer as it stood on the wire.
fn heard(answer: &Whole) -> Vec<u8> {
    let mut bytes = format!("{}\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    bytes.extend([b"\n".as_slice(), &answer.body].concat());
    bytes
}

/// Everything anybody in this process logs, at every level.
#[derive(Clone)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// The subscriber is the process's, so there is one for all tests.
    fn start() -> Self {
        static LOGS: OnceLock<Logs> = OnceLock::new();
        let logs = LOGS.get_or_init(|| {
            let logs = Self(Arc::default());
            let writer = logs.clone();
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
                .with_writer(move || writer.clone())
                .try_init()
                .expect("no other test of this binary installs a subscriber");
            logs
        });
        logs.clone()
    }

    fn written(&self) -> usize {
        self.0.lock().expect("nobody panics while logging").len()
    }

    fn since(&self, from: usize) -> Vec<u8> {
        self.0.lock().expect("nobody panics while logging")[from..].to_vec()
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while logging").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
