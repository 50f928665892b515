//! `NAME=value` lines as `.env` files have them. Expands nothing and runs nothing: what refers to something else has no value
//! here.

use zeroize::Zeroizing;

/// One assignment of the file.
pub struct Assignment<'a> {
    pub name: &'a str,
    /// `None` where it would have to be expanded, or its quotes do not end.
    pub value: Option<Zeroizing<String>>,
}

/// In the order of the file.
pub fn assignments(text: &str) -> impl Iterator<Item = Assignment<'_>> {
    text.trim_start_matches('\u{feff}').lines().filter_map(assignment)
}

fn assignment(line: &str) -> Option<Assignment<'_>> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    Some(Assignment { name, value: unquoted(value.trim()) })
}

fn unquoted(value: &str) -> Option<Zeroizing<String>> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.split_once('\'').map(|(text, _)| Zeroizing::new(text.to_owned()));
    }
    let text = match value.strip_prefix('"') {
        Some(rest) => until_quote(rest)?,
        None => {
            let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            Zeroizing::new(value.get(..end)?.trim_end().to_owned())
        }
    };
    (!text.contains(['$', '`'])).then_some(text)
}

/// Up to the quote that no backslash protects.
fn until_quote(rest: &str) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(rest.len()));
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        let assignment = assignments(line).next().unwrap_or_else(|| panic!("none: {line}"));
        assignment.value.map(|value| value.to_string())
    }

    #[test]
    fn quotes_comments_and_exports_are_no_part_of_a_value() {
        for line in [
            "KEY=sk-1",
            "\u{feff}KEY=sk-1",
            "  export KEY = sk-1  ",
            "KEY=sk-1 # mine",
            "KEY='sk-1' # mine",
            "KEY=\"sk-1\"",
            "KEY=\"sk\\-1\"",
            "KEY=sk-1\r",
        ] {
            assert_eq!(value(line).as_deref(), Some("sk-1"), "{line}");
        }
        assert_eq!(value("KEY=a#b").as_deref(), Some("a#b"));
        assert_eq!(value("KEY=a=b").as_deref(), Some("a=b"));
        assert_eq!(value("KEY='a$b'").as_deref(), Some("a$b"));
    }

    #[test]
    fn what_would_have_to_be_expanded_has_no_value() {
        for line in
            ["KEY=${OTHER}", "KEY=\"$(pass show key)\"", "KEY=`id`", "KEY=\"open", "KEY='open"]
        {
            assert_eq!(value(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_no_assignment_is_passed_over() {
        let text = "# KEY=1\n\nKEY\n=1\nA B=1\n#\nLAST=2";

        let names: Vec<_> = assignments(text).map(|assignment| assignment.name).collect();

        assert_eq!(names, ["LAST"]);
    }
}
