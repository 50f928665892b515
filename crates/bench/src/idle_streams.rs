//! `bench idle-streams`: thousands of answers that take their time, all at once: what each weighs, and that each arrives whole.

use std::time::Duration;

use anyhow::Context as _;
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
    /// How many streams are open at once
    #[arg(long, default_value_t = 2000)]
    count: usize,
    /// How long each lasts
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// How many milliseconds lie between two events of one
    #[arg(long, default_value_t = 3000, value_name = "MS")]
    pause_ms: u64,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, count, seconds, pause_ms, database } = arguments;
    let events = seconds.saturating_mul(1000).div_ceil(pause_ms.max(1));
    let answers = Answers { answer_bytes: 1200, events: usize::try_from(events)?, pause_ms };
    let Some(subject) = Subject::start(database, &common, answers).await? else { return Ok(true) };
    // Setting up hashes a password, which takes memory that serving does not.
    let subject = subject.restart()?;
    let (process, target) = (subject.gateway.process(), subject.target()?);
    let requests = u64::try_from(count)?;
    // Half of the first pause is enough to open all of them.
    let opening_ms = pause_ms.max(2) / 2;
    let rate = Some(requests.saturating_mul(1000).div_ceil(opening_ms));
    let volley =
        Volley { connections: count, requests, rate, body_bytes: 512, streamed: true, answers };

    Volley { connections: 1, requests: 1, ..volley }.fire(&target).await?;
    let idle = process.memory()?.resident;
    let before = process.cpu()?;
    let firing = tokio::spawn(async move { volley.fire(&target).await });
    tokio::time::sleep(Duration::from_secs(seconds) / 2).await;
    anyhow::ensure!(!firing.is_finished(), "it was over too soon: {:?}", firing.await?.err());
    let open = process.memory()?.resident;
    let heard = firing.await?.context("not every stream arrived whole");
    let used = process.cpu_at_rest().await?.since(&before);
    let after = process.memory()?;
    subject.gateway.stop()?;

    let mut report = Report::new();
    let each = open.saturating_sub(idle).saturating_mul(1024).checked_div(requests);
    report.figure("streams", count);
    report.figure("events of each", events);
    report.figure("memory before, KiB", idle);
    report.figure("memory with all of them open, KiB", open);
    report.figure("memory at most, KiB", after.peak);
    report.figure("memory after, KiB", after.resident);
    report.figure("memory for each stream, bytes", each);
    report.figure("CPU for all of it, ms", used.as_millis() as u64);
    match heard {
        Ok(heard) => report.figure("a stream took, µs", heard.whole.spread()),
        Err(error) => report.wrong(format!("{error:#}")),
    }
    report.finish(&common)
}
