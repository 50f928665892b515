//! `keystile vault`: what an operator types, and that no value ever shows.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::canary::Canaries;
use testkit::fake::FakeProvider;
use testkit::hello;
use testkit::process::{Ended, Program};

use super::node::{KEYSTILE, Node};

/// What a second implementation sealed with the key of another system.
const GOLDEN: &str = include_str!("../../../../vault/src/tests/golden/envelopes.txt");
const FOREIGN_KEY: &str = "7f5c487821bfbdbfb32c8f5f4255e91d5fab7d9f78d65c7e42f5b876cc874c4d";
const OTHER_KEY: &str = "1f8b0d4c6a92e37755c1fe02b48d9a6037e5c8d1a4f09b2c6d7e8f1023456789";
const VALUE: &str = "sk-golden-0123456789abcdefghijklmnopqrstuvwxyz";

fn golden(name: &str) -> &'static str {
    let mut lines = GOLDEN.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(first, _)| *first == name).expect(name).1
}

struct Desk {
    folder: TempDir,
    node: Node,
    url: String,
    session: String,
    workspace: String,
    project: String,
}

impl Desk {
    async fn new(fake: &FakeProvider) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut node = Node::new(
            folder.path(),
            &[
                ("KEYSTILE_PROVIDER_OPENAI_BASE_URL", fake.base_url()),
                ("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN.to_owned()),
            ],
        );
        let url = node.start();
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme",
        });
        let made = node.door.answer(|api| api.post("/v1/setup", &body)).await.expect(201);
        Self {
            session: made.at("/token"),
            workspace: made.at("/workspace/id"),
            project: made.at("/project/id"),
            folder,
            node,
            url,
        }
    }

    fn vault(&self, args: &[&str], stdin: &str) -> Ended {
        let program = Program::new(KEYSTILE, self.folder.path())
            .env("KEYSTILE_URL", &self.url)
            .env("KEYSTILE_TOKEN", &self.session);
        program.arg("vault").args(args).run(stdin)
    }

    async fn keys(&self) -> Vec<Value> {
        let path = format!("/v1/workspaces/{}/provider-keys", self.workspace);
        let list = self.node.door.get(&path, &self.session).await;
        list["items"].as_array().expect("a list").clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_begun_watched_and_checked_from_the_command_line() {
    let fake = FakeProvider::start().await;
    let desk = Desk::new(&fake).await;

    let rotated = desk.vault(&["rotate"], "");
    let again = desk.vault(&["rotate", "--suite", "fernet", "-o", "json"], "");
    let unknown = desk.vault(&["rotate", "--suite", "rot13"], "");
    let status = desk.vault(&["status", "-o", "json", "--data-dir", "data"], "");
    let table = desk.vault(&["status", "--data-dir", "data"], "").well();
    let doctor = desk.vault(&["doctor"], "");
    let unsure = desk.vault(&["rebind", "openai"], "");
    let rebound = desk.vault(&["rebind", "openai", "--yes", "-o", "json"], "").well();

    assert_eq!(rotated.stderr, "all 3 values are sealed anew\n", "{rotated:?}");
    assert_eq!(rotated.well(), "");
    let ended: Value = serde_json::from_str(&again.well()).expect("JSON");
    assert_eq!(
        (&ended["suite"], &ended["job"]["state"]),
        (&json!("fernet"), &json!("done")),
        "{ended}"
    );
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    let status: Value = serde_json::from_str(&status.well()).expect("JSON");
    assert_eq!((&status["suite"], &status["rotation"]), (&json!("fernet"), &json!("done")));
    let expected = json!([
        { "version": 1, "state": "retired", "rows": 0, "suites": {}, "key_matches": true },
        { "version": 2, "state": "active", "rows": 3, "suites": { "fernet": 3 }, "key_matches": true },
    ]);
    assert_eq!(status["versions"], expected);
    assert!(table.contains("fernet: 3"), "{table}");
    assert_eq!(doctor.stderr, "3 values were opened, 0 do not open\n", "{doctor:?}");
    assert_eq!(doctor.status.code(), Some(0));
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    assert_eq!(serde_json::from_str::<Value>(&rebound).expect("JSON")["rebound"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_system_sealed_is_imported_and_never_shown() {
    let fake = FakeProvider::start().await;
    let mut desk = Desk::new(&fake).await;
    let file = desk.folder.path().join("tokens");
    let token = |name: &str| golden(&format!("foreign-{name}")).to_owned();
    let fernet: String = token("fernet")
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex") as char
        })
        .collect();
    let (secretbox, gcm) = (token("secretbox"), token("aes-256-gcm-associated"));
    let mut said = Vec::new();
    let mut import = |args: &[&str], tokens: &str, key: &str| {
        fs::write(&file, tokens).expect("a file");
        let args = [&["import", "--key-stdin"], args, &["tokens"]].concat();
        let ended = desk.vault(&args, key);
        said.push(format!("{}{}", ended.stdout, ended.stderr));
        ended
    };

    let lines = format!("# ours\nopenai {fernet}\n");
    let wrong = import(&["--format", "fernet"], &lines, OTHER_KEY);
    let tried = import(&["--format", "fernet", "--dry-run"], &lines, FOREIGN_KEY);
    let from_fernet =
        import(&["--format", "fernet"], &lines, &format!("{OTHER_KEY}, {FOREIGN_KEY}\n"));
    let object = json!({ "groq": secretbox }).to_string();
    let from_box = import(&["--format", "secretbox", "--no-validate"], &object, FOREIGN_KEY);
    let list = json!([
        { "provider": "mistral", "token": gcm, "label": "from the old one" },
        { "provider": "nobody", "token": gcm },
    ]);
    let gcm_args = ["--format", "aes-gcm", "--associated-data", "row 1", "--no-validate"];
    let from_gcm = import(&gcm_args, &list.to_string(), FOREIGN_KEY);

    assert_eq!(
        (wrong.status.code(), tried.status.code()),
        (Some(1), Some(0)),
        "{wrong:?} {tried:?}"
    );
    assert!(
        wrong.stderr.contains("2 (openai)") && wrong.stderr.contains("nothing is stored"),
        "{wrong:?}"
    );
    assert_eq!(
        (from_fernet.status.code(), from_box.status.code()),
        (Some(0), Some(0)),
        "{from_fernet:?} {from_box:?}"
    );
    assert_eq!(from_gcm.status.code(), Some(1), "one provider is unknown: {from_gcm:?}");
    assert!(from_gcm.stderr.contains("1 of 2 keys are stored"), "{from_gcm:?}");
    let keys = desk.keys().await;
    let mut providers: Vec<_> =
        keys.iter().map(|key| key["provider"].as_str().expect("a name")).collect();
    providers.sort_unstable();
    assert_eq!(providers, ["groq", "mistral", "openai"]);
    let mistral = keys.iter().find(|key| key["provider"] == "mistral").expect("there");
    assert_eq!(mistral["label"], "from the old one");

    let path = format!("/api/v1/projects/{}/api-keys", desk.project);
    let body = json!({ "name": "app" });
    let key = desk.node.door.answer(|api| api.post(&path, &body).bearer(&desk.session)).await;
    let key = key.expect(201).at("/key");
    let chat = hello("openai/gpt-4o");
    let chat = desk.node.door.answer(|api| api.post("/v1/chat/completions", &chat).bearer(&key));
    chat.await.expect(200);
    assert_eq!(fake.last_request().bearer(), Some(VALUE));
    said.push(desk.node.stop());
    let canaries = Canaries::new()
        .any_part("the value", &VALUE[10..])
        .any_part("the other system's key", FOREIGN_KEY)
        .any_part("the token", &fernet);
    assert_eq!(canaries.scan("what was said", said.concat().as_bytes()), [""; 0]);
}
