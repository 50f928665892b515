//! `keystile completions`

use std::io::Write as _;
use std::process::ExitCode;

use clap_complete::Shell;

#[derive(clap::Args)]
pub struct Arguments {
    /// For which shell
    shell: Shell,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut command = super::parse::command();
    // To standard output directly it would panic where the reader has had enough, as in `| head`.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "keystile", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
