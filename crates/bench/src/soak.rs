//! `bench soak`: a steady load of everything that happens for a long time, and whether the gateway is afterwards what it was
//! after its first minutes: memory, files, threads.

mod crowd;

use std::io::Write as _;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;
use serde::Serialize;

use crate::Common;
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::proc::Process;
use crate::report::Report;
use crate::subject::Subject;
use crate::volley::Spread;
use crowd::{Crowd, Minute};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// Requests a second: of 20 are 12 plain, 6 streams, one a stream whose caller hangs up, and one fails
    #[arg(long, default_value_t = 100)]
    rate: u64,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Between two looks at the gateway
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    every: u64,
    /// How many looks pass until the gateway is taken to be warm
    #[arg(long, default_value_t = 2)]
    warm_after: usize,
    /// How much more memory it may have in the end than when it was warm
    #[arg(long, default_value_t = 16, value_name = "MIB")]
    growth_mib_max: u64,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

/// The gateway at one look, and what its callers saw since the one before.
#[derive(Serialize)]
struct Look {
    second: u64,
    resident_kib: u64,
    files: usize,
    threads: usize,
    requests: usize,
    plain_us: Spread,
    stream_us: Spread,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, minutes, rate, connections, every, database, .. } = arguments;
    let Some(subject) = Subject::start(database, &common, ANSWERS).await? else { return Ok(true) };
    // Setting up hashes a password, which takes memory that serving does not.
    let subject = subject.restart()?;
    let process = subject.gateway.process();
    let mut crowd = Crowd::start(&subject.target()?, &subject.key, ANSWERS, connections, rate);
    let (mut looks, mut second) = (Vec::new(), 0);
    while second < minutes.saturating_mul(60) {
        crowd.watch(Duration::from_secs(every)).await?;
        second += every.max(1);
        let look = Look::new(second, &process, crowd.minute())?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&look)?)?;
        looks.push(look);
    }
    crowd.stop().await?;
    subject.gateway.stop()?;

    let mut report = Report::new();
    let (warm, last) = (looks.get(arguments.warm_after), looks.last());
    let Some((warm, last)) = warm.zip(last) else {
        anyhow::bail!("it was over before it was warm")
    };
    let growth_max = arguments.growth_mib_max.saturating_mul(1024);
    let grown = last.resident_kib.saturating_sub(warm.resident_kib);
    report.check(grown <= growth_max, || {
        format!("{grown} KiB more than when it was warm, and {growth_max} are promised")
    });
    report.check(last.files <= warm.files.saturating_add(connections), || {
        format!("{} open files, and {} when it was warm", last.files, warm.files)
    });
    report.check(last.threads <= warm.threads, || {
        format!("{} threads, and {} when it was warm", last.threads, warm.threads)
    });
    report.figure("memory when warm, KiB", warm.resident_kib);
    report.figure("memory in the end, KiB", last.resident_kib);
    report.figure("requests", looks.iter().map(|look| look.requests).sum::<usize>());
    report.figure("looks", looks);
    report.finish(&common)
}

impl Look {
    fn new(second: u64, process: &Process, minute: Minute) -> anyhow::Result<Self> {
        let Minute { plain, streams, others } = minute;
        ensure!(!plain.is_empty() && !streams.is_empty(), "nothing was answered");
        Ok(Self {
            second,
            resident_kib: process.memory()?.resident,
            files: process.files()?,
            threads: process.threads_alive()?,
            requests: plain.len().saturating_add(streams.len()).saturating_add(others),
            plain_us: crate::volley::Times::new(plain).spread(),
            stream_us: crate::volley::Times::new(streams).spread(),
        })
    }
}

/// Streams last a quarter of a second, so that several run at any time.
const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 50, pause_ms: 5 };
