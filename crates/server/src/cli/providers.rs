//! `keystile providers`: the provider keys of a workspace, and with `--project` the BYOK keys of a project.

mod change;
mod home;
mod value;

use std::process::ExitCode;

use serde_json::json;

use super::block_on;
use super::connection::Connection;
use super::output::{Column, printable};
use super::remote::{Paging, Tenant};
use change::{Tier, Update};
use home::{Home, One, of_workspace};
use value::{Add, Replace};

pub use home::{byok_keys, provider_keys};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile providers add openai --label Production\n  \
    pass show openai | keystile providers add openai --key-stdin\n  \
    keystile providers add custom --name my-vllm --base-url http://10.0.0.7:8000/v1 --no-key\n  \
    keystile providers list --project default -o json\n\n\
    KEY is the id of a workspace's key (pk_...), or with --project the provider's name, as a project has one key for each.")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the keys, redacted
    List {
        #[command(flatten)]
        home: Home,
        #[command(flatten)]
        paging: Paging,
    },
    /// List the providers there are keys for, and where to get one
    #[command(after_help = "Example:\n  keystile providers available")]
    Available {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one key of the workspace, redacted
    #[command(after_help = "Example:\n  keystile providers show pk_0192")]
    Show {
        /// The id of the key
        key: String,
    },
    /// Add a key: its provider is asked whether it works before it is kept
    Add(Add),
    /// Replace the value of a key; its id and its history stay
    #[command(
        after_help = "Example:\n  pass show openai | keystile providers replace pk_0192 --key-stdin"
    )]
    Replace(Replace),
    /// Change what is said about a key of the workspace
    #[command(
        after_help = "Example:\n  keystile providers update pk_0192 --label Staging --reset allowed_models"
    )]
    Update(Update),
    /// Ask the provider again whether the stored key works
    #[command(after_help = "Example:\n  keystile providers test openai --project default")]
    Test(One),
    /// Leave a key unused until it is resumed
    #[command(after_help = "Example:\n  keystile providers pause pk_0192")]
    Pause(One),
    /// Use a paused key again
    #[command(after_help = "Example:\n  keystile providers resume pk_0192")]
    Resume(One),
    /// Make a key of the workspace the first choice for its provider
    #[command(after_help = "Example:\n  keystile providers set-default pk_0192")]
    SetDefault {
        /// The id of the key
        key: String,
    },
    /// Say which tier a key's account has, which ends detection; or begin it again
    #[command(after_help = "Example:\n  keystile providers tier pk_0192 tier-4")]
    Tier(Tier),
    /// Show what a key has left per model, and when it resets
    #[command(after_help = "Example:\n  keystile providers headroom pk_0192 -o json")]
    Headroom {
        /// The id of the key
        key: String,
    },
    /// Delete a key, with its ciphertext and its health history
    #[command(after_help = "Example:\n  keystile providers delete pk_0192")]
    Delete(One),
}

const COLUMNS: [Column; 9] = [
    ("ID", "/id"),
    ("PROVIDER", "/provider"),
    ("NAME", "/name"),
    ("LABEL", "/label"),
    ("KEY", "/key_prefix"),
    ("DEFAULT", "/is_default"),
    ("ACTIVE", "/is_active"),
    ("HEALTH", "/health_status"),
    ("LAST USED", "/last_used_at"),
];
const COLUMNS_OF_PROVIDERS: [Column; 5] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("KEY LOOKS LIKE", "/key_format"),
    ("GET ONE AT", "/key_url"),
    ("DATA POLICY", "/data_policy"),
];
const COLUMNS_OF_PROJECT: [Column; 6] = [
    ("PROVIDER", "/provider"),
    ("KEY", "/api_key_prefix"),
    ("ACTIVE", "/is_active"),
    ("HEALTH", "/health_status"),
    ("LAST ERROR", "/last_health_error"),
    ("LAST USED", "/last_used_at"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        answer(&connection, arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn answer(to: &Connection, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => value::add(to, add).await,
        Command::Available { paging } => {
            let path = format!("/v1/providers{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS_OF_PROVIDERS)
        }
        Command::Delete(one) => {
            to.client.delete(&one.path(to).await?).send().await?;
            to.format.done(format!("deleted {}", printable(&one.key)))
        }
        Command::Headroom { key } => {
            let path = format!("{}/headroom", of_workspace(to, &key).await?);
            to.show(&to.client.get(&path).send().await?)
        }
        Command::List { home, paging } => list(to, &home, &paging).await,
        Command::Pause(one) => set_active(to, &one, false).await,
        Command::Replace(replace) => value::replace(to, replace).await,
        Command::Resume(one) => set_active(to, &one, true).await,
        Command::SetDefault { key } => {
            let path = format!("{}/set-default", of_workspace(to, &key).await?);
            to.show(&to.client.press(&path).send().await?)
        }
        Command::Show { key } => {
            to.show(&to.client.get(&of_workspace(to, &key).await?).send().await?)
        }
        Command::Test(one) => {
            let verb = if one.home.project.is_some() { "test" } else { "validate" };
            let path = format!("{}/{verb}", one.path(to).await?);
            to.show(&to.client.press(&path).send().await?)
        }
        Command::Tier(tier) => change::tier(to, tier).await,
        Command::Update(update) => change::update(to, update).await,
    }
}

async fn list(to: &Connection, home: &Home, paging: &Paging) -> anyhow::Result<()> {
    let path = format!("{}{}", home.path(to).await?, paging.query([]));
    let columns = match home.project {
        Some(_) => COLUMNS_OF_PROJECT.as_slice(),
        None => &COLUMNS,
    };
    to.list(&to.client.get(&path).send().await?, columns)
}

async fn set_active(to: &Connection, one: &One, is_active: bool) -> anyhow::Result<()> {
    let body = json!({ "is_active": is_active });
    to.show(&to.client.patch(&one.path(to).await?, &body).send().await?)
}
