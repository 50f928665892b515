//! The longest files and functions: a mirror, not a gate.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::source::Source;

struct Function {
    at: String,
    name: String,
    lines: usize,
}

/// What a reviewer may want to look at first.
pub fn report(sources: &[Source], rows: usize) -> String {
    let mut files: Vec<_> =
        sources.iter().map(|source| (source.code().len(), source.path.as_str())).collect();
    files.sort_unstable_by(|one, other| other.cmp(one));
    let mut functions: Vec<_> = sources.iter().flat_map(functions).collect();
    functions.sort_by_key(|function| Reverse(function.lines));

    let mut report = String::from("longest files (aim 200, past 500 usually two stories)\n");
    for (lines, path) in files.into_iter().take(rows) {
        writeln!(report, "{lines:6}  {path}").unwrap_or_default();
    }
    report.push_str("longest functions (aim 25, past 70 usually several)\n");
    for Function { at, name, lines } in functions.into_iter().take(rows) {
        writeln!(report, "{lines:6}  {name}  {at}").unwrap_or_default();
    }
    report
}

/// From `fn` to the closing brace in its column, as rustfmt sets it.
fn functions(source: &Source) -> Vec<Function> {
    let code = source.code();
    let mut found = Vec::new();
    for (start, (number, line)) in code.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let last = code.iter().skip(start).find(|(_, line)| {
            let depth = line.len() - line.trim_start().len();
            depth == indent && (line.trim_end().ends_with('}') || line.trim_end().ends_with(';'))
        });
        if let Some((last, _)) = last {
            found.push(Function {
                at: format!("{}:{number}", source.path),
                name: name.to_owned(),
                lines: last - number + 1,
            });
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = ["pub", "const", "async", "extern", "unsafe"];
    let declared = before
        .split_whitespace()
        .all(|word| qualifiers.contains(&word) || word.starts_with("pub(") || word.ends_with(')'));
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    after.get(..end).filter(|name| declared && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_come_first_with_their_place() {
        let long = "//! x\nfn one() {\n    a();\n}\n\npub(crate) async fn two(\n    x: u8,\n) -> u8 {\n    x\n}\n";
        let sources = [Source::new("wire/src/a.rs", "//! x\n"), Source::new("wire/src/b.rs", long)];

        let report = report(&sources, 10);

        let at = |text: &str| report.find(text).unwrap_or_else(|| panic!("{text}: {report}"));
        assert!(at("9  wire/src/b.rs") < at("0  wire/src/a.rs"));
        assert!(at("5  two  wire/src/b.rs:6") < at("3  one  wire/src/b.rs:2"));
    }
}
