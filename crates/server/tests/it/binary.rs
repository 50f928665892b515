//! The real binary, from its first start to a kill -9: what it prints works as printed, and what it acknowledged stays.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::system::AttemptRow;
use store::{Location, Store};
use tempfile::TempDir;
use testkit::fake::{FakeProvider, Gate, Reply, Step, chat_stream_bytes};
use testkit::hello;
use testkit::http::{Answer, Client};
use testkit::process::{Program, Running};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const PASSWORD: &str = "correct horse battery staple";
const PROVIDER_KEY: &str = "sk-good-1234567890";
const SOON: Duration = Duration::from_secs(10);

/// A folder with a gateway's data in it, and the provider it calls.
struct Place {
    folder: TempDir,
    provider: Option<String>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), provider: None }
    }

    fn with(fake: &FakeProvider) -> Self {
        Self { provider: Some(fake.base_url()), ..Self::new() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self) -> Program {
        let mut program = Program::new(KEYSTILE, self.folder.path());
        if let Some(url) = &self.provider {
            program = program.env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", url);
        }
        program
    }

    fn start(&self) -> Running {
        self.program().args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data()).start()
    }

    /// Set up by `keystile setup`, with a provider key: a gateway key to chat with.
    fn set_up(&self, gateway: &Running) -> String {
        let token = setup_token(&gateway.stdout_with("workspace\":\"My workspace\"}'\n"));
        let said = self
            .program()
            .args(["setup", "--email", "owner@example.com", "--provider", "openai", "--url"])
            .arg(gateway.url())
            .run(&format!("{token}\n{PASSWORD}\n{PROVIDER_KEY}\n"))
            .well();
        let key = said.split_whitespace().find(|word| word.starts_with("ks_live_"));
        key.unwrap_or_else(|| panic!("no gateway key: {said}")).to_owned()
    }

    /// The ledger, while no gateway runs.
    async fn attempts(&self) -> Vec<AttemptRow> {
        let file = self.data().join("keystile.db");
        let store = Store::connect(&Location::Sqlite { file }).await.expect("the database");
        let rows = store.system().latest_attempts(10_000).await.expect("the ledger");
        store.close().await;
        rows
    }
}

fn setup_token(banner: &str) -> String {
    let line = banner.lines().find_map(|line| line.trim_start().strip_prefix("set-up "));
    line.unwrap_or_else(|| panic!("no set-up token: {banner}")).trim().to_owned()
}

/// The command in the banner, as a person would copy it.
fn printed_curl(banner: &str) -> String {
    let start = banner.find("curl -sS").expect("a curl in the banner");
    let end = banner.rfind("}'").expect("its end") + 2;
    banner[start..end].to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn streamed() -> Value {
    let mut body = hello("gpt-4o");
    body["stream"] = json!(true);
    body
}

/// One event, then what comes next, then the rest of a standard stream.
fn interrupted_by(step: Step) -> Reply {
    let all = chat_stream_bytes(5, true);
    let first = all.windows(2).position(|pair| pair == b"\n\n").expect("an event") + 2;
    Reply::stream(vec![Step::bytes(all.slice(..first)), step, Step::bytes(all.slice(first..))])
}

async fn start_stream(gateway: &Running, key: &str) -> Answer {
    let api = Client::new(gateway.url());
    let mut answer = api.post("/v1/chat/completions", &streamed()).bearer(key).send().await;
    answer.chunk().await.expect("a piece").expect("unbroken");
    answer
}

/// Waits until nobody listens there any more.
fn wait_refusing(url: &str) {
    let address = url.strip_prefix("http://").expect("an http URL");
    let deadline = Instant::now() + SOON;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "{url} still takes connections");
        thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn it_starts_with_nothing_configured_and_what_it_prints_works_as_printed() {
    let place = Place::new();
    let gateway = place.start();
    let banner = gateway.stdout_with("workspace\":\"My workspace\"}'\n");
    let curl = printed_curl(&banner);
    assert!(curl.contains(&setup_token(&banner)), "{banner}");
    assert!(curl.contains(&gateway.url()), "{banner}");
    let shell = |script: String| Program::new("sh", place.folder.path()).args(["-c", &script]);
    if !shell("command -v curl".to_owned()).run("").status.success() {
        return testkit::skip::skipped("curl is not installed");
    }

    let first = shell(format!("{curl} -w '\\n%{{http_code}}'")).run("").well();
    let second = shell(format!("{curl} -w '\\n%{{http_code}}'")).run("").well();

    let (body, status) = first.rsplit_once('\n').expect("a status");
    assert_eq!(status, "201", "{first}");
    let made: Value = serde_json::from_str(body).expect("JSON");
    let session = made["token"].as_str().expect("a session token");
    let api = Client::new(gateway.url());
    let mine = api.get("/v1/workspaces").bearer(session).whole().await.expect(200);
    assert_eq!(mine.json()["items"][0]["id"], made["workspace"]["id"]);
    let (body, status) = second.rsplit_once('\n').expect("a status");
    assert_eq!(status, "409", "{second}");
    assert!(body.contains("\"conflict\""), "{second}");
}

#[test]
fn the_data_folder_and_the_master_key_are_for_their_owner_only() {
    let place = Place::new();
    let gateway = place.start();
    gateway.url();

    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(mode(&place.data().join("master.key")), 0o600);
}

#[test]
fn the_second_process_over_a_data_folder_refuses_and_says_why() {
    let place = Place::new();
    let gateway = place.start();
    let url = gateway.url();

    let second = place.start().ended(SOON);

    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.contains("another keystile is using the data folder"), "{second:?}");
    assert!(second.stderr.contains(&place.data().display().to_string()), "{second:?}");
    assert_eq!(second.stdout, "");
    let address = url.strip_prefix("http://").expect("an http URL");
    assert!(TcpStream::connect(address).is_ok(), "the first goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keystile_setup_prints_a_gateway_key_that_chats_and_outlives_a_restart() {
    let fake = FakeProvider::start().await;
    let place = Place::with(&fake);
    let gateway = place.start();
    let key = place.set_up(&gateway);
    let chat = async |gateway: &Running| {
        let api = Client::new(gateway.url());
        let call = api.post("/v1/chat/completions", &hello("gpt-4o")).bearer(&key);
        let answer = call.whole().await.expect(200);
        assert_eq!(fake.last_request().bearer(), Some(PROVIDER_KEY));
        answer
    };
    chat(&gateway).await;

    let first = gateway.stop();
    let gateway = place.start();
    chat(&gateway).await;
    let second = gateway.stop();

    for ended in [&first, &second] {
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        for secret in [PROVIDER_KEY, &key, PASSWORD] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{ended:?}");
        }
    }
    assert!(first.stdout.contains("set-up"), "{first:?}");
    assert!(!second.stdout.contains("set-up"), "{second:?}");
    assert!(!second.stdout.contains("generated now"), "{second:?}");
    let states: Vec<_> = place.attempts().await.into_iter().map(|row| row.state).collect();
    assert_eq!(states, ["settled", "settled"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_it_finishes_the_streams_that_run_and_takes_no_more() {
    let fake = FakeProvider::start().await;
    let place = Place::with(&fake);
    let gateway = place.start();
    let key = place.set_up(&gateway);
    let gate = Gate::new();
    fake.next(interrupted_by(Step::Wait(gate.clone())));
    let answer = start_stream(&gateway, &key).await;

    gateway.signal("TERM");
    wait_refusing(&gateway.url());
    gate.open();
    let rest = answer.whole().await.text();
    let ended = gateway.ended(SOON);

    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    assert!(rest.contains(": keystile {"), "{rest}");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("were cut"), "{ended:?}");
    let rows = place.attempts().await;
    assert_eq!(rows[0].outcome.as_deref(), Some("completed"), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_twice_to_stop_it_stops_at_once() {
    let fake = FakeProvider::start().await;
    let place = Place::with(&fake);
    let gateway = place.start();
    let key = place.set_up(&gateway);
    fake.next(interrupted_by(Step::Stall));
    let _answer = start_stream(&gateway, &key).await;
    // Two signals at once would be one.
    gateway.signal("TERM");
    wait_refusing(&gateway.url());

    gateway.signal("TERM");

    // A running stream may take thirty seconds when it is asked once.
    let ended = gateway.ended(SOON);
    assert!(ended.stderr.contains("asked twice to stop"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_a_kill_cut_off_is_left_unsettled_for_review() {
    let fake = FakeProvider::start().await;
    let place = Place::with(&fake);
    let gateway = place.start();
    let key = place.set_up(&gateway);
    fake.next(interrupted_by(Step::Stall));
    let answer = start_stream(&gateway, &key).await;
    let id = answer.headers["x-keystile-request-id"].to_str().expect("an id").to_owned();

    gateway.signal("KILL");
    gateway.ended(SOON);
    let gateway = place.start();
    gateway.url();
    gateway.stop();

    let rows = place.attempts().await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row.request.to_string(), id);
    assert_eq!((row.state.as_str(), row.outcome.as_deref()), ("unsettled", Some("unknown")));
    assert!(row.billing_unknown && row.streamed, "{row:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_that_a_client_has_seen_is_lost_to_a_kill() {
    const ROUNDS: usize = 5;
    const ANSWERS_A_ROUND: usize = 12;
    const CLIENTS: usize = 3;
    let fake = FakeProvider::start().await;
    let place = Place::with(&fake);
    let mut gateway = place.start();
    let key = place.set_up(&gateway);
    let seen = Mutex::new(Vec::new());

    for round in 1..=ROUNDS {
        let url = gateway.url();
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while let Some(id) = raw_chat(&url, &key) {
                        seen.lock().expect("the list").push(id);
                    }
                });
            }
            let deadline = Instant::now() + SOON;
            while seen.lock().expect("the list").len() < round * ANSWERS_A_ROUND {
                assert!(Instant::now() < deadline, "chats are not answered");
                thread::yield_now();
            }
            gateway.signal("KILL");
        });
        gateway.ended(SOON);
        gateway = place.start();
    }
    gateway.url();
    gateway.stop();

    let rows = place.attempts().await;
    let mut states: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        states.entry(row.request.to_string()).or_default().push(&row.state);
    }
    let seen = seen.into_inner().expect("the list");
    assert!(seen.len() >= ROUNDS * ANSWERS_A_ROUND);
    for id in &seen {
        assert_eq!(states.get(id).map(Vec::as_slice), Some(["settled"].as_slice()), "{id}");
    }
    // What nobody saw may be either, but nothing stays open.
    assert!(rows.iter().all(|row| row.state == "settled" || row.state == "unsettled"));
    assert!(rows.len() <= seen.len() + ROUNDS * CLIENTS, "{} rows", rows.len());
}

/// One chat on a connection of its own: its request id if the last byte came, `None` if the gateway broke off.
fn raw_chat(url: &str, key: &str) -> Option<String> {
    let address = url.strip_prefix("http://")?;
    let body = hello("gpt-4o").to_string();
    let mut socket = TcpStream::connect(address).ok()?;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer);
    let (head, _) = text.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{text}");
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length: usize = header("content-length: ")?.parse().ok()?;
    let whole = answer.len() == head.len() + 4 + length;
    whole.then(|| header("x-keystile-request-id: ").expect("a request id").to_owned())
}
