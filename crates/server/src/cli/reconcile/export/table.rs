//! Tables: the CSV of the dashboards of OpenAI and Anthropic, and a plain one. Columns are known by any of their names.

use super::{Billed, Totals, day, day_of_seconds};
use crate::cli::reconcile::cells::cells;
use crate::cli::reconcile::decimal::scaled;

const DAYS: &[&str] =
    &["date", "day", "usage_date_utc", "start_time_iso", "starting_at", "start_time"];
const KEYS: &[&str] = &["provider_key_or_label", "provider_key", "label", "api_key_id", "api_key"];
const INPUTS: &[&str] = &["input_tokens"];
/// Anthropic's input comes in parts.
const INPUT_PARTS: &[&str] = &[
    "usage_input_tokens_no_cache",
    "usage_input_tokens_cache_write_5m",
    "usage_input_tokens_cache_write_1h",
    "usage_input_tokens_cache_read",
];
const OUTPUTS: &[&str] = &["output_tokens", "usage_output_tokens"];
const COSTS: &[&str] = &["cost_usd", "amount_value"];
const CURRENCIES: &[&str] = &["amount_currency", "currency"];
const USD_PLACES: i32 = 12;

struct Columns<'a>(&'a [String]);

impl Columns<'_> {
    fn at(&self, names: &[&str]) -> Option<usize> {
        let is_named = |title: &String, name: &str| title.trim().eq_ignore_ascii_case(name);
        names.iter().find_map(|name| self.0.iter().position(|title| is_named(title, name)))
    }
}

pub fn read(text: &str) -> Result<Vec<Billed>, String> {
    let lines = cells(text).ok_or("a quote is never closed")?;
    let Some((titles, rows)) = lines.split_first() else { return Ok(Vec::new()) };
    let columns = Columns(titles);
    let day_at = columns.at(DAYS).ok_or_else(|| {
        format!("its first line names no day: it needs one of the columns {}", DAYS.join(", "))
    })?;
    let inputs: Vec<_> = match columns.at(INPUTS) {
        Some(at) => vec![at],
        None => INPUT_PARTS.iter().filter_map(|part| columns.at(&[part])).collect(),
    };
    let (key_at, output_at) = (columns.at(KEYS), columns.at(OUTPUTS));
    let (cost_at, currency_at) = (columns.at(COSTS), columns.at(CURRENCIES));
    let mut billed = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let cell = |at: Option<usize>| {
            at.and_then(|at| row.get(at)).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
        };
        let wrong = |what: &str| format!("line {}: {what}", number.saturating_add(2));
        let count = |at: Option<usize>, places: i32, what: &str| {
            let read = |text| scaled(text, places).ok_or_else(|| wrong(what));
            cell(at).map(read).transpose()
        };
        let currency = cell(currency_at).unwrap_or("usd");
        if !currency.eq_ignore_ascii_case("usd") {
            return Err(wrong("the ledger is in USD, and this is not"));
        }
        let mut totals = Totals {
            output: count(output_at, 0, "the output is no number of tokens")?,
            cost_pico_usd: count(cost_at, USD_PLACES, "the cost is no amount of money")?,
            ..Totals::default()
        };
        for at in &inputs {
            let input = count(Some(*at), 0, "the input is no number of tokens")?;
            totals.add(&Totals { input, ..Totals::default() });
        }
        let when = cell(Some(day_at)).unwrap_or_default();
        let day = day(when).or_else(|| when.parse().ok().and_then(day_of_seconds));
        billed.push(Billed {
            day: day.ok_or_else(|| wrong("there is no day like 2026-11-21"))?,
            key: cell(key_at).map(str::to_owned),
            totals,
        });
    }
    Ok(billed)
}
