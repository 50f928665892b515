//! One gateway per database for all sentences: the real binary, started when the first of them needs it, in front of
//! a fake for every provider. Nothing outlives the test process, however it dies: a watching shell holds the
//! gateway, as with testkit's PostgreSQL.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Deref;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::Backend;
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::{FakeProvider, Reply, SeenRequest, chat_json_bytes};
use testkit::http::Client;
use testkit::postgres::Postgres;
use testkit::random::SeededRandom;
use testkit::skip::skipped;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::people::{Caller, Workspace};

pub const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");

/// Every provider of the catalogue with an address of its own.
const PROVIDERS: [&str; 13] = [
    "anthropic",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "minimax",
    "mistral",
    "moonshot",
    "openai",
    "openrouter",
    "together",
    "xai",
    "zai",
];
/// Their keys travel in headers the fake does not look into: it takes every one.
const CREDULOUS: [&str; 2] = ["anthropic", "gemini"];
/// The provider whose answers tests change, one test at a time.
const SCRIPTED: &str = "mistral";
/// Self-hosted endpoints: one asks for a key, one for none.
const WITH_KEY: &str = "vllm";
const WITHOUT_KEY: &str = "ollama";

/// What a sentence is tried on. The client is the test's own: its connections live on the test's runtime.
pub struct Site {
    pub backend: Backend,
    pub api: Client,
    place: &'static Place,
    /// How much the gateway had said before.
    heard: [usize; 2],
}

struct Place {
    url: String,
    folder: PathBuf,
    database_url: Option<String>,
    fakes: BTreeMap<&'static str, FakeProvider>,
    scripting: Mutex<()>,
    /// The session of the one who set it up: operator, and owner of all workspaces.
    operator: String,
    /// Its standard input is what keeps the gateway up.
    _watcher: Child,
}

/// `Ok(None)`: the database is not installed, which has been said by then.
type Started = Result<Option<Place>, String>;

static SQLITE: OnceCell<Started> = OnceCell::const_new();
static POSTGRES: OnceCell<Started> = OnceCell::const_new();
/// Of the fakes: they outlive the test that came first.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
});

/// Tries a sentence on one database.
pub async fn visit(backend: Backend, sentence: impl AsyncFnOnce(&Site)) {
    let cell = match backend {
        Backend::Postgres => &POSTGRES,
        Backend::Sqlite => &SQLITE,
    };
    let starting = || async {
        let started = RUNTIME.spawn(Place::start(backend)).await;
        started.map_err(|error| error.to_string())
    };
    match cell.get_or_init(starting).await {
        Ok(Some(place)) => {
            let heard = [OUT, ERRORS].map(|name| place.length(name));
            let api = Client::new(&*place.url);
            sentence(&Site { backend, api, place, heard }).await;
        }
        Ok(None) => {}
        Err(why) => panic!("the gateway did not start: {why}"),
    }
}

impl Site {
    pub fn operator(&self) -> Caller {
        Caller::new(&self.api, &self.place.operator)
    }

    /// A new one, with an owner of its own who has done nothing yet.
    pub async fn workspace(&self) -> Workspace {
        Workspace::found(self.operator()).await
    }

    pub fn fake(&self, provider: &str) -> &'static FakeProvider {
        self.place.fakes.get(provider).unwrap_or_else(|| panic!("no fake of {provider}"))
    }

    /// The provider whose answers may be changed, for as long as this is held; then it answers as usual again.
    pub async fn scripted(&self) -> Scripted {
        let place: &'static Place = self.place;
        Scripted { fake: self.fake(SCRIPTED), _turn: place.scripting.lock().await }
    }

    /// What a provider has been asked with this key.
    pub fn asked(&self, provider: &str, key: &str) -> Asked {
        let mut asked = Asked::default();
        for request in self.fake(provider).requests() {
            if shows(&request, key) {
                let is_call = request.method == "POST";
                *if is_call { &mut asked.calls } else { &mut asked.probes } += 1;
            }
        }
        asked
    }

    /// Where the endpoint lives that takes any key but none.
    pub fn with_key(&self) -> (&'static FakeProvider, String) {
        (self.fake(WITH_KEY), self.fake(WITH_KEY).base_url())
    }

    /// Where the endpoint lives that asks for no key.
    pub fn without_key(&self) -> (&'static FakeProvider, String) {
        (self.fake(WITHOUT_KEY), self.fake(WITHOUT_KEY).base_url())
    }

    /// What the gateway said since this test began, at every level.
    pub fn log(&self) -> String {
        let [out, errors] = self.heard;
        self.place.said(OUT, out) + &self.place.said(ERRORS, errors)
    }

    /// What it said from its start on.
    pub fn whole_log(&self) -> String {
        self.place.said(OUT, 0) + &self.place.said(ERRORS, 0)
    }

    /// All that the gateway keeps: the data folder but for the master key, and a dump of PostgreSQL. `None`, after
    /// saying so, where the dump cannot be made.
    pub fn stored(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut folders = vec![self.place.folder.join(DATA)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder of the gateway") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("master.key") {
                    // The database drops its own helpers while we look.
                    bytes.extend(fs::read(&path).unwrap_or_default());
                }
            }
        }
        if let Some(url) = &self.place.database_url {
            bytes.extend(dump(url)?);
        }
        Some(bytes)
    }

    /// As it was given, or as it was generated.
    pub fn master_key(&self) -> String {
        match self.backend {
            Backend::Postgres => FERNET_KEY.to_owned(),
            Backend::Sqlite => {
                read(&self.place.folder.join(DATA).join("master.key")).trim().to_owned()
            }
        }
    }

    /// The cipher this gateway was started with, and its number in an envelope.
    pub const fn suite(&self) -> (&'static str, u8) {
        match self.backend {
            Backend::Postgres => ("fernet", 3),
            Backend::Sqlite => ("aes-256-gcm", 1),
        }
    }
}

/// How often a provider was called, and how often only probed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub probes: usize,
    pub calls: usize,
}

fn shows(request: &SeenRequest, key: &str) -> bool {
    let key = key.as_bytes();
    request.headers.values().any(|value| value.as_bytes().ends_with(key))
}

/// Sole use of the scripted provider.
pub struct Scripted {
    fake: &'static FakeProvider,
    _turn: MutexGuard<'static, ()>,
}

impl Scripted {
    pub const NAME: &'static str = SCRIPTED;
}

impl Deref for Scripted {
    type Target = FakeProvider;

    fn deref(&self) -> &FakeProvider {
        self.fake
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.fake.always(Reply::standard());
        self.fake.always_probe(Reply::standard());
    }
}

/// A key no provider and no other test has seen; the fakes refuse what begins with `bad`.
pub fn fresh(start: &str) -> String {
    static RANDOM: LazyLock<SeededRandom> = LazyLock::new(|| SeededRandom::new(11));
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
    let letter = |shift: u32, bits: u64| char::from(LETTERS[(bits >> shift & 31) as usize]);
    let mut key = start.to_owned();
    for _ in 0..4 {
        let bits = RANDOM.next();
        key.extend((0..10).map(|place| letter(place * 6, bits)));
    }
    key
}

const OUT: &str = "stdout";
const ERRORS: &str = "stderr";
const DATA: &str = "data";
/// As `Fernet.generate_key()` makes them.
const FERNET_KEY: &str = "EhxeencFsbK9PpCDgFnGMAgmbVHM8fYTb9t-YOYefOA=";
/// How long the slowest debug build on a busy machine may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

impl Place {
    fn length(&self, name: &str) -> usize {
        let file = fs::metadata(self.folder.join(name)).expect("what the gateway said");
        usize::try_from(file.len()).expect("a file that fits in memory")
    }

    fn said(&self, name: &str, from: usize) -> String {
        let all = fs::read(self.folder.join(name)).expect("what the gateway said");
        String::from_utf8_lossy(&all[from..]).into_owned()
    }

    async fn start(backend: Backend) -> Option<Self> {
        let database_url = match backend {
            Backend::Postgres => Some(Postgres::database().await?.url),
            Backend::Sqlite => None,
        };
        let fakes = fakes().await;
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let watcher = launch(&folder, &fakes, database_url.as_deref());
        let url = address(&folder).await;
        let body = json!({
            "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "operators",
        });
        let made = Client::new(&*url).post("/v1/setup", &body).whole().await.expect(201);
        let operator = made.at("/token");
        let scripting = Mutex::default();
        Some(Self { url, folder, database_url, fakes, scripting, operator, _watcher: watcher })
    }
}

async fn fakes() -> BTreeMap<&'static str, FakeProvider> {
    let mut fakes = BTreeMap::new();
    for name in PROVIDERS.into_iter().chain([WITH_KEY, WITHOUT_KEY]) {
        let fake = FakeProvider::start().await;
        if CREDULOUS.contains(&name) || name == WITHOUT_KEY {
            fake.always_probe(Reply::json(&json!({ "object": "list", "data": [] })));
        }
        if name == WITHOUT_KEY {
            fake.always(Reply::text(200, "application/json", chat_json_bytes(1)));
        }
        fakes.insert(name, fake);
    }
    fakes
}

fn launch(
    folder: &Path,
    fakes: &BTreeMap<&'static str, FakeProvider>,
    database_url: Option<&str>,
) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "keystile-test-gateway", OUT, ERRORS, KEYSTILE]);
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join(DATA));
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN).env("KEYSTILE_LOG", "trace");
    for name in PROVIDERS {
        let variable = format!("KEYSTILE_PROVIDER_{}_BASE_URL", name.to_uppercase());
        command.env(variable, fakes[name].base_url());
    }
    let own = [WITH_KEY, WITHOUT_KEY].map(|name| format!("127.0.0.1/32:{}", fakes[name].port()));
    command.env("KEYSTILE_EGRESS_ALLOW", own.join(","));
    if let Some(url) = database_url {
        command.env("KEYSTILE_DATABASE_URL", url).env("KEYSTILE_VAULT_SUITE", "fernet");
        command.env("PROVIDER_KEY_ENCRYPTION_KEY", FERNET_KEY);
    }
    // A Ctrl-C is for the test process; the watcher outlives it just long enough to clean.
    command.current_dir(folder).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("cannot run sh: {error}"))
}

/// Runs the gateway until its standard input ends, which it does with the test process; then both go, and the
/// folder.
const WATCHER: &str = r#"
trap '' HUP INT TERM PIPE
out=$1 errors=$2
shift 2
"$@" >"$out" 2>"$errors" </dev/null &
gateway=$!
cat >/dev/null
kill -KILL "$gateway" 2>/dev/null
wait "$gateway"
folder=$(pwd)
cd / && rm -rf "$folder"
"#;

/// From the banner: `http://127.0.0.1:PORT`.
async fn address(folder: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = read(&folder.join(OUT));
        if said.contains("\n  master key  ") {
            let line = said.lines().find_map(|line| line.trim_start().strip_prefix("API "));
            let url = line.and_then(|line| line.trim().strip_suffix("/v1"));
            return url.unwrap_or_else(|| panic!("no address in the banner: {said}")).to_owned();
        }
        assert!(Instant::now() < deadline, "no banner: {said}\n{}", read(&folder.join(ERRORS)));
        tokio::time::sleep(POLL).await;
    }
}

/// Empty as long as it is not there.
fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Everything PostgreSQL keeps for us, as text: bytes come in hexadecimal.
fn dump(url: &str) -> Option<Vec<u8>> {
    let beside = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let beside = beside.map(|version| version.path().join("bin/pg_dump"));
    let program = beside.filter(|path| path.is_file()).max().unwrap_or(PathBuf::from("pg_dump"));
    let Ok(output) = Command::new(program).arg("--inserts").arg(url).output() else {
        skipped("PostgreSQL: no pg_dump");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}
