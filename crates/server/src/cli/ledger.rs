//! `keystile ledger`: the books as the database has them. Opens the database itself and changes nothing, so that it also works
//! beside a gateway, and while none starts.

use std::process::ExitCode;

use anyhow::bail;
use control::{LedgerStatus, UnsettledView, ledger_status, unsettled_attempts, verify_ledger};
use model::Clock as _;
use model::clock::SystemClock;
use store::{Location, Store};

use super::output::{Format, note, printable, table};
use super::{block_on, say};
use crate::boot;
use crate::config::Config;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile ledger status\n  \
    keystile ledger verify\n  \
    keystile ledger unsettled -o json")]
pub struct Arguments {
    /// A table for people, or json
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table")]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, clap::Subcommand)]
pub enum Command {
    /// Show how far each node's journal is folded in, and what of each cap is spent and leased
    Status,
    /// Add everything up again and say what differs; exit code 1 if anything does
    ///
    /// Hours against attempts, budgets against hours, leases against caps, and each attempt against itself. Reads the whole
    /// ledger.
    Verify,
    /// List attempts whose end nobody saw, the newest first: charged what they held, or had used by their last checkpoint
    Unsettled {
        /// How many at most
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        limit: u32,
    },
}

pub fn run(arguments: Arguments, config: Config) -> anyhow::Result<ExitCode> {
    let Arguments { output, command } = arguments;
    block_on(async {
        let store = open(&config).await?;
        let now = SystemClock.now();
        match command {
            Command::Status => {
                let status = ledger_status(&store, &config.data_dir, now).await?;
                match output {
                    Format::Json => say(serde_json::to_string(&status)?)?,
                    Format::Table => show(&status)?,
                }
                Ok(ExitCode::SUCCESS)
            }
            Command::Unsettled { limit } => {
                let attempts = unsettled_attempts(&store, limit).await?;
                match output {
                    Format::Json => say(serde_json::to_string(&attempts)?)?,
                    Format::Table => list(&attempts)?,
                }
                Ok(ExitCode::SUCCESS)
            }
            Command::Verify => {
                let findings = verify_ledger(&store, now).await?;
                match output {
                    Format::Json => say(serde_json::to_string(&findings)?)?,
                    Format::Table if findings.is_empty() => {
                        say("every sum is that of its rows")?;
                    }
                    Format::Table => {
                        let rows = findings.iter().map(|it| {
                            [it.kind.to_owned(), printable(&it.subject), printable(&it.problem)]
                        });
                        table(["WHAT", "WHICH", "PROBLEM"], rows)?;
                    }
                }
                Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
        }
    })
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    if let Location::Sqlite { file } = config.location()
        && !file.exists()
    {
        bail!("there is no database in {} yet", config.data_dir.display());
    }
    let store = boot::connect(config).await?;
    let pending = store.pending_migrations().await?;
    if !pending.is_empty() {
        bail!(
            "the database is not up to date: `keystile db migrate` applies {}",
            pending.join(", ")
        );
    }
    Ok(store)
}

fn show(status: &LedgerStatus) -> anyhow::Result<()> {
    let journals = status.journals.iter().map(|journal| {
        [
            journal.node.to_string(),
            if journal.is_alive { "yes" } else { "no" }.to_owned(),
            format!("{}:{}", journal.segment, journal.offset_bytes),
            journal.undrained_bytes.map_or_else(unknown, |bytes| bytes.to_string()),
            journal.open.to_string(),
            journal.unsettled.to_string(),
            journal.leased_micro_usd.to_string(),
        ]
    });
    table(
        ["NODE", "ALIVE", "FOLDED IN UP TO", "UNDRAINED BYTES", "OPEN", "UNSETTLED", "LEASED"],
        journals,
    )?;
    if status.budgets.is_empty() {
        return note("no cap was reserved from");
    }
    say("")?;
    let budgets = status.budgets.iter().map(|budget| {
        [
            budget.scope.clone(),
            budget.period_end.map_or_else(|| "never".to_owned(), |end| end.to_string()),
            budget.spent_micro_usd.to_string(),
            budget.leased_micro_usd.to_string(),
            budget.forgotten_micro_usd.to_string(),
        ]
    });
    table(["SCOPE", "ENDS", "SPENT", "LEASED", "FORGOTTEN"], budgets)?;
    note("in micro-USD; of pools, in tokens")
}

fn list(attempts: &[UnsettledView]) -> anyhow::Result<()> {
    let rows = attempts.iter().map(|attempt| {
        [
            attempt.started_at.to_string(),
            attempt.request_id.to_string(),
            attempt.attempt.to_string(),
            attempt.workspace_id.to_string(),
            printable(&attempt.provider),
            printable(&attempt.model),
            attempt.cost_micro_usd.map_or_else(unknown, |cost| cost.to_string()),
        ]
    });
    table(["STARTED", "REQUEST", "ATTEMPT", "WORKSPACE", "PROVIDER", "MODEL", "MICRO-USD"], rows)
}

fn unknown() -> String {
    "-".to_owned()
}
