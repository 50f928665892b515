//! Tables as comma-separated values (RFC 4180), in which no cell is taken for a formula. Knows nothing of what it shows.

use serde::Serialize;
use serde_json::Value;

/// The first line.
pub fn titles(columns: &[&str]) -> String {
    line(columns.iter().map(|title| (*title).to_owned()))
}

/// One line for each item: of its fields those that are named.
pub fn lines<T: Serialize>(columns: &[&str], items: &[T]) -> serde_json::Result<String> {
    let mut text = String::new();
    for item in items {
        let item = serde_json::to_value(item)?;
        text.push_str(&line(columns.iter().map(|name| cell(item.get(name)))));
    }
    Ok(text)
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut line = cells.map(|cell| quoted(&cell)).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        // Only what others wrote can pretend to be a formula; a number of ours is one.
        Some(Value::String(text)) => harmless(text),
        Some(value) => value.to_string(),
    }
}

/// Spreadsheets obey what begins like this, wherever it came from.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n']) || text != text.trim() {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_would_break_a_line_is_quoted_and_what_would_be_obeyed_is_not() {
        for (value, expected) in [
            (json!("gpt-4o"), "gpt-4o"),
            (json!("a,b"), "\"a,b\""),
            (json!("say \"hi\""), "\"say \"\"hi\"\"\""),
            (json!("two\r\nlines"), "\"two\r\nlines\""),
            (json!("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\""),
            (json!("+1"), "'+1"),
            (json!("-1"), "'-1"),
            (json!("@cf/meta/llama"), "'@cf/meta/llama"),
            (json!("\t=1"), "'\t=1"),
            (json!(" =1"), "\" =1\""),
            (json!(-1), "-1"),
            (json!(true), "true"),
            (json!(null), ""),
        ] {
            let text = lines(&["a"], &[json!({ "a": value })]).expect("text");

            assert_eq!(text, format!("{expected}\r\n"), "{value}");
        }
    }

    #[test]
    fn columns_are_those_that_are_named_in_their_order() {
        let text = lines(&["b", "absent", "a"], &[json!({ "a": 1, "b": 2, "c": 3 })]);

        assert_eq!(titles(&["b", "absent", "a"]), "b,absent,a\r\n");
        assert_eq!(text.expect("text"), "2,,1\r\n");
    }
}
