//! `keystile db`

use std::process::ExitCode;

use store::{Location, Store};

use super::{block_on, say};
use crate::boot;
use crate::config::Config;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Bring the database up to date (starting the gateway does this too)
    Migrate {
        /// Only say what is missing; exit code 1 if anything is
        #[arg(long)]
        check: bool,
    },
}

pub fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    let Command::Migrate { check } = command;
    block_on(async {
        // Asking changes nothing, and may be done beside a running gateway.
        let _lock = match check {
            true => None,
            false => Some(boot::prepare_data_dir(&config.data_dir)?),
        };
        let location = config.location();
        let is_new = matches!(&location, Location::Sqlite { file } if !file.exists());
        if check && is_new {
            say(format!("missing: {}", Store::migrations(&location).join(", ")))?;
            return Ok(ExitCode::FAILURE);
        }
        let store = boot::connect(&config).await?;
        let pending = store.pending_migrations().await?;
        if pending.is_empty() {
            say("the database is up to date")?;
            return Ok(ExitCode::SUCCESS);
        }
        if check {
            say(format!("missing: {}", pending.join(", ")))?;
            return Ok(ExitCode::FAILURE);
        }
        store.migrate().await?;
        say(format!("applied: {}", pending.join(", ")))?;
        Ok(ExitCode::SUCCESS)
    })
}
