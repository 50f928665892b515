//! `keystile nodes`: the processes that serve the instance, and what becomes of one whose data is lost.

use std::process::ExitCode;

use anyhow::bail;

use super::block_on;
use super::client::{path, query};
use super::output::{Column, printable};
use super::prompt::confirm;
use super::remote::{Paging, Remote};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile nodes list\n  \
    keystile nodes forget node_0192")]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// List the nodes that were seen within a week
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Give up a node whose data is lost: what it had leased counts as spent, what it had begun as unsettled
    #[command(
        after_help = "A node that only stopped needs none of this: it brings its journal when it starts again.\n\n\
        Example:\n  keystile nodes forget node_0192 --yes"
    )]
    Forget {
        /// The node, by id
        #[arg(value_name = "NODE")]
        id: String,
        /// Although it was seen within the last minute
        #[arg(long)]
        force: bool,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}

const COLUMNS: [Column; 5] = [
    ("ID", "/id"),
    ("ALIVE", "/is_alive"),
    ("SEEN", "/seen_at"),
    ("STARTED", "/started_at"),
    ("VERSION", "/version"),
];

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let to = arguments.remote.connect()?;
    let nodes = path(["v1", "operator", "nodes"]);
    match arguments.command {
        Command::List { paging } => block_on(async {
            let path = format!("{nodes}{}", paging.query([]));
            to.list(&to.client.get(&path).send().await?, &COLUMNS)?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Forget { id, force, yes } => {
            let question = format!("Is the data of {} lost for good?", printable(&id));
            if !yes && !confirm(&question)? {
                bail!("nothing was changed");
            }
            block_on(async {
                let force = force.then_some("true");
                let path = format!("{nodes}{}{}", path([&id]), query([("force", force)]));
                to.show(&to.client.delete(&path).send().await?)?;
                Ok(ExitCode::SUCCESS)
            })
        }
    }
}
