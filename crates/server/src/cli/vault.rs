//! `keystile vault`: its state as the database has it, and what the running gateway can do about it.

mod doctor;
mod import;
mod rotate;

use std::process::ExitCode;

use control::{KeyringReport, VersionReport};

use super::output::{Format, note, table};
use super::{block_on, say};
use crate::boot;
use crate::config::Config;
use crate::master_key;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show the versions of the master key, what each sealed, and whether it is here and right
    ///
    /// Reads the database itself, so that it also works while the gateway does not start. Exit code 1 if a key that is needed
    /// is missing or wrong.
    Status {
        /// A table for people, or json
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Format,
    },
    /// Seal everything anew while the gateway runs: under a new master key, or with another suite
    Rotate(rotate::Arguments),
    /// Open every stored value once, and name those that do not open; exit code 1 if there are any
    Doctor(doctor::Doctor),
    /// Let a provider's keys be sent to the address that you gave the provider
    Rebind(doctor::Rebind),
    /// Bring in provider keys that another system sealed
    Import(Box<import::Arguments>),
}

/// The configuration is for those who open the database themselves.
pub fn run(
    command: Command,
    config: impl FnOnce() -> anyhow::Result<Config>,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Doctor(arguments) => doctor::examine(arguments),
        Command::Import(arguments) => import::run(*arguments),
        Command::Rebind(arguments) => doctor::rebind(arguments),
        Command::Rotate(arguments) => rotate::run(arguments),
        Command::Status { output } => block_on(status(config()?, output)),
    }
}

/// Reads only, so that it may run beside the gateway.
async fn status(config: Config, output: Format) -> anyhow::Result<ExitCode> {
    let Some((keys, _)) = master_key::read(&config)? else {
        anyhow::bail!("there is no master key yet: the first start of the gateway makes one");
    };
    if let store::Location::Sqlite { file } = config.location()
        && !file.exists()
    {
        anyhow::bail!("there is no database in {} yet", config.data_dir.display());
    }
    let store = boot::connect(&config).await?;
    let report = control::report(&store, &keys).await?;
    match output {
        Format::Json => say(serde_json::to_string(&report)?)?,
        Format::Table => show(&report, &config)?,
    }
    let is_lost = |version: &VersionReport| matches!(state_of_key(version), MISSING | WRONG);
    let all_there = !report.versions.iter().any(is_lost);
    Ok(if all_there { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(report: &KeyringReport, config: &Config) -> anyhow::Result<()> {
    let suite = report.suite.clone().unwrap_or_else(|| config.vault_suite.to_string());
    say(format!("suite for new values: {suite}"))?;
    let rows = report.versions.iter().map(|version| {
        let suites = version.suites.iter().map(|(suite, rows)| format!("{suite}: {rows}"));
        let suites = suites.collect::<Vec<_>>().join(", ");
        [
            version.version.to_string(),
            version.state.to_owned(),
            version.rows.to_string(),
            state_of_key(version).to_owned(),
            if suites.is_empty() { "-".to_owned() } else { suites },
        ]
    });
    table(["VERSION", "STATE", "SEALED ROWS", "MASTER KEY", "SUITES"], rows)?;
    if let Some(state) = report.rotation.filter(|state| *state != "done") {
        note(format!("a rotation is {state}: see GET /v1/operator/vault of the running gateway"))?;
    }
    Ok(())
}

const MISSING: &str = "MISSING";
const WRONG: &str = "WRONG";

fn state_of_key(version: &VersionReport) -> &'static str {
    match version.key_matches {
        None if version.rows == 0 && version.state != "active" => "not loaded, not needed",
        None => MISSING,
        Some(true) => "here",
        Some(false) => WRONG,
    }
}
