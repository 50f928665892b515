//! What the commands about usage share: a workspace, a way to narrow it, and answers that may be a table for spreadsheets.

use super::client::{Answer, query};
use super::connection::Connection;
use super::output::{Column, Format, as_it_is};
use super::remote::Reach;
use crate::config::ClientEnvironment;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TabularFormat {
    Csv,
    Json,
    Table,
}

/// Which gateway, which workspace, and how it is shown.
#[derive(clap::Args)]
pub struct Tabular {
    #[command(flatten)]
    reach: Reach,
    /// The workspace, by id or name [default: KEYSTILE_WORKSPACE, else the only one you belong to]
    #[arg(long, value_name = "WORKSPACE", help_heading = "Gateway")]
    workspace: Option<String>,
    /// A table for people, csv for spreadsheets, or json: the gateway's answer as it is
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: TabularFormat,
}

/// What usage is narrowed to.
#[derive(clap::Args)]
pub struct Narrow {
    /// From this time on, as in 2026-03-20 or 2026-03-20T10:00:00Z [default: 30 days]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this time, which is not included [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of one gateway key, by id
    #[arg(long, value_name = "ID")]
    gateway_key: Option<String>,
    /// Of one model, by the provider's name of it
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// What keys of your own paid (byok), or the operator's (platform)
    #[arg(long, value_name = "PAYER")]
    payer: Option<String>,
    /// Of one project, by id or name
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Of one provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Of one provider key, by id
    #[arg(long, value_name = "ID")]
    provider_key: Option<String>,
}

impl Tabular {
    pub fn connect(&self) -> anyhow::Result<Connection> {
        let workspace = match &self.workspace {
            Some(workspace) => Some(workspace.clone()),
            None => ClientEnvironment::read()?.workspace,
        };
        let format = match self.output {
            TabularFormat::Table => Format::Table,
            TabularFormat::Csv | TabularFormat::Json => Format::Json,
        };
        Ok(Connection::new(self.reach.client()?, format, workspace))
    }
}

impl TabularFormat {
    /// What the gateway is asked for.
    pub const fn asked(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json | Self::Table => "json",
        }
    }

    pub fn show(self, answer: &Answer, columns: &[Column]) -> anyhow::Result<()> {
        match self {
            Self::Csv | Self::Json => as_it_is(answer),
            Self::Table => Format::Table.list(answer, columns),
        }
    }
}

impl Narrow {
    /// `?from=..&to=..`, and what else there is.
    pub async fn query<const N: usize>(
        &self,
        to: &Connection,
        more: [(&str, Option<&str>); N],
    ) -> anyhow::Result<String> {
        let project = match &self.project {
            Some(wish) => Some(to.project(wish).await?),
            None => None,
        };
        let narrowed = query([
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
            ("gateway_key", self.gateway_key.as_deref()),
            ("model", self.model.as_deref()),
            ("payer", self.payer.as_deref()),
            ("project", project.as_deref()),
            ("provider", self.provider.as_deref()),
            ("provider_key", self.provider_key.as_deref()),
        ]);
        let more = query(more);
        Ok(match (narrowed.is_empty(), more.strip_prefix('?')) {
            (false, Some(more)) => format!("{narrowed}&{more}"),
            (true, _) => more,
            (false, None) => narrowed,
        })
    }
}
