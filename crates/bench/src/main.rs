//! Puts the gateway to the proof: its ledger under kills, outages and hang-ups. Measures from outside, and holds no rule of
//! the gateway's own.

mod client;
mod clock;
mod gateway;
mod journal;
mod ledger;
mod load;
mod provider;
mod report;

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
    let Command::Ledger(command) = Cli::parse().command;
    match run(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: ledger::Command) -> anyhow::Result<bool> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command.run())
}
