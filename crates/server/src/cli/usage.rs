//! `keystile usage`: what was used and what it cost, added up.

use std::process::ExitCode;

use super::block_on;
use super::client::path;
use super::output::{Column, note};
use super::tabular::{Narrow, Tabular, TabularFormat};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile usage\n  \
    keystile usage --group-by model --from 2026-03-01 --to 2026-04-01\n  \
    keystile usage --group-by gateway_key --project mobile-app -o csv")]
pub struct Arguments {
    #[command(flatten)]
    tabular: Tabular,
    /// day, gateway_key, hour, model, payer, project, provider or provider_key
    #[arg(long, value_name = "WHAT", default_value = "day")]
    group_by: String,
    #[command(flatten)]
    narrow: Narrow,
}

const COLUMNS: [Column; 8] = [
    ("GROUP", "/group"),
    ("REQUESTS", "/requests"),
    ("FAILURES", "/failures"),
    ("INPUT", "/input_tokens"),
    ("CACHED", "/cached_tokens"),
    ("OUTPUT", "/output_tokens"),
    ("MICRO-USD", "/cost_micro_usd"),
    ("UNPRICED", "/unpriced"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { tabular, group_by, narrow } = arguments;
    let connection = tabular.connect()?;
    block_on(async {
        let base = path(["v1", "workspaces", &connection.workspace().await?, "usage"]);
        let more =
            [("group_by", Some(group_by.as_str())), ("format", Some(tabular.output.asked()))];
        let query = narrow.query(&connection, more).await?;
        let answer = connection.client.get(&format!("{base}{query}")).send().await?;
        tabular.output.show(&answer, &COLUMNS)?;
        if tabular.output == TabularFormat::Table {
            let sums = answer.json()?;
            let total = |field| sums.pointer(field).cloned().unwrap_or_default();
            note(format!(
                "in all: {} requests, {} micro-USD, {} unpriced attempts",
                total("/totals/requests"),
                total("/totals/cost_micro_usd"),
                total("/totals/unpriced")
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
}
