//! The commands, as people and scripts run them against a gateway that logs all it can: what they are told on standard
//! input they tell nobody but that gateway, and what is typed in the wrong place they do not repeat.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fake::{FakeProvider, Reply};
use testkit::process::{Ended, Program, Running};

use super::book::Book;
use super::ears::own;
use super::master_keys::MasterKeys;
use super::sinks::{Evidence, files};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");
const EMAIL: &str = "owner@example.com";
const MASTER_KEY: &str = "3be7c0d5914fa2688d1e07f9b35c6ad24fe81937c05b6da2f4718e93ab60d25c";

/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(60);

struct Desk {
    folder: TempDir,
    gateway: Option<Running>,
    url: String,
    fake: FakeProvider,
    book: Book,
    /// Shown once, each on a line of standard output.
    tokens: Vec<String>,
    said: Vec<(String, Vec<u8>)>,
}

impl Desk {
    async fn open() -> Self {
        let (fake, mut book) = (FakeProvider::start().await, Book::new(7));
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("home")).expect("a home");
        let gateway = Program::new(KEYSTILE, folder.path())
            .args(["--listen", "127.0.0.1:0", "--data-dir", "data"])
            .env("KEYSTILE_LOG", "trace")
            .env("KEYSTILE_MASTER_KEY", MASTER_KEY)
            .env("KEYSTILE_SETUP_TOKEN", book.secret("the set-up token"))
            .env("KEYSTILE_KEY_OPERATIONS_PER_MINUTE", "1000")
            .env("KEYSTILE_PROVIDER_OPENAI_BASE_URL", fake.base_url())
            .start();
        let url = gateway.url();
        let (tokens, said) = (Vec::new(), Vec::new());
        Self { folder, gateway: Some(gateway), url, fake, book, tokens, said }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn keystile(&self, args: &[&str]) -> Program {
        let program = Program::new(KEYSTILE, &self.home()).env("HOME", self.home());
        program.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1").args(args)
    }

    fn run(&mut self, args: &[&str], stdin: &str) -> Ended {
        let program = self.keystile(args);
        self.heed(args, program, stdin)
    }

    fn heed(&mut self, args: &[&str], program: Program, stdin: &str) -> Ended {
        let ended = program.run(stdin);
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        self.said.push((format!("keystile {}", args[..args.len().min(2)].join(" ")), said.into()));
        ended
    }

    /// The same for a command whose standard output is a token, or a link that ends in one.
    fn shown(&mut self, args: &[&str], stdin: &str) -> String {
        let ended = self.run(args, stdin);
        let text = ended.well();
        let word = text
            .split_whitespace()
            .find(|word| word.contains("ks_live_") || word.contains("/invitations/"));
        let word = word.unwrap_or_else(|| panic!("{args:?} shows no token: {text}")).to_owned();
        let token = word.rsplit('/').next().expect("a part").to_owned();
        let (_, said) = self.said.last_mut().expect("just said");
        let text = String::from_utf8_lossy(said);
        assert_eq!(text.matches(&token).count(), 1, "{args:?}");
        *said = text.replace(&token, "(shown once)").into_bytes();
        self.tokens.push(token);
        word
    }

    fn secret(&mut self, name: &str) -> String {
        self.book.secret(name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_repeats_what_it_was_told() {
    let mut desk = Desk::open().await;
    desk.set_up();
    desk.manage_keys();
    desk.manage_the_rest();
    desk.import();
    desk.mistype();
    desk.configure();
    desk.judge();
}

impl Desk {
    fn set_up(&mut self) {
        let (token, password) = (self.secret("the set-up token"), self.secret("the password"));
        let (key, url) = (self.secret("a provider key at set-up"), self.url.clone());
        let lines = format!("{token}\n{password}\n{key}\n");
        let set_up = ["setup", "--url", &url, "--email", EMAIL, "--provider", "openai"];
        self.shown(&set_up, &lines);
        self.run(&set_up, &lines);
        let login = ["login", "--url", &url, "--email", EMAIL, "--password-stdin"];
        let wrong = self.secret("a wrong password");
        assert_eq!(self.run(&login, &wrong).status.code(), Some(3));
        self.run(&login, &password).well();
    }

    fn manage_keys(&mut self) {
        let keys: Vec<_> = (0..5).map(|n| self.secret(&format!("a provider key {n}"))).collect();
        let add = ["providers", "add", "openai", "--key-stdin", "-o", "json"];
        let id =
            json_of(&self.run(&add, &keys[0]).well())["id"].as_str().expect("an id").to_owned();
        self.run(&["providers", "replace", &id, "--key-stdin"], &keys[1]).well();
        let project = ["providers", "add", "openai", "--project", "default", "--key-stdin"];
        self.run(&project, &keys[2]).well();
        self.fake.next_probe(Reply::echo_error(401));
        assert_eq!(self.run(&add, &keys[3]).status.code(), Some(1));
        self.fake.next_probe(Reply::cut_before_headers());
        assert_eq!(self.run(&add, &keys[4]).status.code(), Some(6));
        self.fake.next_probe(Reply::echo_error(401));
        self.run(&["providers", "test", &id], "").well();
        for args in [
            ["providers", "list"].as_slice(),
            &["providers", "show", &id],
            &["providers", "headroom", &id],
            &["providers", "list", "--project", "default", "-o", "json"],
        ] {
            self.run(args, "").well();
        }
        let key = self.shown(&["keys", "create", "--name", "app", "--project", "default"], "");
        let list = self.run(&["keys", "list", "--project", "default", "-o", "json"], "").well();
        let items = json_of(&list)["items"].as_array().expect("items").clone();
        let id =
            items.iter().find(|item| item["name"] == "app").and_then(|item| item["id"].as_str());
        let rotate = ["keys", "rotate", id.expect("the key"), "--project", "default"];
        self.shown(&rotate, "");
        let whoami =
            self.keystile(&["whoami"]).env("KEYSTILE_URL", &self.url).env("KEYSTILE_TOKEN", key);
        self.heed(&["whoami"], whoami, "");
    }

    fn manage_the_rest(&mut self) {
        let values: Vec<_> = (0..4).map(|n| self.secret(&format!("a value {n}"))).collect();
        self.run(&["secrets", "create", "mail", "--value-stdin"], &values[0]).well();
        self.run(&["secrets", "update", "mail", "--value-stdin"], &values[1]).well();
        self.run(&["secrets", "show", "mail"], "").well();
        self.run(&["secrets", "list", "-o", "json"], "").well();
        let raw =
            ["api", "call", "POST", "/v1/workspaces/{workspace}/provider-keys", "--data-stdin"];
        for body in [
            json!({ "provider": "openai", "api_key": values[2] }).to_string(),
            json!({ "provider": "openai", "key": values[3], (values[3].as_str()): 1 }).to_string(),
            format!("{{\"api_key\":\"{}", values[3]),
        ] {
            self.run(&raw, &body);
        }
        let link = self.shown(&["members", "invite", "ada@example.com", "--role", "member"], "");
        let password = self.secret("the guest's password");
        let accept = ["invitations", "accept", "--context", "guest", "--url", &self.url.clone()];
        self.run(&accept, &format!("{link}\nshort\n"));
        self.run(&accept, &format!("{link}\n{password}\n")).well();
        self.run(&accept, &format!("{link}\n{password}\n"));
        for args in [
            ["audit", "list"].as_slice(),
            &["audit", "verify"],
            &["members", "list"],
            &["vault", "doctor"],
            &["vault", "rotate"],
            &["workspaces", "show", "-o", "json"],
            &["whoami", "--context", "guest"],
            &["logout", "--context", "guest"],
        ] {
            self.run(args, "");
        }
        let file = format!("OPENAI_API_KEY={}\n", self.secret("a key in a file"));
        fs::write(self.folder.path().join("home-env"), file).expect("a file");
        let import = ["import", "env", "--file", "../home-env", "--yes"];
        let key = self.secret("a key in the environment");
        let program = self.keystile(&import).env("GROQ_API_KEY", key);
        self.heed(&import, program, "");
    }

    /// Keys in a file that should be sealed and are not, and a key that opens nothing.
    fn import(&mut self) {
        let (plain, foreign) =
            (self.secret("a key that is not sealed"), self.secret("another system's key"));
        let json =
            json!([{ "provider": "openai", "token": plain }, { "provider": plain, "token": "x" }]);
        for (number, text) in
            [format!("openai {plain}\n{plain}\n"), json.to_string(), format!("{{\"{plain}")]
                .into_iter()
                .enumerate()
        {
            let file = format!("tokens-{number}");
            fs::write(self.folder.path().join(&file), text).expect("a file");
            let file = format!("../{file}");
            for format in ["fernet", "aes-gcm", "secretbox"] {
                for key in [foreign.as_str(), MASTER_KEY] {
                    let args = ["vault", "import", "--format", format, "--key-stdin", &file];
                    assert!(!self.run(&args, key).status.success(), "{args:?}");
                }
            }
        }
    }

    /// What people do who are in a hurry.
    fn mistype(&mut self) {
        let stray = self.book.stray("an argument");
        let (flag, url) = (format!("--api-key={stray}"), format!("http://{stray}@127.0.0.1:1"));
        for args in [
            [stray.as_str()].as_slice(),
            &["providers", &stray],
            &["providers", "add", &stray],
            &["providers", "add", "openai", &stray],
            &["providers", "add", "openai", "--key-stdin", &stray],
            &["providers", "add", "openai", "--api-key", &stray],
            &["providers", "add", "openai", &flag],
            &["providers", "add", "openai", "--key-stdin", "--data-policy", &stray],
            &["providers", "replace", &stray, "--key-stdin"],
            &["providers", "test", &stray],
            &["providers", "test", &stray, "--project", "default"],
            &["keys", "create", "--name", "x", "--on-disconnect", &stray],
            &["keys", "show", &stray],
            &["secrets", "create", "x", &stray],
            &["secrets", "create", "x", "--value", &stray],
            &["secrets", "create", "x", "--value-stdin", "--category", &stray],
            &["login", "--email", EMAIL, "--password", &stray],
            &["login", "--email", EMAIL, &stray],
            &["login", "--url", &url, "--email", EMAIL, "--password-stdin"],
            &["api", "call", &stray, "/v1/workspaces"],
            &["api", "call", "GET", &stray],
            &["members", "invite", "x@example.com", "--role", &stray],
            &["invitations", "accept", &stray],
            &["vault", "rotate", "--suite", &stray],
            &["import", &stray],
            &["whoami", "-o", &stray],
        ] {
            let ended = self.run(args, &stray);
            assert!(!ended.status.success(), "{args:?}: {ended:?}");
        }
        let variables = ["KEYSTILE_TOKEN", "KEYSTILE_URL", "KEYSTILE_OPENAI_KEY"];
        for name in variables {
            let program =
                self.keystile(&["whoami"]).env("KEYSTILE_URL", &self.url).env(name, &stray);
            self.heed(&["whoami"], program, "");
        }
    }

    /// Settings hold secrets too.
    fn configure(&mut self) {
        let database =
            format!("postgres://keystile:{}@127.0.0.1:1/x", self.secret("a database's password"));
        let redis = format!("redis://:{}@127.0.0.1:1", self.secret("the password of a Redis"));
        let (setup_token, odd) =
            (self.secret("another set-up token"), self.secret("an unreadable master key"));
        let file = |desk: &Self, text: String| {
            fs::write(desk.home().join("keystile.toml"), text).expect("a file");
        };
        // It waits for its database for some seconds.
        let migrate =
            self.keystile(&["db", "migrate"]).env("KEYSTILE_DATABASE_URL", &database).start();
        for text in [
            format!(
                "database_url = \"{database}\"\nmaster_key = \"{MASTER_KEY}\"\nsetup_token = \"{setup_token}\"\n"
            ),
            format!("master_key = \"{odd}\"\n"),
            format!("master_key = {odd}\n"),
            format!("master_key = \"{odd}\nsetup_token = [\"{setup_token}\"]\n"),
            format!("master_key = [\"{odd}\"]\n"),
            format!("setup_token = {{ {setup_token} = 1 }}\n"),
            format!("database_url = \"mysql://{odd}@x\"\n"),
            format!("redis_url = \"redis://:{odd}@x:port\"\n"),
        ] {
            file(self, text);
            self.run(&["config", "show"], "");
            self.run(&["config", "check"], "");
        }
        fs::remove_file(self.home().join("keystile.toml")).expect("our file");
        for args in [["serve"], ["vault"], ["db"]] {
            let program = self.keystile(&args).env("KEYSTILE_MASTER_KEY", &odd);
            self.heed(&args, program, "");
        }
        for (name, value) in [
            ("KEYSTILE_MASTER_KEY", odd.as_str()),
            ("KEYSTILE_MASTER_KEY", MASTER_KEY),
            ("KEYSTILE_DATABASE_URL", &database),
            ("KEYSTILE_REDIS_URL", &redis),
            ("KEYSTILE_SETUP_TOKEN", &setup_token),
        ] {
            let program = self.keystile(&["config", "show"]).env(name, value);
            self.heed(&["config", "show"], program, "");
        }
        let ended = migrate.ended(SOON);
        let said = format!("{}\n{}", ended.stdout, ended.stderr);
        self.said.push(("keystile db migrate".to_owned(), said.into()));
    }

    fn judge(mut self) {
        let gateway = self.gateway.take().expect("it runs").stop();
        let log = format!("{}\n{}", gateway.stdout, gateway.stderr).into_bytes();
        let mut kept = files(&self.folder.path().join("data"));
        kept.extend(files(&self.home()).into_iter().map(|file| self.without_sessions(file)));
        let mut canaries = self.book.secrets();
        for (number, token) in self.tokens.iter().enumerate() {
            canaries = canaries.any_part(&format!("token {number}"), own(token));
        }
        let mut master_keys = MasterKeys::default();
        master_keys.read(MASTER_KEY);
        let canaries = master_keys.hidden(canaries);
        let evidence = Evidence { answers: self.said, log, files: kept, dump: None };

        let found = evidence.scan(&canaries);

        assert!(found.is_empty(), "{} hits\n{}", found.len(), found.join("\n"));
        assert!(self.tokens.len() >= 5, "{} tokens", self.tokens.len());
        assert!(evidence.answers.len() >= 100, "{} commands", evidence.answers.len());
        let log = String::from_utf8_lossy(&evidence.log);
        assert!(
            log.contains("TRACE") && log.contains("sqlx::query"),
            "the gateway logs all it can"
        );
        println!(
            "{} canaries, {} commands, {} bytes of log, no hit",
            canaries.len(),
            evidence.answers.len(),
            evidence.log.len()
        );
    }

    /// The file that is there to hold them, readable by its owner alone, holds nothing else.
    fn without_sessions(&mut self, (name, bytes): (String, Vec<u8>)) -> (String, Vec<u8>) {
        if !Path::new(&name).ends_with("keystile/credentials.json") {
            return (name, bytes);
        }
        let mut text = String::from_utf8(bytes).expect("text");
        for (_, session) in json_of(&text)["contexts"].as_object().expect("contexts") {
            let token = session["token"].as_str().expect("a token").to_owned();
            text = text.replace(&token, "(kept here)");
            self.tokens.push(token);
        }
        (name, text.into_bytes())
    }
}

#[track_caller]
fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
}
