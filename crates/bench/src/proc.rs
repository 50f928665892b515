//! What the kernel counts of a process, in `/proc`: time on a processor, and memory. Knows not what the process does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

/// One that runs.
#[derive(Clone)]
pub struct Process {
    folder: PathBuf,
}

/// What a process has used of the processors so far.
pub struct CpuTime {
    /// Of all its threads, also of those that have ended; to the tick, which is 10 ms.
    ticks: Duration,
    /// Of each thread that lives, to the nanosecond, where the kernel tells.
    threads: BTreeMap<u32, u64>,
}

/// In KiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    pub resident: u64,
    /// The most it ever was.
    pub peak: u64,
}

impl Process {
    pub fn new(id: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{id}")) }
    }

    pub fn cpu(&self) -> anyhow::Result<CpuTime> {
        Ok(CpuTime { ticks: self.ticks()?, threads: self.threads() })
    }

    /// Once it has stopped working: what it does behind an answer is part of the answer's price.
    pub async fn cpu_at_rest(&self) -> anyhow::Result<CpuTime> {
        let deadline = Instant::now() + REST_WITHIN;
        let (mut before, mut quiet) = (self.cpu()?, 0);
        while quiet < QUIET_LOOKS && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = self.cpu()?;
            quiet = if now.since(&before) < QUIET { quiet + 1 } else { 0 };
            before = now;
        }
        Ok(before)
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = self.read("status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            number.and_then(|number| number.parse().ok()).with_context(|| format!("no {name}"))
        };
        Ok(Memory { resident: kib("VmRSS:")?, peak: kib("VmHWM:")? })
    }

    /// Files and sockets that are open.
    pub fn files(&self) -> anyhow::Result<usize> {
        self.count("fd")
    }

    pub fn threads_alive(&self) -> anyhow::Result<usize> {
        self.count("task")
    }

    fn count(&self, what: &str) -> anyhow::Result<usize> {
        let folder = self.folder.join(what);
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(entries.count())
    }

    fn ticks(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // Its name is in brackets, and may hold anything.
        let (_, rest) = stat.rsplit_once(')').context("a line of /proc/*/stat")?;
        let fields: Vec<_> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let used = ticks(UTIME).zip(ticks(STIME)).context("times in /proc/*/stat")?;
        let millis = used.0.saturating_add(used.1).saturating_mul(1000) / ticks_per_second();
        Ok(Duration::from_millis(millis))
    }

    fn threads(&self) -> BTreeMap<u32, u64> {
        let Ok(tasks) = std::fs::read_dir(self.folder.join("task")) else { return BTreeMap::new() };
        let used = |task: std::fs::DirEntry| {
            let told = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
            let id = task.file_name().to_str()?.parse().ok()?;
            Some((id, told.split_whitespace().next()?.parse().ok()?))
        };
        tasks.flatten().filter_map(used).collect()
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let file = self.folder.join(name);
        std::fs::read_to_string(&file).with_context(|| file.display().to_string())
    }
}

impl CpuTime {
    /// Exact where every thread of then still lives; else as exact as ticks are.
    pub fn since(&self, before: &Self) -> Duration {
        let ticks = self.ticks.saturating_sub(before.ticks);
        let all_live = before.threads.keys().all(|id| self.threads.contains_key(id));
        if self.threads.is_empty() || !all_live {
            return ticks;
        }
        let used = self.threads.iter().map(|(id, now)| {
            now.saturating_sub(before.threads.get(id).copied().unwrap_or_default())
        });
        Duration::from_nanos(used.sum())
    }
}

fn ticks_per_second() -> u64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let said = Command::new("getconf").arg("CLK_TCK").output().ok();
        let said = said.and_then(|said| String::from_utf8(said.stdout).ok());
        said.and_then(|said| said.trim().parse().ok()).filter(|ticks| *ticks > 0).unwrap_or(100)
    })
}

/// Places in what follows the name: numbers 14 and 15 of proc_pid_stat(5).
const UTIME: usize = 11;
const STIME: usize = 12;
const REST_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(40);
const QUIET: Duration = Duration::from_millis(1);
const QUIET_LOOKS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_is_seen_to_work_and_has_memory() {
        let this = Process::new(std::process::id());
        let before = this.cpu().unwrap();
        let began = Instant::now();
        let mut sum = 0_u64;
        while began.elapsed() < Duration::from_millis(200) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }

        let used = this.cpu().unwrap().since(&before);

        assert!(used > Duration::from_millis(10), "{used:?}");
        assert!(this.memory().unwrap().resident > 100);
    }

    #[test]
    fn when_a_thread_has_ended_ticks_are_believed() {
        let time = |ticks, threads: &[(u32, u64)]| CpuTime {
            ticks: Duration::from_millis(ticks),
            threads: threads.iter().copied().collect(),
        };
        let before = time(100, &[(1, 5_000_000), (2, 1_000_000)]);

        let exact = time(110, &[(1, 7_000_000), (2, 1_500_000), (3, 1)]).since(&before);
        let rough = time(110, &[(1, 7_000_000)]).since(&before);

        assert_eq!(exact, Duration::from_nanos(2_500_001));
        assert_eq!(rough, Duration::from_millis(10));
    }
}
