//! `keystile projects`: the parts of a workspace, and what they are set to.

use std::process::ExitCode;

use serde_json::json;

use super::block_on;
use super::client::path;
use super::connection::Connection;
use super::fields::Settings;
use super::output::{Column, printable};
use super::remote::{Paging, Tenant};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile projects create mobile-app\n  \
    keystile projects update mobile-app --spend-cap-micro-usd 20000000 --cap-period monthly")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the projects of a workspace
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Make a project
    #[command(after_help = "Example:\n  keystile projects create mobile-app")]
    Create {
        /// Its name
        name: String,
    },
    /// Show a project and its settings
    #[command(after_help = "Example:\n  keystile projects show mobile-app -o json")]
    Show(One),
    /// Change a project's settings
    #[command(
        after_help = "Example:\n  keystile projects update mobile-app --data-policy zdr --reset rpm_limit"
    )]
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Delete a project, with its keys
    #[command(after_help = "Example:\n  keystile projects delete mobile-app")]
    Delete(One),
}

#[derive(clap::Args)]
pub struct One {
    /// The project, by id or name
    #[arg(value_name = "PROJECT")]
    wish: String,
}

const COLUMNS: [Column; 3] = [("ID", "/id"), ("NAME", "/name"), ("CREATED", "/created_at")];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        let projects = path(["v1", "workspaces", &connection.workspace().await?, "projects"]);
        answer(&connection, &projects, arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// `projects` is the path of all of them.
async fn answer(to: &Connection, projects: &str, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name } => {
            to.show(&to.client.post(projects, &json!({ "name": name })).send().await?)
        }
        Command::Delete(one) => {
            to.client.delete(&one.path(to, projects).await?).send().await?;
            to.format.done(format!("deleted {}", printable(&one.wish)))
        }
        Command::List { paging } => {
            let path = format!("{projects}{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS)
        }
        Command::Show(one) => to.show(&to.client.get(&one.path(to, projects).await?).send().await?),
        Command::Update { one, settings } => {
            let (body, version) = settings.update()?;
            let call = to.client.patch(&one.path(to, projects).await?, &body);
            to.show(&version.expect(call).send().await?)
        }
    }
}

impl One {
    async fn path(&self, to: &Connection, projects: &str) -> anyhow::Result<String> {
        Ok(format!("{projects}{}", path([&to.project(&self.wish).await?])))
    }
}
