//! The file of an import: lines of `provider token`, or JSON. Says where something is wrong, and never what it was.

use std::collections::BTreeMap;

use anyhow::bail;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::cli::output::provider_or_id;

/// One sealed key, as another system had it.
pub struct Entry {
    /// The line or the item, counted from 1.
    position: usize,
    provider: String,
    pub token: Zeroizing<String>,
    label: Option<String>,
    name: Option<String>,
    base_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    provider: String,
    token: String,
    label: Option<String>,
    name: Option<String>,
    base_url: Option<String>,
}

impl Entry {
    pub fn shown(&self) -> String {
        format!("{} ({})", self.position, provider_or_id(&self.provider))
    }

    /// What is stored with the value.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let optional = [("label", &self.label), ("name", &self.name), ("base_url", &self.base_url)];
        let given =
            optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        std::iter::once(("provider", self.provider.as_str())).chain(given)
    }

    fn plain(position: usize, provider: &str, token: String) -> Self {
        Self {
            position,
            provider: provider.to_owned(),
            token: Zeroizing::new(token),
            label: None,
            name: None,
            base_url: None,
        }
    }
}

pub fn parse(text: &str) -> anyhow::Result<Vec<Entry>> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let entries = match text.chars().next() {
        None => Vec::new(),
        Some('{') => from_object(text)?,
        Some('[') => from_list(text)?,
        Some(_) => from_lines(text)?,
    };
    if entries.is_empty() {
        bail!("the file holds no token");
    }
    Ok(entries)
}

fn from_object(text: &str) -> anyhow::Result<Vec<Entry>> {
    let tokens: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|error| misread(&error))?;
    let entries = tokens.into_iter().zip(1..);
    Ok(entries.map(|((provider, token), n)| Entry::plain(n, &provider, token)).collect())
}

fn from_list(text: &str) -> anyhow::Result<Vec<Entry>> {
    let items: Vec<Item> = serde_json::from_str(text).map_err(|error| misread(&error))?;
    let entry = |(item, position): (Item, usize)| {
        let Item { provider, token, label, name, base_url } = item;
        Entry { position, provider, token: Zeroizing::new(token), label, name, base_url }
    };
    Ok(items.into_iter().zip(1..).map(entry).collect())
}

fn from_lines(text: &str) -> anyhow::Result<Vec<Entry>> {
    let lines = text.lines().zip(1..).map(|(line, position)| (line.trim(), position));
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, position)| {
            let parts: Vec<_> = line.split_whitespace().collect();
            let [provider, token] = parts.as_slice() else {
                bail!("line {position} is not `provider token`");
            };
            Ok(Entry::plain(position, provider, (*token).to_owned()))
        })
        .collect()
}

/// The parser's own words could quote a token.
fn misread(error: &serde_json::Error) -> anyhow::Error {
    let (line, column) = (error.line(), error.column());
    anyhow::anyhow!(
        "line {line} column {column}: JSON is {{\"provider\": \"token\", ...}}, or a list of objects with \"provider\" and \
         \"token\" and perhaps \"label\", \"name\", \"base_url\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let entries = parse(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        let seen = entries.iter();
        seen.map(|e| (e.position, e.provider.clone(), e.token.to_string())).collect()
    }

    #[test]
    fn lines_and_json_say_the_same() {
        let expected = [(1, "groq", "t1"), (2, "openai", "t2")];
        let expected = expected.map(|(n, p, t)| (n, p.to_owned(), t.to_owned()));

        assert_eq!(read("groq t1\nopenai\tt2\n"), expected);
        assert_eq!(read("{\"openai\": \"t2\", \"groq\": \"t1\"}"), expected);
        let list = r#"[{"provider":"groq","token":"t1"},{"provider":"openai","token":"t2"}]"#;
        assert_eq!(read(list), expected);
        assert_eq!(read("# ours\n\n  groq   t1  ")[0].0, 3);
    }

    #[test]
    fn what_goes_with_a_value_is_kept() {
        let list =
            r#"[{"provider":"custom","token":"t","label":"l","name":"n","base_url":"http://u"}]"#;

        let entries = parse(list).expect("a list");

        let fields: Vec<_> = entries[0].fields().collect();
        let expected =
            [("provider", "custom"), ("label", "l"), ("name", "n"), ("base_url", "http://u")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_mistake_is_named_and_no_token_repeated() {
        for text in [
            "",
            "# nothing",
            "gAAAAABsecret",
            "openai gAAAAABsecret gAAAAABsecret",
            "{\"openai\": 5, \"gAAAAABsecret\": 6}",
            "[{\"provider\":\"openai\",\"gAAAAABsecret\":\"gAAAAABsecret\"}]",
            "[\"gAAAAABsecret\"]",
            "{\"openai\": \"gAAAAABsecret\"",
        ] {
            let error = parse(text).err().unwrap_or_else(|| panic!("{text}"));

            assert!(!format!("{error:#}").contains("gAAAAAB"), "{error:#}");
        }
    }
}
