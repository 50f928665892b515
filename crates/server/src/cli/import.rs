//! `keystile import env`: the provider keys that lie around in the environment and in a `.env` file, into the vault. Shows
//! names and providers, and of the values nothing at all.

mod dotenv;
mod find;
mod plan;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::client::path;
use super::connection::Connection;
use super::failure::exit_code;
use super::fields::Fields;
use super::output::{Format, note, printable, table};
use super::prompt::confirm;
use super::remote::Tenant;
use super::{block_on, say};
use find::find;
use plan::{Action, Home, Planned, plan};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile import env --dry-run\n  \
    keystile import env --file ../app/.env --project mobile-app --yes")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Store the provider keys of the environment and of a .env file
    ///
    /// Looks for OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, GOOGLE_API_KEY, GROQ_API_KEY, MISTRAL_API_KEY,
    /// TOGETHER_API_KEY, FIREWORKS_API_KEY, XAI_API_KEY, DEEPSEEK_API_KEY, OPENROUTER_API_KEY, ZAI_API_KEY,
    /// MINIMAX_API_KEY and MOONSHOT_API_KEY. What the environment says goes before what the file says.
    #[command(after_help = "Example:\n  keystile import env --file .env --dry-run")]
    Env(Env),
}

#[derive(clap::Args)]
pub struct Env {
    /// The file to read besides the environment [default: .env, if present]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// Store them as the keys of this project, by id or name, instead of the workspace's
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Where there is a key of the provider already, replace it instead of leaving it
    #[arg(long)]
    replace: bool,
    /// Store them without asking the providers whether they work
    #[arg(long)]
    no_validate: bool,
}

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Command::Env(wish) = arguments.command;
    let found = find(wish.file.as_deref())?;
    if found.is_empty() {
        note("no provider key is in the environment or in the file: nothing to do")?;
        return Ok(ExitCode::SUCCESS);
    }
    let to = arguments.tenant.connect()?;
    block_on(async {
        let home = match &wish.project {
            Some(project) => Home::Project(to.project(project).await?),
            None => Home::Workspace(to.workspace().await?),
        };
        let planned = plan(&to, &home, found, wish.replace).await?;
        tell(&to, &planned)?;
        let todo = planned.iter().filter(|key| !matches!(key.action, Action::Skip(_))).count();
        if wish.dry_run || todo == 0 {
            note(if wish.dry_run { "dry run: nothing is stored" } else { "nothing to store" })?;
            return Ok(ExitCode::SUCCESS);
        }
        let question = format!("Store {todo} in {home} at {}?", to.client.base());
        if !wish.yes && !confirm(&question)? {
            bail!("nothing is stored");
        }
        store(&to, &home, &planned, wish.no_validate).await
    })
}

fn tell(to: &Connection, planned: &[Planned]) -> anyhow::Result<()> {
    let rows = planned.iter().map(|Planned { found, action }| {
        let from = printable(&found.from);
        [found.variable.to_owned(), from, found.provider.to_owned(), action.to_string()]
    });
    match to.format {
        Format::Json => {
            let objects = rows.map(|[variable, from, provider, action]| {
                json!({ "variable": variable, "from": from, "provider": provider, "action": action })
            });
            say(json!({ "items": objects.collect::<Vec<_>>() }))?;
        }
        Format::Table => table(["VARIABLE", "FROM", "PROVIDER", "ACTION"], rows)?,
    }
    Ok(())
}

/// All that work: one that a provider rejects does not keep the others out.
async fn store(
    to: &Connection,
    home: &Home,
    planned: &[Planned],
    no_validate: bool,
) -> anyhow::Result<ExitCode> {
    let mut outcome = ExitCode::SUCCESS;
    for key in planned {
        let variable = key.found.variable;
        match store_one(to, home, key, no_validate).await {
            Ok(None) => {}
            Ok(Some(health)) => note(format!("{variable}: stored, {health}"))?,
            Err(error) => {
                outcome = ExitCode::from(exit_code(&error));
                note(format!("{variable}: NOT stored: {error:#}"))?;
            }
        }
    }
    Ok(outcome)
}

/// How the key is found to be, or nothing if it is not to be stored.
async fn store_one(
    to: &Connection,
    home: &Home,
    key: &Planned,
    no_validate: bool,
) -> anyhow::Result<Option<String>> {
    let Planned { found, action } = key;
    let mut fields = Fields::default();
    fields.set("api_key", found.value.as_ref().map(|value| value.as_str()))?;
    fields.set("validate_before_save", no_validate.then_some(false))?;
    let call = match (action, home) {
        (Action::Skip(_), _) => return Ok(None),
        (Action::Replace(path), _) => to.client.put(path, &fields.body()),
        (Action::Add, Home::Project(_)) => {
            to.client.put(&format!("{}{}", home.keys(), path([found.provider])), &fields.body())
        }
        (Action::Add, Home::Workspace(_)) => {
            fields.set("provider", Some(found.provider))?;
            to.client.post(&home.keys(), &fields.body())
        }
    };
    Ok(Some(printable(&call.send().await?.text("/health_status")?)))
}
