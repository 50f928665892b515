//! `keystile secrets`: sealed values by name. They go in, and never come out.

use std::process::ExitCode;

use http::HeaderName;

use super::block_on;
use super::client::{Call, path};
use super::connection::Connection;
use super::fields::{Fields, Version};
use super::output::{Column, printable};
use super::prompt::Source;
use super::remote::{Paging, Tenant};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile secrets create resend --category api_key --description \"outgoing mail\"\n  \
    pass show postgres | keystile secrets create erp-db --category database --value-stdin\n\n\
    A secret named provider_key_<provider> is the workspace's default provider key.")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the secrets, without their values
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Store a secret
    #[command(
        after_help = "Example:\n  pass show resend | keystile secrets create resend --value-stdin"
    )]
    Create {
        #[command(flatten)]
        one: One,
        /// What kind of secret it is [default: llm_provider for provider keys, else api_key]
        #[arg(long, value_parser = CATEGORIES)]
        category: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        value: NewValue,
    },
    /// Show one secret, without its value
    #[command(after_help = "Example:\n  keystile secrets show resend")]
    Show(One),
    /// Change a secret's value or description
    #[command(
        after_help = "Example:\n  pass show resend | keystile secrets update resend --value-stdin"
    )]
    Update(Update),
    /// Delete a secret
    #[command(after_help = "Example:\n  keystile secrets delete resend")]
    Delete(One),
}

#[derive(clap::Args)]
pub struct One {
    /// The name of the secret
    name: String,
}

#[derive(clap::Args)]
pub struct Update {
    #[command(flatten)]
    one: One,
    /// Ask for a new value
    #[arg(long, conflicts_with = "value_stdin")]
    ask_value: bool,
    /// Another name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Another kind
    #[arg(long, value_parser = CATEGORIES)]
    category: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Fields that get their default again, with commas between
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', value_parser = RESETTABLE)]
    reset: Vec<String>,
    #[command(flatten)]
    value: NewValue,
    #[command(flatten)]
    version: Version,
}

#[derive(clap::Args)]
pub struct NewValue {
    /// Read the value from standard input instead of asking for it
    #[arg(long)]
    value_stdin: bool,
}

const RESETTABLE: [&str; 2] = ["category", "description"];
const CATEGORIES: [&str; 5] = ["api_key", "api", "llm_provider", "database", "custom"];
const SECRETS: &str = "/api/secrets";
const TENANT: HeaderName = HeaderName::from_static("x-tenant-id");

const COLUMNS: [Column; 5] = [
    ("ID", "/id"),
    ("NAME", "/name"),
    ("CATEGORY", "/category"),
    ("DESCRIPTION", "/description"),
    ("UPDATED", "/updated_at"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tenant.connect()?;
    block_on(async {
        let workspace = connection.workspace().await?;
        let desk = Desk { to: &connection, workspace: &workspace };
        desk.answer(arguments.command).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// These routes take the workspace from a header.
struct Desk<'a> {
    to: &'a Connection,
    workspace: &'a str,
}

impl Desk<'_> {
    async fn answer(&self, command: Command) -> anyhow::Result<()> {
        let client = &self.to.client;
        match command {
            Command::Create { one, category, description, value } => {
                let secret = value.read(&one.name)?;
                let mut fields = Fields::default();
                fields.set("name", Some(one.name))?;
                fields.set("value", Some(secret.as_str()))?;
                fields.set("category", category)?;
                fields.set("description", description)?;
                self.show(client.post(SECRETS, &fields.body())).await
            }
            Command::Delete(one) => {
                self.tenant(client.delete(&one.path())).send().await?;
                self.to.format.done(format!("deleted {}", printable(&one.name)))
            }
            Command::List { paging } => {
                let path = format!("{SECRETS}{}", paging.query([]));
                self.to.list(&self.tenant(client.get(&path)).send().await?, &COLUMNS)
            }
            Command::Show(one) => self.show(client.get(&one.path())).await,
            Command::Update(update) => self.update(update).await,
        }
    }

    async fn update(&self, update: Update) -> anyhow::Result<()> {
        let Update { one, value, .. } = update;
        let secret = match update.ask_value || value.value_stdin {
            true => Some(value.read(&one.name)?),
            false => None,
        };
        let mut fields = Fields::default();
        fields.set("name", update.rename)?;
        fields.set("value", secret.as_ref().map(|secret| secret.as_str()))?;
        fields.set("category", update.category)?;
        fields.set("description", update.description)?;
        fields.reset(&update.reset)?;
        let call = self.to.client.patch(&one.path(), &fields.changes()?);
        self.show(update.version.expect(call)).await
    }

    fn tenant<'a>(&self, call: Call<'a>) -> Call<'a> {
        call.header(TENANT, Some(self.workspace))
    }

    async fn show(&self, call: Call<'_>) -> anyhow::Result<()> {
        let answer = self.tenant(call).send().await?;
        self.to.show(&answer)
    }
}

impl One {
    fn path(&self) -> String {
        format!("{SECRETS}{}", path([&self.name]))
    }
}

impl NewValue {
    fn read(&self, of: &str) -> anyhow::Result<zeroize::Zeroizing<String>> {
        let what = format!("The value of {}", printable(of));
        Source::stdin_if(self.value_stdin).secret(&what, "--value-stdin")
    }
}
