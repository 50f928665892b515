//! `keystile setup`: does over the API what its first curl commands would do.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use gateway::upstream::{Egress, call_own_api};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use model::BaseUrl;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{block_on, say};
use crate::config::Config;

#[derive(clap::Args)]
#[command(
    after_help = "What is not given is asked for. Without a terminal each answer is one line of standard input, in this \
    order: the set-up token (unless KEYSTILE_SETUP_TOKEN is set), the email (unless --email is given), the password, \
    and with --provider the provider's key."
)]
pub struct Arguments {
    /// Where the gateway is [default: its public URL in the configuration]
    #[arg(long)]
    url: Option<String>,
    /// The owner's address, to sign in with
    #[arg(long)]
    email: Option<String>,
    /// The name of the first workspace
    #[arg(long, default_value = "My workspace")]
    workspace: String,
    /// Also store a key of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Where the provider is, for `--provider custom`
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Store the provider's key without asking the provider whether it works
    #[arg(long)]
    no_probe: bool,
}

const WITHIN: Duration = Duration::from_secs(30);

pub fn run(arguments: Arguments, config: Config) -> anyhow::Result<ExitCode> {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    block_on(set_up(arguments, config))
}

async fn set_up(arguments: Arguments, config: Config) -> anyhow::Result<ExitCode> {
    let base = match &arguments.url {
        Some(text) => BaseUrl::parse(text).with_context(|| format!("--url {text}"))?,
        None => config.public_url.clone(),
    };
    let api = Api { base };
    let token = match &config.setup_token {
        Some(token) => Zeroizing::new(token.reveal().to_owned()),
        None => ask_secret("Set-up token (the gateway printed it)")?,
    };
    let email = match &arguments.email {
        Some(email) => email.clone(),
        None => ask("Your email")?,
    };
    let password = ask_secret("A password (10 characters at least)")?;
    let made = api
        .post("/v1/setup", None, &json!({
            "setup_token": *token, "email": email, "password": *password, "workspace": arguments.workspace,
        }))
        .await?;
    let session = text(&made, "/token")?;
    let workspace = text(&made, "/workspace/id")?;
    say(format!("workspace {workspace} is yours, {email}"))?;
    let mut outcome = ExitCode::SUCCESS;
    if let Some(provider) = &arguments.provider {
        let path = format!("/v1/workspaces/{workspace}/provider-keys");
        match store_key(&api, &path, session, provider, &arguments).await {
            Ok(stored) => say(stored)?,
            // The owner exists by now and cannot be made again: what is left is worth finishing.
            Err(error) => {
                outcome = ExitCode::FAILURE;
                say(format!("the {provider} key is NOT stored: {error:#}"))?;
            }
        }
    }
    let project = text(&made, "/project/id")?;
    let path = format!("/api/v1/projects/{project}/api-keys");
    let key = api.post(&path, Some(session), &json!({ "name": "first key" })).await?;
    say(format!(
        "gateway key, shown only now:\n\n  {}\n\nGive it to your application as its API key, and as base URL {}/v1",
        text(&key, "/key")?,
        api.base
    ))?;
    Ok(outcome)
}

async fn store_key(
    api: &Api,
    path: &str,
    session: &str,
    provider: &str,
    arguments: &Arguments,
) -> anyhow::Result<String> {
    let key = ask_secret(&format!("Your {provider} key"))?;
    let body = json!({
        "provider": provider,
        "api_key": *key,
        "base_url": arguments.base_url,
        "validate_before_save": !arguments.no_probe,
    });
    let stored = api.post(path, Some(session), &body).await?;
    Ok(format!(
        "provider key {} ({}) is stored: {}",
        text(&stored, "/id")?,
        text(&stored, "/key_prefix")?,
        text(&stored, "/validation_status")?
    ))
}

/// What may be seen while it is typed.
fn ask(what: &str) -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        let mut out = std::io::stdout().lock();
        write!(out, "{what}: ")?;
        out.flush()?;
    }
    Ok(line()?.to_string())
}

/// Hidden at a terminal; a line of standard input otherwise, so that scripts can pipe secrets in.
fn ask_secret(what: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        return line();
    }
    Ok(Zeroizing::new(rpassword::prompt_password(format!("{what}: "))?))
}

fn line() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

struct Api {
    base: BaseUrl,
}

impl Api {
    async fn post(&self, path: &str, session: Option<&str>, body: &Value) -> anyhow::Result<Value> {
        let mut request = Request::post(self.base.join(path))
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))?;
        if let Some(session) = session {
            let value = format!("Bearer {session}");
            request.headers_mut().insert(AUTHORIZATION, value.parse()?);
        }
        // The person at this machine named the address, wherever it leads.
        let egress = Egress { overrides: vec![self.base.clone()], allow: Vec::new() };
        let answer = call_own_api(&egress, request, WITHIN).await.map_err(|reason| {
            anyhow::anyhow!("{}: {reason} (is the gateway running?)", self.base)
        })?;
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if !answer.status().is_success() {
            let why = said.pointer("/error/message").and_then(Value::as_str);
            bail!("{}", why.unwrap_or("the gateway refused, without a reason"));
        }
        Ok(said)
    }
}

fn text<'a>(answer: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.with_context(|| format!("the gateway's answer has no {pointer}"))
}
