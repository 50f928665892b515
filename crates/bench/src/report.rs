//! What a run found, for people and as JSON: the figures, what was wrong, and what it ran on.

use std::io::Write as _;
use std::process::Command;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Common;

/// Of one run. Passed, if nothing was wrong.
pub struct Report {
    command: String,
    figures: Map<String, Value>,
    wrong: Vec<String>,
}

/// A thousand times the same fault needs not to be said a thousand times.
const WRONG_SHOWN_MAX: usize = 20;

impl Report {
    pub fn new() -> Self {
        let command: Vec<_> = std::env::args().skip(1).collect();
        Self { command: command.join(" "), figures: Map::new(), wrong: Vec::new() }
    }

    pub fn figure(&mut self, name: &str, value: impl Serialize) {
        self.figures.insert(name.to_owned(), json!(value));
    }

    pub fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    pub fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }

    pub fn has_passed(&self) -> bool {
        self.wrong.is_empty()
    }

    #[cfg(test)]
    pub fn wrongs(&self) -> &[String] {
        &self.wrong
    }

    /// Prints it, and writes it down where that is asked for. Whether it passed.
    pub fn finish(self, common: &Common) -> anyhow::Result<bool> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "bench {}", self.command)?;
        let width = self.figures.keys().map(String::len).max().unwrap_or_default();
        for (name, value) in &self.figures {
            writeln!(out, "  {name:<width$}  {value}")?;
        }
        drop(out);
        self.conclude(common)
    }

    /// The same without the figures, of which there are too many or which were shown already.
    pub fn conclude(self, common: &Common) -> anyhow::Result<bool> {
        let mut out = std::io::stdout().lock();
        for what in self.wrong.iter().take(WRONG_SHOWN_MAX) {
            writeln!(out, "  wrong: {what}")?;
        }
        let (passed, count) = (self.has_passed(), self.wrong.len());
        match passed {
            true => writeln!(out, "passed")?,
            false => writeln!(out, "failed: {count} wrong")?,
        }
        if let Some(file) = &common.json {
            std::fs::write(file, self.json(common.seed)?)
                .with_context(|| file.display().to_string())?;
        }
        Ok(passed)
    }

    fn json(&self, seed: u64) -> anyhow::Result<String> {
        let report = json!({
            "command": self.command, "seed": seed, "commit": commit(), "machine": machine(),
            "figures": self.figures, "wrong": self.wrong, "passed": self.has_passed(),
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&report)?))
    }
}

/// Errors go to standard error, with all their causes.
pub fn complain(error: &anyhow::Error) {
    // Nothing is left to tell a failure to write to.
    drop(writeln!(std::io::stderr(), "bench: {error:#}"));
}

/// Median, 99th percentile and the longest.
pub fn spread(mut times_ms: Vec<u64>) -> Value {
    times_ms.sort_unstable();
    let at = |percent: usize| {
        let last = times_ms.len().saturating_sub(1);
        times_ms.get(last.saturating_mul(percent) / 100).copied()
    };
    json!({ "p50": at(50), "p99": at(99), "max": at(100) })
}

fn commit() -> Option<String> {
    let said = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let commit = String::from_utf8(said.stdout).ok()?;
    said.status.success().then(|| commit.trim().to_owned())
}

fn machine() -> Value {
    let cores = std::thread::available_parallelism().map(usize::from).ok();
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    json!({
        "cores": cores, "system": std::env::consts::OS, "architecture": std::env::consts::ARCH,
        "processor": processor(), "build": build,
    })
}

fn processor() -> Option<String> {
    let about = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = about.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
