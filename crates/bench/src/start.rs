//! `bench start`: how long a start takes with a database that is there, and what the gateway weighs before anybody asks it
//! anything.

use std::time::Duration;

use clap::Args;

use crate::Common;
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::report::{Report, spread};
use crate::subject::Subject;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How often it is started
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    #[arg(long, default_value_t = 120, value_name = "MS")]
    ready_ms_max: u64,
    #[arg(long, default_value_t = 25, value_name = "MIB")]
    idle_mib_max: u64,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let started = Subject::start(arguments.database, &arguments.common, ANSWERS).await?;
    let Some(mut subject) = started else { return Ok(true) };
    let (mut ready_ms, mut idle_kib) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        subject = subject.restart()?;
        ready_ms.push(u64::try_from(subject.gateway.ready_after.as_millis())?);
        tokio::time::sleep(SETTLE).await;
        idle_kib.push(subject.gateway.process().memory()?.resident);
    }
    subject.gateway.stop()?;

    let mut report = Report::new();
    let (ready, idle) = (middle(&mut ready_ms), middle(&mut idle_kib));
    let (ready_max, idle_mib_max) = (arguments.ready_ms_max, arguments.idle_mib_max);
    report.check(ready <= ready_max, || format!("ready after {ready} ms, promised {ready_max}"));
    let is_light = idle <= idle_mib_max.saturating_mul(1024);
    report.check(is_light, || format!("{idle} KiB when idle, promised {idle_mib_max} MiB"));
    report.figure("start to ready, ms", spread(ready_ms));
    report.figure("idle memory, KiB", spread(idle_kib));
    report.finish(&arguments.common)
}

fn middle(figures: &mut [u64]) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 1, pause_ms: 0 };
/// What a start leaves to do has been done by then.
const SETTLE: Duration = Duration::from_secs(1);
