//! `keystile workspaces`: the tenants one belongs to, and what they are set to.

use std::process::ExitCode;

use serde_json::json;

use super::block_on;
use super::client::path;
use super::connection::Connection;
use super::fields::Settings;
use super::output::Column;
use super::remote::{Paging, Tenant};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile workspaces list\n  \
    keystile workspaces update --data-policy no_training --platform-fallback missing,exhausted\n\n\
    show and update mean the workspace of --workspace or KEYSTILE_WORKSPACE, or the only one you belong to.")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the workspaces you belong to
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Make a workspace and become its owner
    #[command(after_help = "Example:\n  keystile workspaces create acme")]
    Create {
        /// Its name
        name: String,
    },
    /// Show a workspace and its settings
    #[command(after_help = "Example:\n  keystile workspaces show --workspace acme -o json")]
    Show,
    /// Change a workspace's settings
    #[command(after_help = "Example:\n  \
        keystile workspaces update --workspace acme --spend-cap-micro-usd 100000000 --cap-period monthly")]
    Update {
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

const ALL: &str = "/v1/workspaces";
const COLUMNS: [Column; 4] =
    [("ID", "/id"), ("NAME", "/name"), ("ROLE", "/role"), ("CREATED", "/created_at")];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        answer(&connection, arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn answer(to: &Connection, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name } => {
            to.show(&to.client.post(ALL, &json!({ "name": name })).send().await?)
        }
        Command::List { paging } => {
            let path = format!("{ALL}{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS)
        }
        Command::Show => to.show(&to.client.get(&chosen(to).await?).send().await?),
        Command::Update { settings } => {
            let (body, version) = settings.update()?;
            let call = to.client.patch(&chosen(to).await?, &body);
            to.show(&version.expect(call).send().await?)
        }
    }
}

async fn chosen(to: &Connection) -> anyhow::Result<String> {
    Ok(path(["v1", "workspaces", &to.workspace().await?]))
}
