//! `keystile run`: starts a coding agent, or any other program, so that it speaks to this gateway. It becomes that
//! program: its input, its signals and its exit code are the program's. Shows no key.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use model::BaseUrl;

use super::block_on;
use super::env::{Access, Application, Wiring, access};
use super::failure::Failure;
use super::output::printable;
use super::prompt::Source;
use super::remote::Reach;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile run claude\n  \
    keystile run claude -- --model openai/gpt-5.4\n  \
    keystile run codex -- exec 'explain this repository'\n  \
    keystile run python app.py\n\n\
    Claude Code and Codex get what they need; any other program gets the variables of the SDKs of OpenAI, Anthropic and \
    Google (`keystile env` prints them).\n\
    The gateway key comes from KEYSTILE_KEY (or KEYSTILE_KEY_FILE), else it is asked for; a session is of no use to an \
    application. The gateway is asked whether it takes the key before the program starts.")]
pub struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// What to start: claude, codex, or any other program
    #[arg(value_name = "PROGRAM")]
    program: OsString,
    /// What it is started with
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Access { client, key } = access(&arguments.reach, Source::Terminal)?;
    block_on(async { Ok(client.get("/v1/me").send().await?) })?;

    let mut command = Command::new(&arguments.program);
    for wiring in wirings(&arguments.program, client.base()) {
        command.envs(wiring.addresses).args(wiring.arguments);
        for name in wiring.removed {
            command.env_remove(name);
        }
        for name in wiring.keys {
            command.env(name, key.reveal());
        }
    }
    // Returns only if the program cannot be started.
    let error = command.args(&arguments.arguments).exec();
    let program = arguments.program.to_string_lossy();
    let program = printable(&program);
    Err(match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::Absent(format!("there is no program \"{program}\" here: install it first"))
        }
        _ => Failure::Usage(format!("\"{program}\" cannot be started: {error}")),
    }
    .into())
}

fn wirings(program: &OsStr, base: &BaseUrl) -> Vec<Wiring> {
    let name = Path::new(program).file_name().unwrap_or(program);
    let applications: &[Application] = match name.to_str() {
        Some("claude") => &[Application::Claude],
        Some("codex") => &[Application::Codex],
        _ => &[Application::Anthropic, Application::Gemini, Application::OpenAi],
    };
    applications.iter().map(|application| application.wiring(base)).collect()
}
