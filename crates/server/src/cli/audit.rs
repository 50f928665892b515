//! `keystile audit`: who changed what in a workspace, and whether that record is whole.

use std::process::ExitCode;

use serde_json::Value;

use super::client::path;
use super::connection::Connection;
use super::output::{Column, Format, note, printable};
use super::remote::{Paging, Tenant};
use super::{block_on, say};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile audit list --action provider_key.created --limit 20\n  \
    keystile audit verify")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List what was done, newest first
    #[command(after_help = "Example:\n  keystile audit list --actor usr_0192 -o json")]
    List {
        /// Only this action, as in provider_key.created
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// Only what this user or gateway key did, by id
        #[arg(long, value_name = "ID")]
        actor: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Check the chain of the record; exit code 1 if something is missing or was changed
    #[command(after_help = "Example:\n  keystile audit verify -o json")]
    Verify,
}

const COLUMNS: [Column; 7] = [
    ("POSITION", "/position"),
    ("AT", "/at"),
    ("ACTOR", "/actor"),
    ("FROM", "/from"),
    ("ACTION", "/action"),
    ("SUBJECT", "/subject"),
    ("DETAIL", "/detail"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        let audit = path(["v1", "workspaces", &connection.workspace().await?, "audit"]);
        match arguments.command {
            Command::List { action, actor, paging } => {
                let narrowed = [("action", action.as_deref()), ("actor", actor.as_deref())];
                let path = format!("{audit}{}", paging.query(narrowed));
                connection.list(&connection.client.get(&path).send().await?, &COLUMNS)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Verify => verify(&connection, &format!("{audit}/verify")).await,
        }
    })
}

async fn verify(to: &Connection, path: &str) -> anyhow::Result<ExitCode> {
    let answer = to.client.get(path).send().await?;
    let report = answer.json()?;
    let is_whole = report.pointer("/ok") == Some(&Value::Bool(true));
    match to.format {
        Format::Json => to.show(&answer)?,
        Format::Table => tell(&report, is_whole)?,
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(report: &Value, is_whole: bool) -> anyhow::Result<()> {
    let number = |pointer| report.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let word = |value: &Value, pointer| {
        value.pointer(pointer).and_then(Value::as_str).map(printable).unwrap_or_default()
    };
    let (rows, position) = (number("/rows"), number("/head/position"));
    let mac = word(report, "/head/mac");
    let verdict = if is_whole { "whole" } else { "NOT whole" };
    say(format!("the record is {verdict}: {rows} rows, head {position} {mac}"))?;
    for problem in report.pointer("/problems").and_then(Value::as_array).into_iter().flatten() {
        let at = problem.pointer("/position").and_then(Value::as_u64).unwrap_or_default();
        note(format!("{at}: {}: {}", word(problem, "/kind"), word(problem, "/message")))?;
    }
    Ok(())
}
