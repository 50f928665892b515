//! `keystile vault`

use std::process::ExitCode;

use super::{block_on, say};
use crate::boot;
use crate::config::Config;
use crate::master_key;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Show the versions of the master key, what each sealed, and whether it is here and right
    Status,
}

pub fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let Command::Status = command;
    block_on(status(config))
}

/// Reads only, so that it may run beside the gateway.
async fn status(config: Config) -> anyhow::Result<ExitCode> {
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
    say(format!("suite for new values: {}", config.vault_suite))?;
    say(format!("{:<8} {:<13} {:>12}  master key", "version", "state", "sealed rows"))?;
    let mut all_match = true;
    for version in &report.versions {
        let key = match version.key_matches {
            None if version.rows == 0 => "not loaded, not needed",
            None => "MISSING",
            Some(true) => "here",
            Some(false) => "WRONG",
        };
        all_match &= !matches!(key, "MISSING" | "WRONG");
        let line =
            format!("{:<8} {:<13} {:>12}  {key}", version.version.0, version.state, version.rows);
        say(line)?;
    }
    Ok(if all_match { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
