//! `bench drive`: the load generator alone, on a gateway that runs already, with any provider behind it that answers as
//! `bench serve-provider` does.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::Common;
use crate::fast_provider::Answers;
use crate::proc::Process;
use crate::report::Report;
use crate::volley::{Target, Volley};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// `http://ADDRESS:PORT`
    #[arg(long)]
    url: String,
    /// Holds the gateway key to ask with; without one a made-up key is sent
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The process whose CPU and memory are told
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Requests a second, all connections together [default: as fast as answers come]
    #[arg(long)]
    rate: Option<u64>,
    /// The length of a request's body, about
    #[arg(long, default_value_t = 512)]
    body_bytes: usize,
    /// Ask for streams
    #[arg(long)]
    streamed: bool,
    #[command(flatten)]
    answers: Answers,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, url, key_file, pid, connections, requests, .. } = arguments;
    let key = match key_file {
        Some(file) => {
            let text = std::fs::read_to_string(&file);
            text.with_context(|| file.display().to_string())?.trim().to_owned()
        }
        None => "sk-bench-1234567890".to_owned(),
    };
    let process = pid.map(Process::new);
    let before = process.as_ref().map(Process::cpu).transpose()?;
    let volley = Volley {
        connections,
        requests,
        rate: arguments.rate,
        body_bytes: arguments.body_bytes,
        streamed: arguments.streamed,
        answers: arguments.answers,
    };
    let heard = volley.fire(&Target::new(&url, &[key])?).await?;

    let mut report = Report::new();
    report.figure("requests a second", heard.per_second());
    report.figure("until the first byte, µs", heard.first.spread());
    report.figure("until the last byte, µs", heard.whole.spread());
    if let Some((process, before)) = process.zip(before) {
        let used = process.cpu_at_rest().await?.since(&before);
        report.figure("CPU for a request, µs", used.as_secs_f64() * 1e6 / requests as f64);
        report.figure("memory, KiB", process.memory()?);
    }
    report.finish(&common)
}
