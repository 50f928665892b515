//! `keystile setup`: does over the API what its first curl commands would do.

use std::process::ExitCode;

use serde_json::json;
use zeroize::Zeroizing;

use super::client::{Client, PlainHttp, path};
use super::prompt::{ask_line, secret_line};
use super::providers::provider_keys;
use super::remote::url;
use super::{block_on, say};
use crate::config::{Config, Hidden};

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
    /// Talk plain http to a gateway on another machine: whoever is in between can read what you type
    #[arg(long)]
    insecure_http: bool,
}

pub fn run(arguments: Arguments, config: Config) -> anyhow::Result<ExitCode> {
    block_on(set_up(arguments, config))
}

async fn set_up(arguments: Arguments, config: Config) -> anyhow::Result<ExitCode> {
    let base = match &arguments.url {
        Some(text) => url(text)?,
        None => config.public_url.clone(),
    };
    let plain = match arguments.insecure_http {
        true => PlainHttp::Anywhere,
        false => PlainHttp::LoopbackOnly,
    };
    let stranger = Client::new(base.clone(), None, plain)?;
    let token = match &config.setup_token {
        Some(token) => Zeroizing::new(token.reveal().to_owned()),
        None => secret_line("Set-up token (the gateway printed it)")?,
    };
    let email = match &arguments.email {
        Some(email) => email.clone(),
        None => ask_line("Your email")?,
    };
    let password = secret_line("A password (10 characters at least)")?;
    let body = json!({
        "setup_token": *token, "email": email, "password": *password, "workspace": arguments.workspace,
    });
    let made = stranger.post("/v1/setup", &body).send().await?;
    let owner = Client::new(base, Some(Hidden::new(made.text("/token")?)), plain)?;
    let workspace = made.text("/workspace/id")?;
    say(format!("workspace {workspace} is yours, {email}"))?;
    let mut outcome = ExitCode::SUCCESS;
    if let Some(provider) = &arguments.provider {
        match store_key(&owner, &provider_keys(&workspace), provider, &arguments).await {
            Ok(stored) => say(stored)?,
            // The owner exists by now and cannot be made again: what is left is worth finishing.
            Err(error) => {
                outcome = ExitCode::FAILURE;
                say(format!("the {provider} key is NOT stored: {error:#}"))?;
            }
        }
    }
    let path = path(["api", "v1", "projects", &made.text("/project/id")?, "api-keys"]);
    let key = owner.post(&path, &json!({ "name": "first key" })).send().await?;
    say(format!(
        "gateway key, shown only now:\n\n  {}\n\nGive it to your application as its API key, and as base URL {}/v1",
        key.text("/key")?,
        owner.base()
    ))?;
    Ok(outcome)
}

async fn store_key(
    owner: &Client,
    path: &str,
    provider: &str,
    arguments: &Arguments,
) -> anyhow::Result<String> {
    let key = secret_line(&format!("Your {provider} key"))?;
    let body = json!({
        "provider": provider,
        "api_key": *key,
        "base_url": arguments.base_url,
        "validate_before_save": !arguments.no_probe,
    });
    let stored = owner.post(path, &body).send().await?;
    Ok(format!(
        "provider key {} ({}) is stored: {}",
        stored.text("/id")?,
        stored.text("/key_prefix")?,
        stored.text("/validation_status")?
    ))
}
