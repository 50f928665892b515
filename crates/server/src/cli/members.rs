//! `keystile members`: who belongs to a workspace, and as what.

use std::process::ExitCode;

use model::UserId;
use serde_json::json;

use super::block_on;
use super::client::path;
use super::connection::{Connection, one_called};
use super::output::{Column, printable};
use super::remote::{Paging, Tenant};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile members invite ada@example.com --role admin\n  \
    keystile members role ada@example.com member")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the members of a workspace
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Invite somebody: the link is shown this once, alone on standard output
    #[command(after_help = "Example:\n  keystile members invite ada@example.com --role admin")]
    Invite {
        /// The address of the person to invite
        email: String,
        /// What they may do: owners and admins write, members read and use
        #[arg(long, default_value = "member", value_parser = ROLES)]
        role: String,
    },
    /// Give a member another role
    #[command(after_help = "Example:\n  keystile members role ada@example.com owner")]
    Role {
        #[command(flatten)]
        one: One,
        /// The new role
        #[arg(value_parser = ROLES)]
        role: String,
    },
    /// Remove a member, or yourself
    #[command(after_help = "Example:\n  keystile members remove ada@example.com")]
    Remove(One),
}

#[derive(clap::Args)]
pub struct One {
    /// The member, by address or user id
    member: String,
}

const ROLES: [&str; 3] = ["owner", "admin", "member"];
const COLUMNS: [Column; 4] =
    [("USER ID", "/user_id"), ("EMAIL", "/email"), ("ROLE", "/role"), ("SINCE", "/created_at")];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        let members = path(["v1", "workspaces", &connection.workspace().await?, "members"]);
        answer(&connection, &members, arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// `members` is the path of all of them.
async fn answer(to: &Connection, members: &str, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Invite { email, role } => {
            let body = json!({ "email": email, "role": role });
            let made = to.client.post(members, &body).send().await?;
            to.format.show_once(&made, "link")
        }
        Command::List { paging } => {
            let path = format!("{members}{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS)
        }
        Command::Remove(one) => {
            to.client.delete(&one.path(to, members).await?).send().await?;
            to.format.done(format!("removed {}", printable(&one.member)))
        }
        Command::Role { one, role } => {
            let path = one.path(to, members).await?;
            to.show(&to.client.patch(&path, &json!({ "role": role })).send().await?)
        }
    }
}

impl One {
    async fn path(&self, to: &Connection, members: &str) -> anyhow::Result<String> {
        if self.member.parse::<UserId>().is_ok() {
            return Ok(format!("{members}{}", path([&self.member])));
        }
        let all = to.all(|query| to.client.get(&format!("{members}{query}"))).await?;
        // The gateway keeps addresses in lower case.
        let email = self.member.to_lowercase();
        let id = one_called(&all, "member", "/email", "/user_id", &email)?;
        Ok(format!("{members}{}", path([&id])))
    }
}
