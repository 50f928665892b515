//! The command line: what people type, and how they are answered. Each command is a file.

mod api;
mod audit;
mod client;
mod completions;
mod config;
mod connection;
mod credentials;
mod db;
mod env;
mod failure;
mod fields;
mod import;
mod invitations;
mod keys;
mod ledger;
mod login;
mod manage;
mod members;
mod models;
mod nodes;
mod output;
mod parse;
mod projects;
mod prompt;
mod providers;
mod reconcile;
mod remote;
mod requests;
mod run;
mod secrets;
mod serve;
mod setup;
mod tabular;
mod usage;
mod vault;
mod workspaces;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Layer};

#[derive(Parser)]
#[command(
    name = "keystile",
    version,
    about = "The bring-your-own-key gateway for LLM traffic",
    long_about = "The bring-your-own-key gateway for LLM traffic.\n\n\
        People put the provider keys they own into an encrypted vault and give their applications a gateway key; \
        applications change a base URL and nothing else. Without a command, the gateway is started.",
    after_help = "Every setting can come from a flag, from the environment (KEYSTILE_...), or from keystile.toml, in \
        that order.\n`keystile config show` prints what holds."
)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The settings that have flags.
#[derive(Args)]
struct Settings {
    /// The configuration file [default: keystile.toml, if present]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the database, the usage journal and the generated master key live [default: keystile-data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The address to serve on [default: 127.0.0.1:4040]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Start the gateway (what `keystile` alone does)
    Serve,
    /// Make the first owner, workspace and gateway key of a running gateway
    Setup(setup::Arguments),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Look after the database
    #[command(subcommand)]
    Db(db::Command),
    /// Look into the ledger, or add it up again
    Ledger(ledger::Arguments),
    /// Look after the encrypted vault
    #[command(subcommand)]
    Vault(vault::Command),
    /// Show the models that are known and their prices, or bring in newer prices
    Models(models::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    #[command(flatten)]
    Manage(manage::Command),
}

/// Runs what was asked. Errors go to standard error, with what to do about them.
pub fn main() -> ExitCode {
    match run(parse::arguments()) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to tell a failure to write to.
            drop(writeln!(io::stderr(), "keystile: {error:#}"));
            ExitCode::from(failure::exit_code(&error))
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let flags = Layer {
        config: cli.settings.config,
        data_dir: cli.settings.data_dir,
        listen: cli.settings.listen,
        ..Layer::default()
    };
    let load = || Ok::<_, anyhow::Error>(Config::load(flags)?);
    match cli.command {
        None | Some(Command::Serve) => serve::run(load()?),
        Some(Command::Completions(arguments)) => completions::run(arguments),
        Some(Command::Config(command)) => config::run(command, load()?),
        Some(Command::Db(command)) => db::run(command, load()?),
        Some(Command::Ledger(arguments)) => ledger::run(arguments, load()?),
        Some(Command::Manage(command)) => manage::run(command),
        Some(Command::Models(arguments)) => models::run(arguments, &load()?),
        Some(Command::Setup(arguments)) => setup::run(arguments, load()?),
        Some(Command::Vault(command)) => vault::run(command, load),
    }
}

/// What people asked for, on standard output.
fn say(text: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// One thread is plenty for a command; the gateway itself takes all cores.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
