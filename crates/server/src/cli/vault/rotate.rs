//! `keystile vault rotate`: asks the running gateway to begin, and watches it to the end. The gateway goes on alone, whoever
//! watches.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

use crate::cli::block_on;
use crate::cli::client::Answer;
use crate::cli::connection::Connection;
use crate::cli::failure::Failure;
use crate::cli::output::{Format, as_it_is, note, printable};
use crate::cli::remote::Remote;

#[derive(clap::Args)]
#[command(
    after_help = "Where the master key was generated, the gateway makes the new one. Where it is in a file \
    (KEYSTILE_MASTER_KEY_FILE), add the new one to the file of every node first, as in `2:...` on a line of its own. Where it \
    is in the environment, restart every node with \"2:...,1:...\" first.\n\n\
    Examples:\n  keystile vault rotate\n  keystile vault rotate --suite xsalsa20-poly1305 --no-wait"
)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// Keep the master key and seal everything with this suite instead
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// Do not wait until all is sealed anew
    #[arg(long)]
    no_wait: bool,
}

/// Of the gateway's answer, what is looked at.
#[derive(Deserialize)]
struct Vault {
    job: Option<Job>,
}

#[derive(Deserialize)]
struct Job {
    state: String,
    done: u64,
    total: u64,
    closed: u64,
    waiting_for: Vec<String>,
}

const BLOCKED: &str = "blocked";
const DONE: &str = "done";
const VAULT: &str = "/v1/operator/vault";
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A gateway that is started anew goes on where it was.
const GONE_MAX: Duration = Duration::from_secs(60);

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let to = arguments.remote.connect()?;
    block_on(async {
        let body = match &arguments.suite {
            Some(suite) => json!({ "suite": suite }),
            None => json!({}),
        };
        let begun = to.client.post(&format!("{VAULT}/rotate"), &body).send().await?;
        if arguments.no_wait {
            to.show(&begun)?;
            return Ok(ExitCode::SUCCESS);
        }
        let (answer, job) = watch(&to).await?;
        if to.format == Format::Json {
            as_it_is(&answer)?;
        }
        if job.state == DONE {
            to.format.done(format!("all {} values are sealed anew", job.total))?;
            return Ok(ExitCode::SUCCESS);
        }
        note(format!(
            "{} values do not open and keep their old key: `keystile vault doctor` names them. Once they are replaced or \
             deleted, the gateway goes on by itself",
            job.closed
        ))?;
        Ok(ExitCode::FAILURE)
    })
}

/// Until there is nothing more to do, or nothing more can be done.
async fn watch(to: &Connection) -> anyhow::Result<(Answer, Job)> {
    let mut line = Line::default();
    let mut heard_at = Instant::now();
    loop {
        match to.client.get(VAULT).send().await {
            Ok(answer) => {
                heard_at = Instant::now();
                let job = job(&answer)?;
                line.draw(&job)?;
                if [BLOCKED, DONE].contains(&job.state.as_str()) {
                    line.end()?;
                    return Ok((answer, job));
                }
            }
            Err(Failure::Unreachable(_)) if heard_at.elapsed() < GONE_MAX => {}
            Err(failure) => {
                line.end()?;
                return Err(failure.into());
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn job(answer: &Answer) -> anyhow::Result<Job> {
    let vault: Vault = serde_json::from_slice(&answer.body)?;
    vault.job.context("the gateway knows of no rotation")
}

/// One line of a terminal, drawn over itself. Where nobody looks, nothing.
#[derive(Default)]
struct Line {
    drawn: bool,
}

const BAR_CHARS: u64 = 30;

impl Line {
    fn draw(&mut self, job: &Job) -> io::Result<()> {
        let mut out = io::stderr().lock();
        if !out.is_terminal() {
            return Ok(());
        }
        self.drawn = true;
        write!(out, "\r\x1b[K{}", progress(job))?;
        out.flush()
    }

    fn end(&self) -> io::Result<()> {
        if self.drawn { writeln!(io::stderr().lock()) } else { Ok(()) }
    }
}

fn progress(job: &Job) -> String {
    let state = printable(&job.state);
    if !job.waiting_for.is_empty() {
        return format!("{state}: waiting for {}", printable(&job.waiting_for.join(", ")));
    }
    let (done, total) = (job.done, job.total);
    let full = done.saturating_mul(BAR_CHARS).checked_div(total).unwrap_or(BAR_CHARS);
    let bar: String = (0..BAR_CHARS).map(|n| if n < full { '#' } else { '.' }).collect();
    format!("{state} [{bar}] {done}/{total}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_or_whom_it_waits_for() {
        let job = |state: &str, done, total, waiting_for: &[&str]| Job {
            state: state.to_owned(),
            done,
            total,
            closed: 0,
            waiting_for: waiting_for.iter().map(|node| (*node).to_owned()).collect(),
        };
        let half = job("resealing", 5, 10, &[]);
        let nothing = job("done", 0, 0, &[]);
        let waiting = job("staged", 0, 7, &["node_1\u{1b}", "node_2"]);

        let bar = format!("{}{}", "#".repeat(15), ".".repeat(15));
        assert_eq!(progress(&half), format!("resealing [{bar}] 5/10"));
        assert_eq!(progress(&nothing), format!("done [{}] 0/0", "#".repeat(30)));
        assert_eq!(progress(&waiting), "staged: waiting for node_1\u{fffd}, node_2");
    }
}
