//! `keystile completions`

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

#[derive(clap::Args)]
pub struct Arguments {
    /// For which shell
    shell: Shell,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut command = super::Cli::command();
    clap_complete::generate(arguments.shell, &mut command, "keystile", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
