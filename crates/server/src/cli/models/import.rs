//! `keystile models import`: another catalogue's prices into the operator's own rows. Says first what it would do; deletes
//! nothing; leaves alone what a person wrote.

mod diff;
mod genai_prices;
mod litellm;
mod models_dev;
mod told;

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use model::Catalogue;
use serde_json::json;

use super::{document, now};
use crate::cli::failure::Failure;
use crate::cli::output::{Format, note, printable, table};
use crate::config::{Config, prices};
use diff::{Action, Diff};
use told::Told;

#[derive(clap::Args)]
pub struct Arguments {
    /// The catalogue's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write what is shown to prices.toml in the data folder
    #[arg(long)]
    apply: bool,
    /// Only prices of models that are known already
    #[arg(long)]
    only_known: bool,
}

pub fn run(
    arguments: &Arguments,
    catalogue: &Catalogue,
    config: &Config,
    format: Format,
) -> anyhow::Result<()> {
    let named = || format!("{}", arguments.file.display());
    let text = fs::read_to_string(&arguments.file).with_context(named)?;
    let at = now();
    let mut told = Told::read(&text, at).ok_or_else(|| {
        let file = printable(&named());
        Failure::Usage(format!(
            "\"{file}\" is none of LiteLLM's price map, models.dev's api.json and genai-prices' data (v2)"
        ))
    })?;
    if arguments.only_known {
        told.models.retain(|line| line.is_known_to(catalogue));
    }
    let rows = prices::read(&config.data_dir)?;
    let diff = Diff::of(&told, catalogue, &rows, at)?;
    show(&told, &diff, format)?;
    if !arguments.apply {
        return tell(format, "nothing was written: --apply writes it");
    }
    if !diff.writes() {
        return tell(format, "nothing was written: there is nothing new");
    }
    if !config.data_dir.is_dir() {
        let folder = config.data_dir.display();
        return Err(Failure::Usage(format!(
            "there is no data folder \"{folder}\": name the gateway's with --data-dir"
        ))
        .into());
    }
    let rows = diff.written(rows);
    // Whatever is written must be taken at the next start.
    Catalogue::shipped()?.with_prices(&rows)?;
    let file = prices::file(&config.data_dir);
    prices::write(&config.data_dir, &rows).with_context(|| format!("{}", file.display()))?;
    tell(format, &format!("{} was written: it holds from the next start on", file.display()))
}

fn tell(format: Format, what: &str) -> anyhow::Result<()> {
    if format == Format::Table { note(what) } else { Ok(()) }
}

fn show(told: &Told, diff: &Diff, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let changes = diff.changes.iter().map(|change| {
            json!({"action": change.action.as_str(), "model": change.model, "parts": change.what})
        });
        let changes: Vec<_> = changes.collect();
        return document(
            &json!({"source": told.source, "skipped": told.skipped, "changes": changes}),
        );
    }
    let rows = diff.changes.iter().map(|change| {
        let what = change.what.join(", ");
        [change.action.as_str().to_owned(), printable(&change.model), printable(&what)]
    });
    table(["ACTION", "MODEL", "USD FOR A MILLION TOKENS"], rows)?;
    let count = |action| diff.changes.iter().filter(|change| change.action == action).count();
    let skipped = told.skipped;
    note(format!(
        "{}: {} added, {} changed, {} the same; {} gone and kept, {} yours and kept, {} refused; {skipped} are of other \
         providers or not priced by the token",
        told.source,
        count(Action::Added),
        count(Action::Changed),
        diff.same,
        count(Action::Gone),
        count(Action::Kept),
        count(Action::Refused),
    ))
}
