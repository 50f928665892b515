//! Puts the gateway to the proof: its ledger under kills, outages and hang-ups, and what it costs. Measures from outside, and
//! holds no rule of the gateway's own.

mod bulk;
mod burst;
mod client;
mod clock;
mod compare;
mod drive;
mod fast_provider;
mod gateway;
mod idle_streams;
mod instructions;
mod journal;
mod keys;
mod ledger;
mod line;
mod load;
mod message;
mod proc;
mod provider;
mod report;
mod soak;
mod start;
mod subject;
mod usage_rows;
mod volley;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// The gateway's own: it is this program that runs as the gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "bench", about = "What the gateway promises, put to the proof on this machine")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare three journals (client, provider, ledger) after faults
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Large requests all at once, and whether their memory is given back
    Burst(burst::Arguments),
    /// What the gateway costs, beside a proxy that does nothing and beside none at all
    Compare(compare::Arguments),
    /// The load generator alone
    Drive(drive::Arguments),
    /// Thousands of streams held open
    IdleStreams(idle_streams::Arguments),
    /// What each step of a request takes, in instructions, against its bound
    Instructions(instructions::Arguments),
    /// A million gateway keys, and what they cost one of them
    Keys(keys::Arguments),
    /// A steady load of everything for a long time, and what the gateway becomes meanwhile
    Soak(soak::Arguments),
    /// Cold start, and memory before the first request
    Start(start::Arguments),
    /// A long ledger, and what its sums and its log take
    UsageRows(usage_rows::Arguments),
    #[command(hide = true)]
    ServeFloor(compare::floor::Arguments),
    #[command(hide = true)]
    ServeProvider(fast_provider::Answers),
    #[command(hide = true)]
    Work(instructions::WorkArguments),
}

/// What every run may be told.
#[derive(Args)]
pub struct Common {
    /// Repeats the run's random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the figures are written to, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The gateway to run [default: the one built into this program]
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    // Called by the gateway's name this program is the gateway: the same code, without a second build.
    let called = std::env::args_os().next();
    if called.is_some_and(|name| Path::new(&name).file_name() == Some(gateway::NAME.as_ref())) {
        return server::cli::main();
    }
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<bool> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command.run())
}

impl Command {
    /// Whether what was promised held.
    async fn run(self) -> anyhow::Result<bool> {
        match self {
            Self::Burst(arguments) => burst::run(arguments).await,
            Self::Compare(arguments) => compare::run(arguments).await,
            Self::Drive(arguments) => drive::run(arguments).await,
            Self::IdleStreams(arguments) => idle_streams::run(arguments).await,
            Self::Instructions(arguments) => instructions::run(arguments),
            Self::Keys(arguments) => keys::run(arguments).await,
            Self::Ledger(command) => command.run().await,
            Self::ServeFloor(arguments) => compare::floor::serve(arguments).await,
            Self::ServeProvider(answers) => fast_provider::serve(answers).await,
            Self::Soak(arguments) => soak::run(arguments).await,
            Self::Start(arguments) => start::run(arguments).await,
            Self::UsageRows(arguments) => usage_rows::run(arguments).await,
            Self::Work(arguments) => instructions::work(arguments).await,
        }
    }
}
