//! `keystile login`, `keystile logout`, `keystile whoami`

use std::process::ExitCode;

use serde_json::json;

use super::client::{Answer, Client};
use super::credentials::{Credentials, Session};
use super::failure::Failure;
use super::output::{note, printable};
use super::prompt::{Source, ask};
use super::remote::{Reach, Remote};
use super::{block_on, say};
use crate::config::ClientEnvironment;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile login --email you@example.com\n  \
    keystile login --context prod --url https://keys.example.com --email you@example.com\n  \
    pass show keystile | keystile login --email you@example.com --password-stdin\n\n\
    The session is kept in $XDG_CONFIG_HOME/keystile/credentials.json (or under ~/.config), readable by you alone.\n\
    In automation, set KEYSTILE_URL and KEYSTILE_TOKEN (or KEYSTILE_TOKEN_FILE) instead: a session token or a gateway key.")]
pub struct Login {
    /// Who you are [default: as last time in this context, else asked for]
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  keystile logout --context prod")]
pub struct Logout {
    #[command(flatten)]
    reach: Reach,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  keystile whoami -o json")]
pub struct Whoami {
    #[command(flatten)]
    remote: Remote,
}

pub fn login(arguments: Login) -> anyhow::Result<ExitCode> {
    let environment = ClientEnvironment::read()?;
    let credentials = Credentials::new(environment.config_folder.as_deref())?;
    let context = arguments.reach.context_name(&environment);
    let kept = credentials.session(&context)?;
    let client = arguments.reach.stranger(&environment, kept.as_ref())?;
    let email = match (arguments.email, kept) {
        (Some(email), _) => email,
        (None, Some(session)) if session.url == *client.base() => session.email,
        (None, _) => ask("Your email", "--email")?,
    };
    let what = format!("Password of {} at {}", printable(&email), client.base());
    let password = Source::stdin_if(arguments.password_stdin).secret(&what, "--password-stdin")?;
    let body = json!({ "email": email, "password": *password });
    let answer = block_on(async { Ok(client.post("/v1/sessions", &body).send().await?) })?;
    keep(&credentials, &context, &client, &answer)?;
    if environment.token.is_some() {
        note("KEYSTILE_TOKEN is set and goes before this session until you unset it")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a sign-in was answered with, for later commands.
pub fn keep(
    credentials: &Credentials,
    context: &str,
    client: &Client,
    answer: &Answer,
) -> anyhow::Result<()> {
    let email = answer.text("/user/email")?;
    let expires_at = answer.text("/expires_at")?;
    let signed_in = format!(
        "signed in to {} as {} until {}",
        client.base(),
        printable(&email),
        printable(&expires_at)
    );
    let session = Session::new(client.base().clone(), email, expires_at, answer.text("/token")?);
    credentials.keep(context, session)?;
    Ok(say(signed_in)?)
}

/// Here in any case, and at the gateway if it can be told.
pub fn logout(arguments: Logout) -> anyhow::Result<ExitCode> {
    let environment = ClientEnvironment::read()?;
    let credentials = Credentials::new(environment.config_folder.as_deref())?;
    let context = arguments.reach.context_name(&environment);
    let Some(session) = credentials.session(&context)? else {
        note(format!("not signed in as \"{}\"", printable(&context)))?;
        return Ok(ExitCode::SUCCESS);
    };
    let token = session.token();
    let client = Client::new(session.url, Some(token), arguments.reach.plain());
    credentials.forget(&context)?;
    let ended = client.and_then(|client| {
        let end = async { Ok(client.delete("/v1/sessions/current").send().await) };
        block_on(end).unwrap_or_else(|error| Err(Failure::Unreachable(error.to_string())))
    });
    match ended {
        // One that is over already needs no end.
        Ok(_) | Err(Failure::SignedOut(_)) => {
            say(format!("signed out of \"{}\"", printable(&context)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            note("signed out here; at the gateway the session lives until it expires")?;
            Err(failure.into())
        }
    }
}

pub fn whoami(arguments: Whoami) -> anyhow::Result<ExitCode> {
    let connection = arguments.remote.connect()?;
    let path = match connection.client.is_gateway_key() {
        true => "/v1/me",
        false => "/v1/users/current",
    };
    block_on(async {
        connection.show(&connection.client.get(path).send().await?)?;
        Ok(ExitCode::SUCCESS)
    })
}
