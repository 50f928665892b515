//! `keystile config`

use std::process::ExitCode;

use super::say;
use crate::boot;
use crate::config::Config;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Print the effective configuration, secrets hidden
    Show,
    /// Say whether the configuration is sound, without starting anything
    Check,
}

pub fn run(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show => say(&config)?,
        Command::Check => {
            boot::check(&config)?;
            say("the configuration is sound")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
