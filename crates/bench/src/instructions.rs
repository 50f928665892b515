//! `bench instructions`: how many instructions each step of a request takes. Unlike time, that is the same on a busy machine, and
//! so it can be held to a bound. Counted by valgrind, which runs this program anew for each step.

mod alone;
mod bounds;
mod whole;
mod work;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use clap::Args;
use testkit::skip::skipped;

use crate::Common;
use crate::fast_provider::Answers;
use crate::report::Report;
use crate::volley::Volley;
use bounds::{BOUNDS, Bound};

pub use work::{Arguments as WorkArguments, run as work};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// One step alone
    #[arg(long, value_enum, value_name = "STEP")]
    only: Option<work::Work>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, only } = arguments;
    let is_optimised = !cfg!(debug_assertions);
    ensure!(is_optimised, "the bounds are those of a release build: cargo run --release -p bench");
    if !has_valgrind() {
        skipped("valgrind is not installed");
        return Ok(true);
    }
    let mut report = Report::new();
    for bound in BOUNDS.iter().filter(|bound| only.is_none_or(|only| only == bound.work)) {
        let Bound { work, instructions_max, .. } = *bound;
        let (name, counted) = (work.name(), bound.count()?);
        report.figure(&name, format!("{counted} instructions, at most {instructions_max}"));
        report.check(counted <= instructions_max, || {
            format!("{name} takes {counted} instructions, which is more than {instructions_max}")
        });
        // A bound that is far away holds nothing: whoever makes a step this much shorter says so in the table.
        report.check(counted.saturating_mul(3) >= instructions_max, || {
            format!("{name} takes only {counted} instructions: lower its bound in bounds.rs")
        });
    }
    report.finish(&common)
}

impl Bound {
    /// Of one time: what twice as many times take more, so that whatever happens but once is not in it.
    fn count(&self) -> anyhow::Result<u64> {
        let (once, twice) = (self.count_of(self.times)?, self.count_of(self.times * 2)?);
        ensure!(once < twice, "{}: {twice} for twice the work of {once}", self.work.name());
        (twice - once).checked_div(self.times).context("no times at all")
    }

    /// Of a whole process that does it so many times.
    fn count_of(&self, times: u64) -> anyhow::Result<u64> {
        let mut tried = 1;
        loop {
            match self.try_to_count(times) {
                // Some steps need a gateway, which may give up waiting for a machine that is busy beyond measure.
                Err(_) if tried < TRIES_MAX => tried += 1,
                counted => return counted,
            }
        }
    }

    fn try_to_count(&self, times: u64) -> anyhow::Result<u64> {
        let ran = Command::new(VALGRIND)
            .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
            .arg(this_program()?)
            .args(["work", &self.work.name(), "--times", &times.to_string()])
            .output()
            .context(VALGRIND)?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success(), "{}: {}: {said}", self.work.name(), ran.status);
        let line = said.lines().rev().find_map(|line| line.split_once(COUNTED));
        let count = line.map(|(_, count)| count.trim().replace(',', ""));
        count.and_then(|count| count.parse().ok()).with_context(|| format!("no count in: {said}"))
    }
}

/// Requests as `bench compare` makes them.
fn volley(streamed: bool) -> Volley {
    let (connections, requests, rate, body_bytes, answers) = (1, 1, None, 512, ANSWERS);
    Volley { connections, requests, rate, body_bytes, streamed, answers }
}

fn has_valgrind() -> bool {
    let asked = Command::new(VALGRIND).arg("--version").stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

fn this_program() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?)
}

const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 100, pause_ms: 0 };
const TRIES_MAX: u32 = 3;
const VALGRIND: &str = "valgrind";
/// `==123== I   refs:      127,679`, in all versions.
const COUNTED: &str = " refs:";
