//! Where a secret could show: answers as they stood on the wire, everything anybody logs, the data folder, a dump of the
//! database.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, Once};

use testkit::TestApp;
use testkit::canary::Canaries;
use testkit::http::Whole;
use testkit::skip::skipped;
use tracing_subscriber::filter::{dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// All that is left of a story.
pub struct Evidence {
    /// Each with the name of what it answers.
    pub answers: Vec<(String, Vec<u8>)>,
    pub log: Vec<u8>,
    /// Of the data folder, while it was in use and afterwards, but for those that are there to hold a secret.
    pub files: Vec<(String, Vec<u8>)>,
    pub dump: Option<Vec<u8>>,
}

impl Evidence {
    pub fn scan(&self, canaries: &Canaries) -> Vec<String> {
        let mut found = self.scan_said(canaries);
        for (name, bytes) in &self.files {
            found.extend(canaries.scan(name, &[name.as_bytes(), b"\n", bytes].concat()));
        }
        if let Some(dump) = &self.dump {
            found.extend(canaries.scan("the dump", dump));
        }
        found
    }

    /// Of what is said, not of what is kept.
    pub fn scan_said(&self, canaries: &Canaries) -> Vec<String> {
        let mut found = canaries.scan("the log", &self.log);
        for (name, bytes) in &self.answers {
            found.extend(canaries.scan(&format!("the answer to {name}"), bytes));
        }
        found
    }

    /// Nothing was found because nothing is there, not because nobody looked.
    #[track_caller]
    pub fn assert_plenty(&self, answers_min: usize) {
        assert!(self.answers.len() >= answers_min, "{} answers", self.answers.len());
        assert!(self.files.len() > 2, "a data folder holds files");
        let log = String::from_utf8_lossy(&self.log);
        for heard in ["TRACE", "sqlx::query", "gateway::attempt", "request.id"] {
            assert!(log.contains(heard), "the log has no {heard}");
        }
    }
}

/// An answer as it stood on the wire.
pub fn heard(answer: &Whole) -> Vec<u8> {
    let mut bytes = format!("{}\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
    bytes.extend([b"\n".as_slice(), &answer.body].concat());
    bytes
}

pub const MASTER_KEY_FILE: &str = "master.key";

/// Every file under the folder but the one that is there to hold a secret.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder of ours") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != MASTER_KEY_FILE {
                // The database drops its own helpers while we look.
                let bytes = fs::read(&path).unwrap_or_default();
                files.push((name, bytes));
            }
        }
    }
    assert!(files.len() > 1, "a data folder holds files");
    files
}

/// Everything PostgreSQL keeps for us, as text: bytes come in hexadecimal.
pub fn dump(app: &TestApp) -> Option<Vec<u8>> {
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

/// Everything that is logged at every level, from when it is made until it is dropped: on the thread of the test that made
/// it, and on all threads that are no test's.
pub struct Logs {
    from: usize,
}

/// What is heard, and how many listen.
static HEARD: Mutex<(Vec<u8>, usize)> = Mutex::new((Vec::new(), 0));

thread_local! {
    static LISTENERS: Cell<usize> = const { Cell::new(0) };
}

/// The others of this binary are spared the cost.
fn is_listened_to() -> bool {
    let is_tests = || std::thread::current().name().is_some_and(|name| name.contains("::"));
    LISTENERS.get() > 0 || !is_tests()
}

impl Logs {
    /// The subscriber is the process's, so there is one for all tests.
    pub fn start() -> Self {
        static SUBSCRIBED: Once = Once::new();
        SUBSCRIBED.call_once(|| {
            let lines = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
                .with_writer(|| Listener)
                .finish();
            lines
                .with(dynamic_filter_fn(|_, _| is_listened_to()))
                // What the gateway silences under any configuration nobody can hear.
                .with(filter_fn(server::telemetry::is_discreet))
                .try_init()
                .expect("no other test of this binary installs a subscriber");
        });
        let mut heard = lock();
        heard.1 += 1;
        LISTENERS.set(LISTENERS.get() + 1);
        Self { from: heard.0.len() }
    }

    pub fn so_far(&self) -> Vec<u8> {
        lock().0[self.from..].to_vec()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        let mut heard = lock();
        heard.1 -= 1;
        LISTENERS.set(LISTENERS.get() - 1);
        if heard.1 == 0 {
            heard.0 = Vec::new();
        }
    }
}

struct Listener;

impl Write for Listener {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut heard = lock();
        if heard.1 > 0 {
            heard.0.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock() -> MutexGuard<'static, (Vec<u8>, usize)> {
    HEARD.lock().expect("nobody panics while logging")
}
