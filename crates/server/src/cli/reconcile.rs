//! `keystile reconcile`: what a provider says it billed, against what the ledger says was used, key by key and day by day.

mod cells;
mod comparison;
mod decimal;
mod export;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::block_on;
use super::client::{path, query};
use super::connection::Connection;
use super::failure::Failure;
use super::output::{Format, note, printable, table};
use super::remote::Tenant;
use super::say;
use comparison::{Drift, Tolerance, Totals, compare};
use export::{Billed, Export};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile reconcile usage.csv\n  \
    keystile reconcile openai-costs.json --provider-key production\n  \
    keystile reconcile anthropic-usage.json --map apikey_01AB=production --map apikey_01CD=batch --tolerance 1\n\n\
    The file is an export of OpenAI's or Anthropic's usage or costs (the JSON of their APIs, or the CSV of their \
    dashboards), or CSV with the columns date, provider_key (id or label), model, input_tokens, output_tokens and \
    cost_usd; only date is needed. Days are UTC. Exit code 1 if anything is beyond the tolerance.")]
pub struct Arguments {
    #[command(flatten)]
    tenant: Tenant,
    /// What the provider exported
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What a key of the file is called here: its id or label
    #[arg(long, value_name = "THEIRS=OURS")]
    map: Vec<String>,
    /// The one provider key, by id or label, that a file without keys is about
    #[arg(long, value_name = "KEY")]
    provider_key: Option<String>,
    /// How far the two may be apart, in percent of what the provider says
    #[arg(long, value_name = "PERCENT", default_value = "0.5")]
    tolerance: String,
}

/// Longer exports are better asked of the provider in parts.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { tenant, file, map, provider_key, tolerance } = arguments;
    let tolerance = Tolerance::parse(&tolerance)
        .ok_or_else(|| Failure::Usage("--tolerance is a percentage such as 0.5".to_owned()))?;
    let name = file.display().to_string();
    let length = std::fs::metadata(&file).with_context(|| name.clone())?.len();
    if length > FILE_BYTES_MAX {
        return Err(Failure::Usage(format!("{name} is longer than 64 MiB")).into());
    }
    let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
    let export = Export::read(&text).map_err(|why| Failure::Usage(format!("{name}: {why}")))?;
    let connection = tenant.connect()?;
    block_on(async {
        let book = Book::open(&connection, &map, provider_key).await?;
        let billed = book.by_key(export.lines)?;
        let used = book.used(&connection, &billed).await?;
        let drifts = compare(&billed, &used, tolerance);
        show(connection.format, &book, &drifts)?;
        let all_fit = drifts.iter().all(|drift| drift.fits);
        Ok(if all_fit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// What is billed or used on one day with one key, by the key's id.
type Days = BTreeMap<(String, String), Totals>;

/// The provider keys there are, and what the file calls them.
struct Book {
    workspace: String,
    /// Ids by id and by label.
    ids: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    theirs: BTreeMap<String, String>,
    only: Option<String>,
}

impl Book {
    async fn open(to: &Connection, map: &[String], only: Option<String>) -> anyhow::Result<Self> {
        let workspace = to.workspace().await?;
        let base = path(["v1", "workspaces", &workspace, "provider-keys"]);
        let rows = to.all(|query| to.client.get(&format!("{base}{query}"))).await?;
        let mut book = Self {
            workspace,
            ids: BTreeMap::new(),
            labels: BTreeMap::new(),
            theirs: BTreeMap::new(),
            only: None,
        };
        for row in &rows {
            let text = |field| row.get(field).and_then(Value::as_str).map(str::to_owned);
            let Some(id) = text("id") else { continue };
            if let Some(label) = text("label") {
                book.ids.insert(label.clone(), id.clone());
                book.labels.insert(id.clone(), label);
            }
            book.ids.insert(id.clone(), id);
        }
        for pair in map {
            let (theirs, ours) = pair.split_once('=').ok_or_else(|| {
                Failure::Usage("--map takes THEIRS=OURS, as in apikey_01AB=production".to_owned())
            })?;
            let id = book.id(ours)?;
            book.theirs.insert(theirs.to_owned(), id);
        }
        book.only = only.map(|wish| book.id(&wish)).transpose()?;
        Ok(book)
    }

    /// One that was deleted is known by its id still.
    fn id(&self, wish: &str) -> Result<String, Failure> {
        let is_id = wish.parse::<model::ProviderKeyId>().is_ok();
        let known = self.ids.get(wish).cloned().or_else(|| is_id.then(|| wish.to_owned()));
        known.ok_or_else(|| {
            Failure::Absent(format!("there is no provider key \"{}\" here", printable(wish)))
        })
    }

    fn by_key(&self, lines: Vec<Billed>) -> Result<Days, Failure> {
        let mut days = Days::new();
        for line in lines {
            let id = match (&self.only, &line.key) {
                (Some(only), _) => only.clone(),
                (None, Some(key)) => match self.theirs.get(key) {
                    Some(id) => id.clone(),
                    None => self.id(key).map_err(|_| unmapped(key))?,
                },
                (None, None) => {
                    let message =
                        "the file names no keys: --provider-key says which one it is about";
                    return Err(Failure::Usage(message.to_owned()));
                }
            };
            days.entry((id, line.day)).or_default().add(&line.totals);
        }
        Ok(days)
    }

    /// On every day from the file's first to its last.
    async fn used(&self, to: &Connection, billed: &Days) -> anyhow::Result<Days> {
        let mut used = Days::new();
        let all = billed.keys().map(|(_, day)| day.as_str());
        let (Some(first), Some(last)) = (all.clone().min(), all.max()) else { return Ok(used) };
        let end = format!("{last}T23:59:59Z");
        let mut ids: Vec<_> = billed.keys().map(|(id, _)| id.as_str()).collect();
        ids.dedup();
        for id in ids {
            let base = path(["v1", "workspaces", &self.workspace, "usage"]);
            let wish = [
                ("provider_key", Some(id)),
                ("group_by", Some("day")),
                ("from", Some(first)),
                ("to", Some(end.as_str())),
            ];
            let answer = to.client.get(&format!("{base}{}", query(wish))).send().await?.json()?;
            let items = answer.get("items").and_then(Value::as_array);
            for item in items.into_iter().flatten() {
                let number = |field| item.get(field).and_then(Value::as_i64);
                let group = item.get("group").and_then(Value::as_str).unwrap_or_default();
                let day = group.split('T').next().unwrap_or_default().to_owned();
                let totals = Totals {
                    input: number("input_tokens").map(i128::from),
                    output: number("output_tokens").map(i128::from),
                    cost_pico_usd: number("cost_micro_usd").map(comparison::pico),
                };
                used.insert((id.to_owned(), day), totals);
                let unpriced = number("unpriced").unwrap_or_default();
                if unpriced > 0 {
                    note(format!("{group}: {unpriced} attempts have no price in the ledger"))?;
                }
            }
        }
        Ok(used)
    }

    fn name(&self, id: &str) -> String {
        printable(self.labels.get(id).map_or(id, String::as_str))
    }
}

fn unmapped(key: &str) -> Failure {
    Failure::Usage(format!(
        "the file's key \"{}\" is none of this workspace: --map THEIRS=OURS says which one it is",
        printable(key)
    ))
}

fn show(format: Format, book: &Book, drifts: &[Drift]) -> anyhow::Result<()> {
    if format == Format::Json {
        let items = drifts.iter().map(|drift| {
            json!({
                "provider_key_id": drift.key,
                "day": drift.day,
                "what": drift.what,
                "provider": drift.shown(drift.billed),
                "ledger": drift.shown(drift.used),
                "drift": drift.shown(drift.apart()),
                "percent": drift.percent(),
                "fits": drift.fits,
            })
        });
        return Ok(say(json!({ "items": items.collect::<Vec<_>>() }))?);
    }
    let rows = drifts.iter().map(|drift| {
        [
            book.name(&drift.key),
            drift.day.clone(),
            drift.what.to_owned(),
            drift.shown(drift.billed),
            drift.shown(drift.used),
            drift.shown(drift.apart()),
            drift.percent().unwrap_or_else(|| "-".to_owned()),
            if drift.fits { "" } else { "BEYOND" }.to_owned(),
        ]
    });
    table(["KEY", "DAY", "WHAT", "PROVIDER", "LEDGER", "DRIFT", "PERCENT", ""], rows)?;
    let beyond = drifts.iter().filter(|drift| !drift.fits).count();
    note(format!("{} compared, {beyond} beyond the tolerance", drifts.len()))
}
