//! A throwaway Redis, made from the program installed here: one server for each test, on a port of its own, without a
//! file. Can be killed, started again on its port, and held still. Never touches the machine's own server.
//!
//! Nothing outlives the test process, however it dies: the server belongs to a watching shell whose standard input we
//! hold, and when that pipe closes it kills the server it started.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::postgres::{free_port, path};
use crate::skip::skipped;

/// A server for one test. Dropping it kills it.
pub struct Redis {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    server: Option<Server>,
}

struct Server {
    /// Its standard input is what keeps the server up.
    watcher: Child,
    /// The server's own number.
    process: String,
}

/// The port was free when we looked; another process may take it before the server does.
const ATTEMPTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

impl Redis {
    /// None, after saying `skipped: ..`, when Redis is not installed. Panics when it is and fails.
    pub async fn start() -> Option<Self> {
        let Some(program) = program() else {
            skipped("Redis: no redis-server found on PATH");
            return None;
        };
        let started = tokio::task::spawn_blocking(|| Self::start_as(program));
        Some(started.await.expect("the server's thread"))
    }

    fn start_as(program: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut redis = Self { program, folder, port: 0, server: None };
        for _ in 0..ATTEMPTS {
            redis.port = free_port();
            redis.server = redis.launch();
            if redis.server.is_some() {
                return redis;
            }
        }
        panic!("Redis did not start on any of {ATTEMPTS} free ports");
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As a crash would: nothing is said to anybody, and all it knew is gone.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// On the same port, knowing nothing.
    pub fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + PATIENCE;
        while self.server.is_none() {
            assert!(Instant::now() < deadline, "Redis did not start again on port {}", self.port);
            self.server = self.launch();
        }
    }

    /// Connections stay, and nothing answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// One command in words, such as `CONFIG SET maxmemory 1`, and the first line of what it answers.
    #[track_caller]
    pub fn say(&self, words: &str) -> String {
        let answer = BufReader::new(self.send(words).expect("a connection")).lines().next();
        answer.expect("an answer").expect("a line")
    }

    fn signal(&self, name: &str) {
        let server = self.server.as_ref().expect("a server that runs");
        let kill = format!("kill -{name} {}", server.process);
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh runs");
        assert!(sent.success(), "{kill}");
    }

    /// `None` when the port is taken.
    fn launch(&self) -> Option<Server> {
        let mut watcher = Command::new("sh")
            .args(["-c", WATCHER, "keystile-test-redis"])
            .arg(&self.program)
            .arg(self.port.to_string())
            .arg(self.folder.path())
            .env_clear()
            .env("PATH", path())
            .current_dir("/")
            // A Ctrl-C is for the test process; the watcher outlives it just long enough to clean.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let mut said = BufReader::new(watcher.stdout.take().expect("a piped standard output"));
        let mut process = String::new();
        said.read_line(&mut process).expect("the watcher's words");
        let server = Server { watcher, process: process.trim().to_owned() };
        self.answers(&server).then_some(server)
    }

    /// Whether it is this server that comes to answer on the port, and no other.
    fn answers(&self, server: &Server) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let ours = format!("process_id:{}\r", server.process);
        while Instant::now() < deadline {
            let mut said = Vec::new();
            if let Ok(mut stream) = self.send("INFO server\r\nQUIT") {
                // A server that refuses is judged by what it said before.
                drop(stream.read_to_end(&mut said));
                return String::from_utf8_lossy(&said).contains(&ours);
            }
            thread::sleep(POLL);
        }
        false
    }

    fn send(&self, words: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{words}\r\n").as_bytes())?;
        Ok(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // It ends when the server has.
        drop(self.watcher.wait());
    }
}

/// Says the server's number, then waits for its standard input to end.
const WATCHER: &str = r#"
trap '' HUP INT TERM PIPE
"$1" --bind 127.0.0.1 --port "$2" --dir "$3" --save '' --appendonly no --daemonize no \
    >/dev/null 2>&1 </dev/null &
echo $!
cat >/dev/null
kill -KILL $! 2>/dev/null
wait $!
"#;

fn program() -> Option<PathBuf> {
    let path = path();
    let mut found = env::split_paths(&path).map(|folder| folder.join("redis-server"));
    found.find(|program| program.is_file())
}
