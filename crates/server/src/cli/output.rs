//! What the gateway answered, for people in tables and for scripts as it was. What others wrote is made harmless before it
//! reaches a terminal.

mod table;

use std::io::{self, Write as _};

use serde_json::{Map, Value};

use super::client::Answer;
use table::Table;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Json,
    Table,
}

/// A column's title, and where its value is in each item.
pub type Column = (&'static str, &'static str);

impl Format {
    /// A page of a list.
    pub fn list(self, answer: &Answer, columns: &[Column]) -> anyhow::Result<()> {
        if self == Self::Json {
            return as_it_is(answer);
        }
        let page = answer.json()?;
        let items = page.pointer("/items").and_then(Value::as_array);
        let mut table = Table::new(columns.iter().map(|(title, _)| (*title).to_owned()));
        for item in items.into_iter().flatten() {
            let value = |pointer| item.pointer(pointer).unwrap_or(&Value::Null);
            table.row(columns.iter().map(|(_, pointer)| cell(value(pointer))));
        }
        write!(io::stdout().lock(), "{table}")?;
        if let Some(cursor) = page.pointer("/next_cursor").and_then(Value::as_str) {
            note(format!("there is more: --cursor {}", printable(cursor)))?;
        }
        Ok(())
    }

    /// One thing, field by field.
    pub fn show(self, answer: &Answer) -> anyhow::Result<()> {
        match self {
            Self::Json => as_it_is(answer),
            Self::Table => write_fields(&mut io::stdout().lock(), answer),
        }
    }

    /// One thing whose `field` is shown this once: for people it alone is on standard output, so that a script can take it.
    pub fn show_once(self, answer: &Answer, field: &str) -> anyhow::Result<()> {
        if self == Self::Json {
            return as_it_is(answer);
        }
        let mut thing = answer.json()?;
        let once = thing.get(field).and_then(Value::as_str).map(printable);
        if let Some(fields) = thing.as_object_mut() {
            fields.retain(|name, _| !SHOWN_ONCE.contains(&name.as_str()));
        }
        write!(io::stderr().lock(), "{}", table_of(&thing, None))?;
        match once {
            Some(once) => super::say(once)?,
            None => note("it was shown when it was made, and is not shown again")?,
        }
        Ok(())
    }

    /// That something is done, where the gateway has nothing to show.
    pub fn done(self, what: impl std::fmt::Display) -> anyhow::Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Table => note(what),
        }
    }
}

/// A table of our own making; its cells are harmless already.
pub fn table<const N: usize>(
    titles: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> anyhow::Result<()> {
    let mut table = Table::new(titles.map(str::to_owned));
    rows.for_each(|row| table.row(row));
    Ok(write!(io::stdout().lock(), "{table}")?)
}

/// Beside the output, for people.
pub fn note(text: impl std::fmt::Display) -> anyhow::Result<()> {
    Ok(writeln!(io::stderr().lock(), "{text}")?)
}

pub fn as_it_is(answer: &Answer) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&answer.body)?;
    if !answer.body.is_empty() && !answer.body.ends_with(b"\n") {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Nothing that a terminal would obey.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if obeyed(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// More than any provider's name has.
const PROVIDER_BYTES_MAX: usize = 20;

/// What was given as the name of a provider or the id of its key. Anything longer may be the key itself.
pub fn provider_or_id(text: &str) -> String {
    match text.len() <= PROVIDER_BYTES_MAX || text.starts_with("pk_") {
        true => printable(text),
        false => "(left out)".to_owned(),
    }
}

/// Control characters, and those that turn the direction of what follows.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn write_fields(out: &mut impl io::Write, answer: &Answer) -> anyhow::Result<()> {
    Ok(write!(out, "{}", table_of(&answer.json()?, answer.version()))?)
}

fn table_of(thing: &Value, version: Option<&str>) -> Table {
    let mut table = Table::new([]);
    let empty = Map::new();
    let fields = thing.as_object().unwrap_or(&empty);
    let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
    let rest = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    for (name, value) in first.chain(rest) {
        table.row([printable(name), cell(value)]);
    }
    if let Some(version) = version {
        table.row(["version".to_owned(), printable(version)]);
    }
    table
}

/// What tells a thing from others comes first.
const FIRST: [&str; 4] = ["id", "name", "provider", "label"];
/// Whoever reads one of these is let in.
const SHOWN_ONCE: [&str; 3] = ["key", "link", "token"];
const NOTHING: &str = "-";

fn cell(value: &Value) -> String {
    match value {
        Value::Array(values) if values.is_empty() => NOTHING.to_owned(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => NOTHING.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Object(fields) if fields.is_empty() => NOTHING.to_owned(),
        Value::Object(_) => printable(&value.to_string()),
        Value::String(text) => printable(text),
    }
}
