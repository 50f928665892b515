//! What providers export, told apart by its shape: the JSON of OpenAI's and Anthropic's usage and cost reports, the CSV of
//! their dashboards, and a plain CSV of anybody's.

mod json;
mod table;

use super::comparison::Totals;

/// A provider's word.
pub struct Export {
    pub lines: Vec<Billed>,
}

/// Of one day, and of one key where the file names keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Billed {
    /// As in 2026-11-21, UTC.
    pub day: String,
    pub key: Option<String>,
    pub totals: Totals,
}

impl Export {
    pub fn read(text: &str) -> Result<Self, String> {
        let lines = match text.trim_start().starts_with(['{', '[']) {
            true => json::read(text)?,
            false => table::read(text)?,
        };
        if lines.is_empty() {
            return Err("there is nothing in it to compare".to_owned());
        }
        Ok(Self { lines })
    }
}

/// The day of a time or of a day.
fn day(text: &str) -> Option<String> {
    let text = text.trim();
    let day = text.get(..10)?;
    let time = format!("{day}T00:00:00Z").parse::<model::Timestamp>().ok()?;
    time.to_string().split('T').next().map(str::to_owned)
}

fn day_of_seconds(seconds: i64) -> Option<String> {
    let time = model::Timestamp::from_unix_ms(seconds.checked_mul(1000)?);
    time.to_string().split('T').next().map(str::to_owned)
}

#[cfg(test)]
mod tests;
