//! `bench burst`: many large requests at once, and whether the memory they took is given back.

use std::time::Duration;

use clap::Args;

use crate::Common;
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::report::Report;
use crate::subject::Subject;
use crate::volley::Volley;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many requests come at once
    #[arg(long, default_value_t = 64)]
    requests: usize,
    /// The length of each body
    #[arg(long, default_value_t = 120 * 1024)]
    body_bytes: usize,
    /// How many times they come, one after the other
    #[arg(long, default_value_t = 1)]
    times: usize,
    /// How many seconds the gateway is given to calm down
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    wait: u64,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, requests, body_bytes, times, wait, database } = arguments;
    let Some(subject) = Subject::start(database, &common, ANSWERS).await? else { return Ok(true) };
    // Setting up hashes a password, which takes memory that serving does not.
    let subject = subject.restart()?;
    let (process, target) = (subject.gateway.process(), subject.target()?);
    let volley = Volley {
        connections: requests,
        requests: u64::try_from(requests)?,
        rate: None,
        body_bytes,
        streamed: false,
        answers: ANSWERS,
    };
    tokio::time::sleep(SETTLE).await;
    let idle = process.memory()?.resident;
    for _ in 0..times {
        volley.fire(&target).await?;
    }
    let burst = process.memory()?;
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let calm = process.memory()?.resident;
    subject.gateway.stop()?;

    let mut report = Report::new();
    report.figure("memory when idle, KiB", idle);
    report.figure("memory after the burst, KiB", burst.resident);
    report.figure("memory at most, KiB", burst.peak);
    report.figure("memory when calm again, KiB", calm);
    report.check(calm <= idle.saturating_mul(2), || {
        format!(
            "{calm} KiB {wait} s after the burst, and {idle} KiB before: promised is twice that"
        )
    });
    report.finish(&common)
}

const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 1, pause_ms: 0 };
const SETTLE: Duration = Duration::from_secs(1);
