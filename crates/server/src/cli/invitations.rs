//! `keystile invitations`: those that are open, and the way into a workspace for whoever got one.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::{Client, path};
use super::connection::Connection;
use super::credentials::Credentials;
use super::failure::Failure;
use super::output::{Column, note, printable};
use super::prompt::secret_line;
use super::remote::{Paging, Tenant, url};
use super::{block_on, login};
use crate::config::ClientEnvironment;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile invitations list\n  \
    keystile invitations accept")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the open invitations of a workspace
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Make an invitation worthless
    #[command(after_help = "Example:\n  keystile invitations revoke inv_0192")]
    Revoke {
        /// The id of the invitation
        id: String,
    },
    /// Accept an invitation, and sign in
    #[command(
        after_help = "The invitation's link and your password are asked for, as whoever reads them can be you. Without a \
        terminal they are two lines of standard input: the link (or its token), and the password.\n\nExample:\n  \
        keystile invitations accept --context work"
    )]
    Accept,
}

const COLUMNS: [Column; 5] = [
    ("ID", "/id"),
    ("EMAIL", "/email"),
    ("ROLE", "/role"),
    ("EXPIRES", "/expires_at"),
    ("CREATED", "/created_at"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Accept => return accept(&arguments.tenant),
        Command::List { paging } => {
            let connection = arguments.tenant.connect()?;
            block_on(async {
                let path = format!("{}{}", of_workspace(&connection).await?, paging.query([]));
                connection.list(&connection.client.get(&path).send().await?, &COLUMNS)
            })?;
        }
        Command::Revoke { id } => {
            let connection = arguments.tenant.connect()?;
            block_on(async {
                let path = format!("{}{}", of_workspace(&connection).await?, path([&id]));
                connection.client.delete(&path).send().await?;
                connection.format.done(format!("revoked {}", printable(&id)))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn of_workspace(to: &Connection) -> anyhow::Result<String> {
    Ok(path(["v1", "workspaces", &to.workspace().await?, "invitations"]))
}

fn accept(tenant: &Tenant) -> anyhow::Result<ExitCode> {
    let reach = &tenant.remote.reach;
    let environment = ClientEnvironment::read()?;
    let credentials = Credentials::new(environment.config_folder.as_deref())?;
    let context = reach.context_name(&environment);
    let invitation = secret_line("The invitation's link")?;
    let (home, token) = parts(&invitation)?;
    let client = match home {
        Some(home) if reach.url.is_none() => Client::new(url(home)?, None, reach.plain())?,
        _ => reach.stranger(&environment, credentials.session(&context)?.as_ref())?,
    };
    let path = path(["v1", "invitations", token]);
    block_on(async {
        let invitation = client.get(&path).send().await?.json()?;
        let password = password(&invitation, &client)?;
        let answer = client.post(&path, &json!({ "password": *password })).send().await?;
        login::keep(&credentials, &context, &client, &answer)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The gateway's address, if it is a link, and the token.
fn parts(invitation: &str) -> Result<(Option<&str>, &str), Failure> {
    let (home, token) = match invitation.trim().rsplit_once(PATH) {
        Some((home, token)) => (Some(home), token),
        None => (None, invitation.trim()),
    };
    if token.is_empty() || token.contains('/') {
        return Err(Failure::Usage("that is no invitation: paste the whole link".to_owned()));
    }
    Ok((home, token))
}

const PATH: &str = "/v1/invitations/";

/// A new person chooses one, twice where it cannot be seen; others give theirs.
fn password(invitation: &Value, client: &Client) -> anyhow::Result<Zeroizing<String>> {
    let says = |pointer| invitation.pointer(pointer).and_then(Value::as_str).map(printable);
    let email = says("/email").unwrap_or_default();
    let role = says("/role").unwrap_or_default();
    let workspace = says("/workspace/name").or_else(|| says("/workspace")).unwrap_or_default();
    note(format!("{email} is invited to {workspace} at {} as {role}", client.base()))?;
    let is_new = invitation.pointer("/needs_password") == Some(&Value::Bool(true));
    if !is_new {
        return secret_line("Your password");
    }
    let chosen = secret_line("Choose a password (10 characters at least)")?;
    if std::io::stdin().is_terminal() && *chosen != *secret_line("The same again")? {
        return Err(Failure::Usage("the two passwords differ: nothing was sent".to_owned()).into());
    }
    Ok(chosen)
}
