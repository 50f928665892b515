//! A throwaway PostgreSQL, made from the programs installed here, one cluster for the whole test
//! process and a fresh database for each test. Never touches the machine's own server.
//!
//! Nothing outlives the test process, however it dies: the cluster belongs to a watching shell
//! whose standard input we hold, and when that pipe closes it stops the server and removes its
//! folder. (Rust drops no statics, so a guard would not do.)

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::skip::skipped;

/// The port was free when we looked; another process may take it before the server does.
const ATTEMPTS: usize = 3;
const SERVER_USER: &str = "postgres";

static CLUSTER: OnceLock<Result<Cluster, NoCluster>> = OnceLock::new();

/// The throwaway server of this test process.
pub struct Postgres;

/// An empty database of its own; goes away with the whole cluster.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// For sqlx: `postgres://postgres@127.0.0.1:PORT/NAME?sslmode=disable`.
    pub url: String,
    pub name: String,
}

struct Cluster {
    programs: PathBuf,
    /// Holds the data and the unix socket; made and removed by the watcher.
    folder: PathBuf,
    port: u16,
    made: AtomicUsize,
    /// Its standard input is what keeps the server up.
    _watcher: Child,
}

enum NoCluster {
    Broken(String),
    Missing(String),
}

impl Postgres {
    /// None, after saying `skipped: ..`, when PostgreSQL's programs are not installed. Panics when
    /// they are and fail.
    pub async fn database() -> Option<TestDatabase> {
        let made = tokio::task::spawn_blocking(|| match CLUSTER.get_or_init(Cluster::start) {
            Ok(cluster) => Ok(cluster.database()),
            Err(error) => Err(error),
        });
        match made.await.expect("the database's thread") {
            Ok(database) => Some(database),
            Err(NoCluster::Broken(error)) => panic!("PostgreSQL did not start: {error}"),
            Err(NoCluster::Missing(what)) => {
                skipped(&format!("PostgreSQL: {what}"));
                None
            }
        }
    }

    /// Takes the server away from everybody in this process, at once. Only for a process with one test in it.
    pub async fn stop() {
        Self::control(&["stop", "-m", "immediate"]).await;
    }

    /// The same server again, with what it had.
    pub async fn start_again() {
        Self::control(&["start", "-w", "-t", "60", "-l", "/dev/null"]).await;
    }

    async fn control(arguments: &'static [&'static str]) {
        let controlled = tokio::task::spawn_blocking(move || match CLUSTER.get() {
            Some(Ok(cluster)) => cluster.control(arguments),
            _ => panic!("no PostgreSQL was started"),
        });
        controlled.await.expect("the database's thread");
    }
}

impl Cluster {
    fn control(&self, arguments: &[&str]) {
        let pg_ctl = self.programs.join("pg_ctl");
        // The server outlives the command and must not keep our pipes.
        let status = as_server_user(pg_ctl.to_str().expect("a path in UTF-8"))
            .args(arguments)
            .arg("-D")
            .arg(self.folder.join("data"))
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let status = status.expect("pg_ctl runs");
        assert!(status.success(), "pg_ctl {arguments:?}: {status}");
    }

    fn start() -> Result<Self, NoCluster> {
        let Some(programs) = programs() else {
            let what = "no initdb found on PATH or in /usr/lib/postgresql/*/bin".to_owned();
            return Err(NoCluster::Missing(what));
        };
        if is_root() && !user_exists() {
            let what = format!("it refuses to run as root, and there is no user {SERVER_USER}");
            return Err(NoCluster::Missing(what));
        }
        let mut error = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&programs) {
                Ok(cluster) => return Ok(cluster),
                Err(failed) => error = failed,
            }
        }
        Err(NoCluster::Broken(error))
    }

    fn attempt(programs: &Path) -> Result<Self, String> {
        let port = free_port();
        let mut watcher = as_server_user("sh")
            .args(["-c", WATCHER, "keystile-test-postgres"])
            .arg(programs)
            .arg(port.to_string())
            .arg(env::temp_dir())
            .current_dir("/")
            // A Ctrl-C is for the test process; the watcher outlives it just long enough to clean.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run sh: {error}"))?;

        let said = watcher.stdout.take().expect("a piped standard output");
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        match lines.next().as_deref() {
            Some("ready") => {}
            Some("failed") => return Err(lines.collect::<Vec<_>>().join("\n")),
            other => return Err(format!("the watcher said {other:?}")),
        }
        let folder = lines.next().ok_or("the watcher named no folder")?;
        Ok(Self {
            programs: programs.to_owned(),
            folder: folder.into(),
            port,
            made: AtomicUsize::new(0),
            _watcher: watcher,
        })
    }

    fn database(&self) -> TestDatabase {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::SeqCst));
        // Over the unix socket in our own folder: that can be no other server than ours.
        let output = clean(Command::new(self.programs.join("createdb")))
            .args(["--username", SERVER_USER, "--port", &self.port.to_string()])
            .arg("--host")
            .arg(&self.folder)
            .arg(&name)
            .output()
            .expect("createdb runs");
        assert!(
            output.status.success(),
            "createdb {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        TestDatabase {
            url: format!("postgres://{SERVER_USER}@127.0.0.1:{}/{name}?sslmode=disable", self.port),
            name,
        }
    }
}

/// Says `ready` and its folder, or `failed` and why; then waits for its standard input to end.
/// The server needs no durability, and nobody but this test process knows of it.
const WATCHER: &str = r#"
trap '' HUP INT TERM PIPE
umask 077
export LC_ALL=C
programs=$1 port=$2
folder=$(mktemp -d "$3/keystile-postgres.XXXXXX") || exit 1
fail() {
    echo failed
    cat "$folder"/*.log
    rm -rf "$folder"
    exit 1
}
"$programs/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
    >"$folder/initdb.log" 2>&1 </dev/null || fail
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
max_connections = 1000
fsync = off
full_page_writes = off
shared_buffers = 32MB
END
"$programs/pg_ctl" start -w -t 60 -D "$folder/data" -l "$folder/server.log" \
    >"$folder/start.log" 2>&1 </dev/null || fail
echo ready
echo "$folder"
cat >/dev/null
"$programs/pg_ctl" stop -m immediate -D "$folder/data" >/dev/null 2>&1 </dev/null
rm -rf "$folder"
"#;

/// PostgreSQL refuses to run as root; then it runs as the user that Debian makes for it.
fn as_server_user(program: &str) -> Command {
    if !is_root() {
        return clean(Command::new(program));
    }
    let mut command = clean(Command::new("setpriv"));
    command.arg(format!("--reuid={SERVER_USER}")).arg(format!("--regid={SERVER_USER}")).args([
        "--init-groups",
        "--",
        program,
    ]);
    command
}

/// Without PGHOST and its kind, which would lead to the machine's own server.
fn clean(mut command: Command) -> Command {
    command.env_clear().env("PATH", path());
    command
}

/// The folder with initdb and its companions: the first on PATH, else the newest of Debian's.
fn programs() -> Option<PathBuf> {
    let path = path();
    let on_path = env::split_paths(&path).filter_map(|folder| {
        // A link on PATH leads to the folder that has all of them.
        let initdb = folder.join("initdb").canonicalize().ok()?;
        initdb.parent().map(Path::to_owned)
    });
    let mut debian: Vec<PathBuf> = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    debian.sort_by_key(|folder| std::cmp::Reverse(major(folder)));
    on_path.chain(debian).find(|folder| {
        let mut needed = ["initdb", "pg_ctl", "postgres", "createdb"].iter();
        needed.all(|program| folder.join(program).is_file())
    })
}

/// 15 of `/usr/lib/postgresql/15/bin`.
fn major(folder: &Path) -> u32 {
    let version = folder.parent().and_then(Path::file_name);
    let version = version.and_then(|version| version.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
    listener.local_addr().expect("a bound socket").port()
}

fn is_root() -> bool {
    id(&["-u"]).as_deref() == Some("0")
}

fn user_exists() -> bool {
    id(&["-u", SERVER_USER]).is_some()
}

fn id(args: &[&str]) -> Option<String> {
    let output = clean(Command::new("id")).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test helper has no configuration; this is where programs are looked for"
)]
pub(crate) fn path() -> std::ffi::OsString {
    env::var_os("PATH").unwrap_or_default()
}
