//! `keystile requests`: what became of single requests, attempt by attempt.

use std::process::ExitCode;

use super::block_on;
use super::client::path;
use super::connection::Connection;
use super::output::Column;
use super::tabular::{Narrow, Tabular};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile requests --outcome failed --limit 20\n  \
    keystile requests --state unsettled\n  \
    keystile requests --request req_0192\n  \
    keystile requests --from 2026-03-01 --to 2026-03-02 -o csv\n\n\
    Newest first. csv holds all that fit, however many.")]
pub struct Arguments {
    #[command(flatten)]
    tabular: Tabular,
    /// All attempts of this request, by its id
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// open, settled or unsettled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// aborted, completed, cut, failed or unknown
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only those that a provider answered with this status or a higher one
    #[arg(long, value_name = "STATUS")]
    min_status: Option<u16>,
    /// Only streamed ones, or only others
    #[arg(long, value_name = "BOOL")]
    streamed: Option<bool>,
    /// How many at most (up to 500)
    #[arg(long, value_name = "COUNT")]
    limit: Option<u32>,
    /// Go on after an earlier page: what that page ended with
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
}

const COLUMNS: [Column; 12] = [
    ("STARTED", "/started_at"),
    ("REQUEST", "/request_id"),
    ("ATTEMPT", "/attempt"),
    ("PROVIDER", "/provider"),
    ("MODEL", "/model"),
    ("PAYER", "/payer"),
    ("STATE", "/state"),
    ("OUTCOME", "/outcome"),
    ("STATUS", "/http_status"),
    ("INPUT", "/input_tokens"),
    ("OUTPUT", "/output_tokens"),
    ("MICRO-USD", "/cost_micro_usd"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let connection = arguments.tabular.connect()?;
    block_on(async {
        let base = path(["v1", "workspaces", &connection.workspace().await?, "requests"]);
        match &arguments.request {
            Some(id) => show(&connection, &base, id).await?,
            None => list(&connection, &base, &arguments).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn show(to: &Connection, base: &str, id: &str) -> anyhow::Result<()> {
    let answer = to.client.get(&format!("{base}{}", path([id]))).send().await?;
    to.show(&answer)
}

async fn list(to: &Connection, base: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { tabular, narrow, .. } = arguments;
    let [status, streamed, limit] = [
        arguments.min_status.map(|status| status.to_string()),
        arguments.streamed.map(|streamed| streamed.to_string()),
        arguments.limit.map(|limit| limit.to_string()),
    ];
    let more = [
        ("state", arguments.state.as_deref()),
        ("outcome", arguments.outcome.as_deref()),
        ("min_status", status.as_deref()),
        ("streamed", streamed.as_deref()),
        ("limit", limit.as_deref()),
        ("cursor", arguments.cursor.as_deref()),
        ("format", Some(tabular.output.asked())),
    ];
    let query = narrow.query(to, more).await?;
    let answer = to.client.get(&format!("{base}{query}")).send().await?;
    tabular.output.show(&answer, &COLUMNS)
}
