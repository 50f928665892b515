//! Reports of the administration APIs of OpenAI (`/v1/organization/usage/..`, `/v1/organization/costs`) and Anthropic
//! (`/v1/organizations/usage_report/messages`, `/v1/organizations/cost_report`): buckets of results.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Billed, Totals, day, day_of_seconds};
use crate::cli::reconcile::decimal::scaled;

#[derive(Deserialize)]
struct Report {
    data: Vec<Bucket>,
}

#[derive(Deserialize)]
struct Bucket {
    /// OpenAI's, in seconds.
    start_time: Option<i64>,
    /// Anthropic's.
    starting_at: Option<String>,
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    api_key_id: Option<String>,
    /// OpenAI's: an object with a value in dollars. Anthropic's: a text, in cents.
    amount: Option<Box<RawValue>>,
    currency: Option<String>,
    /// OpenAI's, cached ones included.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// Anthropic's three parts of the input.
    uncached_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: u64,
    ephemeral_5m_input_tokens: u64,
}

#[derive(Deserialize)]
struct Amount {
    value: Box<RawValue>,
    currency: Option<String>,
}

const USD_PLACES: i32 = 12;
const CENT_PLACES: i32 = 10;

pub fn read(text: &str) -> Result<Vec<Billed>, String> {
    let report: Report = serde_json::from_str(text)
        .map_err(|error| format!("this is no usage or cost report known here: {error}"))?;
    let mut lines = Vec::new();
    for bucket in report.data {
        let seconds = bucket.start_time.and_then(day_of_seconds);
        let day = seconds.or_else(|| bucket.starting_at.as_deref().and_then(day));
        let day = day.ok_or("a bucket has neither start_time nor starting_at")?;
        for entry in bucket.results {
            lines.push(Billed {
                day: day.clone(),
                key: entry.api_key_id.clone(),
                totals: totals(&entry)?,
            });
        }
    }
    Ok(lines)
}

fn totals(entry: &Entry) -> Result<Totals, String> {
    Ok(Totals {
        input: input(entry),
        output: entry.output_tokens.map(i128::from),
        cost_pico_usd: entry.amount.as_deref().map(|amount| cost(amount, entry)).transpose()?,
    })
}

fn input(entry: &Entry) -> Option<i128> {
    let Some(uncached) = entry.uncached_input_tokens else {
        return entry.input_tokens.map(i128::from);
    };
    let created = entry.cache_creation.as_ref();
    let created = created.map_or(0, |created| {
        i128::from(created.ephemeral_1h_input_tokens)
            .saturating_add(i128::from(created.ephemeral_5m_input_tokens))
    });
    let read = i128::from(entry.cache_read_input_tokens.unwrap_or_default());
    Some(i128::from(uncached).saturating_add(read).saturating_add(created))
}

fn cost(amount: &RawValue, entry: &Entry) -> Result<i128, String> {
    if let Ok(amount) = serde_json::from_str::<Amount>(amount.get()) {
        in_dollars(amount.currency.as_deref())?;
        let value = amount.value.get().trim_matches('"');
        return scaled(value, USD_PLACES).ok_or_else(|| unreadable(value));
    }
    in_dollars(entry.currency.as_deref())?;
    let cents = amount.get().trim_matches('"');
    scaled(cents, CENT_PLACES).ok_or_else(|| unreadable(cents))
}

fn in_dollars(currency: Option<&str>) -> Result<(), String> {
    match currency {
        Some(other) if !other.eq_ignore_ascii_case("usd") => {
            Err(format!("amounts are in {other}, and the ledger is in USD"))
        }
        _ => Ok(()),
    }
}

fn unreadable(amount: &str) -> String {
    format!("\"{amount}\" is no amount of money")
}
