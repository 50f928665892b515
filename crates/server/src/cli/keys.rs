//! `keystile keys`: what applications send the gateway, of the whole workspace or of a project.

use std::process::ExitCode;

use serde_json::json;

use super::block_on;
use super::client::path;
use super::connection::Connection;
use super::fields::{Fields, Policy, Version};
use super::output::Column;
use super::remote::{Paging, Tenant};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile keys create --project default --name checkout --spend-cap-micro-usd 5000000\n  \
    KEY=$(keystile keys create --project default --name ci)\n  \
    keystile keys list --project default -o json\n\n\
    Without --project these are the keys of the whole workspace, which may do everything unless --scopes says less.")]
pub struct Arguments {
    /// The keys of this project, by id or name, instead of the whole workspace's
    #[arg(long, global = true, value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the keys
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Make a key: it is shown this once, alone on standard output
    Create(Create),
    /// Show one key and what it may do
    #[command(after_help = "Example:\n  keystile keys show gk_0192 --project default")]
    Show(One),
    /// Change what a key may do
    Update(Update),
    /// Give a key a new value: shown this once, alone on standard output
    #[command(
        after_help = "Example:\n  keystile keys rotate gk_0192 --project default --overlap-seconds 3600"
    )]
    Rotate {
        #[command(flatten)]
        one: One,
        /// How long the old value keeps working
        #[arg(long, value_name = "SECONDS")]
        overlap_seconds: Option<u32>,
    },
    /// Refuse a key until it is unblocked
    #[command(after_help = "Example:\n  keystile keys block gk_0192 --project default")]
    Block(One),
    /// Let a blocked key work again
    #[command(after_help = "Example:\n  keystile keys unblock gk_0192 --project default")]
    Unblock(One),
    /// End a key for good
    #[command(after_help = "Example:\n  keystile keys revoke gk_0192 --project default")]
    Revoke(One),
}

#[derive(clap::Args)]
pub struct One {
    /// The id of the key
    #[arg(value_name = "KEY_ID")]
    id: String,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile keys create --project default --name checkout --allowed-models openai/gpt-5.4-mini\n  \
    keystile keys create --project default --name ci --expires-at 2027-01-01T00:00:00Z")]
pub struct Create {
    /// What it is for
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    rights: Rights,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  keystile keys update gk_0192 --project default --rpm-limit 60 --reset expires_at"
)]
pub struct Update {
    #[command(flatten)]
    one: One,
    /// What it is for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    rights: Rights,
    /// Fields that get their default again, with commas between, as in rpm_limit,expires_at
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    reset: Vec<String>,
    #[command(flatten)]
    version: Version,
}

#[derive(clap::Args)]
pub struct Rights {
    /// What it may do, with commas between: inference, read:byok, write:byok, read:keys, write:keys, read:secrets,
    /// write:secrets, read:usage, or *
    #[arg(long, value_name = "SCOPES", value_delimiter = ',')]
    scopes: Option<Vec<String>>,
    /// When it ends, as in 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Whether a call whose client hangs up is cut, or read to its end
    #[arg(long, value_name = "WHAT", value_parser = ["abort", "drain"])]
    on_disconnect: Option<String>,
    #[command(flatten)]
    policy: Policy,
}

const COLUMNS: [Column; 8] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("KEY", "/key_prefix"),
    ("SCOPES", "/scopes"),
    ("CAP MICRO-USD", "/spend_cap_micro_usd"),
    ("EXPIRES", "/expires_at"),
    ("BLOCKED", "/blocked_at"),
    ("REVOKED", "/revoked_at"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        let to = &connection;
        let keys = match &arguments.project {
            Some(project) => {
                path(["api", "v1", "projects", &to.project(project).await?, "api-keys"])
            }
            None => path(["v1", "workspaces", &to.workspace().await?, "api-keys"]),
        };
        answer(to, &keys, arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// `keys` is the path of all of them.
async fn answer(to: &Connection, keys: &str, command: Command) -> anyhow::Result<()> {
    let path = |one: &One| format!("{keys}{}", path([&one.id]));
    match command {
        Command::Block(one) => press(to, &format!("{}/block", path(&one))).await,
        Command::Create(create) => {
            let mut fields = Fields::default();
            fields.set("name", Some(create.name))?;
            create.rights.fill(&mut fields)?;
            let made = to.client.post(keys, &fields.body()).send().await?;
            to.format.show_once(&made, "key")
        }
        Command::List { paging } => {
            let path = format!("{keys}{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS)
        }
        Command::Revoke(one) => {
            to.client.delete(&path(&one)).send().await?;
            to.format.done("revoked")
        }
        Command::Rotate { one, overlap_seconds } => {
            let body = match overlap_seconds {
                Some(seconds) => json!({ "overlap_seconds": seconds }),
                None => json!({}),
            };
            let path = format!("{}/rotate", path(&one));
            to.format.show_once(&to.client.post(&path, &body).send().await?, "key")
        }
        Command::Show(one) => to.show(&to.client.get(&path(&one)).send().await?),
        Command::Unblock(one) => press(to, &format!("{}/unblock", path(&one))).await,
        Command::Update(update) => {
            let mut fields = Fields::default();
            fields.set("name", update.name)?;
            update.rights.fill(&mut fields)?;
            fields.reset(&update.reset)?;
            let call = to.client.patch(&path(&update.one), &fields.changes()?);
            to.show(&update.version.expect(call).send().await?)
        }
    }
}

async fn press(to: &Connection, path: &str) -> anyhow::Result<()> {
    to.show(&to.client.press(path).send().await?)
}

impl Rights {
    fn fill(self, fields: &mut Fields) -> anyhow::Result<()> {
        fields.set("scopes", self.scopes)?;
        fields.set("expires_at", self.expires_at)?;
        fields.set("on_disconnect", self.on_disconnect)?;
        self.policy.fill(fields)
    }
}
