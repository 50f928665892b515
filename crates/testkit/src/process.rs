//! A program as a child process: nothing of our environment but PATH, its words collected while it runs, killed when
//! its guard goes. Knows only one thing of the gateway: how its banner names its address.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::postgres::path;

/// A command being put together.
#[must_use = "nothing runs before `start` or `run`"]
pub struct Program(Command);

/// A child that runs. Dropping it kills it.
pub struct Running {
    child: Child,
    stdout: Said,
    stderr: Said,
}

/// A child that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// How long a child may take for what it must do; the slowest is a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

impl Program {
    /// It runs in `folder`, so that it finds no configuration of ours.
    pub fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", path()).current_dir(folder);
        Self(command)
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub fn start(self) -> Running {
        self.start_with(Stdio::null())
    }

    /// To its end, with this on its standard input. Blocks.
    pub fn run(self, stdin: &str) -> Ended {
        let mut running = self.start_with(Stdio::piped());
        let mut pipe = running.child.stdin.take().expect("a piped standard input");
        // A child that ends without reading is judged by how it ended.
        drop(pipe.write_all(stdin.as_bytes()));
        drop(pipe);
        running.ended(PATIENCE)
    }

    fn start_with(mut self, stdin: Stdio) -> Running {
        let command = self.0.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = Said::listen(child.stdout.take().expect("a piped standard output"));
        let stderr = Said::listen(child.stderr.take().expect("a piped standard error"));
        Running { child, stdout, stderr }
    }
}

impl Running {
    /// The number that the system knows it by.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until standard output holds this, and gives all of it; fails loudly if it never does.
    pub fn stdout_with(&self, wanted: &str) -> String {
        self.stdout.wait_for(wanted).unwrap_or_else(|said| {
            panic!("no {wanted:?} on standard output: {said}\n{}", self.stderr.text())
        })
    }

    /// The same of standard error.
    pub fn stderr_with(&self, wanted: &str) -> String {
        self.stderr.wait_for(wanted).unwrap_or_else(|said| {
            panic!("no {wanted:?} on standard error: {said}\n{}", self.stdout.text())
        })
    }

    /// Waits for the banner of the gateway. `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        let said = self.stdout_with("\n  master key  ");
        let line = said.lines().find_map(|line| line.trim_start().strip_prefix("API "));
        let url = line.and_then(|line| line.trim().strip_suffix("/v1"));
        url.unwrap_or_else(|| panic!("no address in the banner: {said}")).to_owned()
    }

    /// `TERM`, `INT` or `KILL`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("sh runs");
        assert!(sent.success(), "{kill}");
    }

    /// Waits for the end that must come within this time. Blocks.
    pub fn ended(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "still running after {within:?}: {}\n{}",
                self.stdout.text(),
                self.stderr.text()
            );
            thread::sleep(POLL);
        };
        Ended { status, stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(self) -> Ended {
        self.signal("TERM");
        self.ended(PATIENCE)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// The output, if it ended well.
    #[track_caller]
    pub fn well(self) -> String {
        assert!(self.status.success(), "{}: {}\n{}", self.status, self.stdout, self.stderr);
        self.stdout
    }
}

/// What came out of one pipe so far.
struct Said {
    heard: Arc<Heard>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Heard {
    text: Mutex<(Vec<u8>, bool)>,
    more: Condvar,
}

impl Said {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let heard = Arc::new(Heard::default());
        let tell = Arc::clone(&heard);
        let listener = thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                let read = pipe.read(&mut piece).unwrap_or(0);
                let mut text = tell.lock();
                text.0.extend_from_slice(&piece[..read]);
                text.1 = read == 0;
                tell.more.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { heard, listener: Some(listener) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().0).into_owned()
    }

    /// `Err` with all there is, at the end of patience or of the pipe.
    fn wait_for(&self, wanted: &str) -> Result<String, String> {
        let lacks = |text: &mut (Vec<u8>, bool)| {
            !text.1 && !text.0.windows(wanted.len()).any(|part| part == wanted.as_bytes())
        };
        drop(self.heard.more.wait_timeout_while(self.heard.lock(), PATIENCE, lacks));
        let text = self.text();
        if text.contains(wanted) { Ok(text) } else { Err(text) }
    }

    fn whole(&mut self) -> String {
        if let Some(listener) = self.listener.take() {
            listener.join().expect("the listening thread");
        }
        self.text()
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, bool)> {
        self.text.lock().expect("nobody panics while listening")
    }
}
