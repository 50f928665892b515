//! SQL as text: below `store/src/workspace` every statement must name the tenant. Knows no SQL grammar.

use crate::rules::Exemption;
use crate::source::Source;

/// Statements of a tenant's that forget the tenant.
pub fn tenantless(sources: &[Source], exempt: &[Exemption]) -> Vec<String> {
    let mut bad = Vec::new();
    for source in sources {
        for (line, sql) in statements(source) {
            let excused = exempt.iter().any(|one| excuses(one, source, &sql));
            if !sql.contains("workspace_id") && !excused {
                let first = sql.lines().next().unwrap_or_default();
                bad.push(
                    source.at(line, format_args!("\"{first} ..\" does not mention workspace_id")),
                );
            }
        }
    }
    bad
}

/// Exemptions that excuse nothing any more.
pub fn outgrown(sources: &[Source], exempt: &[Exemption]) -> Vec<String> {
    let needed = |one: &&Exemption| {
        sources.iter().any(|source| {
            let mut statements = statements(source).into_iter();
            statements.any(|(_, sql)| excuses(one, source, &sql) && !sql.contains("workspace_id"))
        })
    };
    let gone = exempt.iter().filter(|one| !needed(one));
    gone.map(|one| {
        format!("rules.rs: TENANTLESS_SQL: {}: \"{}\" excuses nothing", one.place, one.what)
    })
    .collect()
}

fn excuses(one: &Exemption, source: &Source, sql: &str) -> bool {
    source.path == one.place && sql.contains(one.what)
}

fn statements(source: &Source) -> Vec<(usize, String)> {
    if !source.is_in("store/src/workspace") {
        return Vec::new();
    }
    let mut strings = strings(&source.code());
    strings.retain(|(_, text)| {
        let start = text.split_whitespace().next().unwrap_or_default().to_lowercase();
        matches!(start.as_str(), "select" | "insert" | "update" | "delete" | "with")
    });
    strings
}

/// String literals with the line they start on. Escapes stay as written.
fn strings(code: &[(usize, &str)]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<Literal> = None;
    for &(number, line) in code {
        let mut rest = line;
        loop {
            rest = match open.take() {
                None => match Literal::start(rest, number) {
                    Some((literal, after)) => {
                        open = Some(literal);
                        after
                    }
                    None => break,
                },
                Some(mut literal) => match literal.push(rest) {
                    Some(after) => {
                        found.push((literal.line, literal.text));
                        after
                    }
                    None => {
                        open = Some(literal);
                        break;
                    }
                },
            };
        }
    }
    found
}

struct Literal {
    line: usize,
    /// What ends it: a quote, and for raw strings its hashes.
    end: String,
    raw: bool,
    text: String,
}

impl Literal {
    /// The first literal that starts in the line, and what follows its quote.
    fn start(line: &str, number: usize) -> Option<(Self, &str)> {
        // A quote as a character is no literal's start, and a comment has none.
        let blank = line.replace("'\"'", "'_'").replace("'\\\"'", "'__'");
        let code = blank.split("//").next().unwrap_or_default();
        let at = code.find('"')?;
        let (before, after) = (line.get(..at)?, line.get(at + 1..)?);
        let bare = before.trim_end_matches('#');
        let raw = bare.ends_with('r');
        let hashes = if raw { before.len() - bare.len() } else { 0 };
        let end = format!("\"{}", "#".repeat(hashes));
        Some((Self { line: number, end, raw, text: String::new() }, after))
    }

    /// Takes the line up to the literal's end, and returns what follows it if it ends here.
    fn push<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let mut escaped = false;
        for (at, character) in line.char_indices() {
            let here = line.get(at..).unwrap_or_default();
            if !escaped && here.starts_with(&self.end) {
                self.text.push_str(line.get(..at).unwrap_or_default());
                return here.get(self.end.len()..);
            }
            escaped = !self.raw && character == '\\' && !escaped;
        }
        self.text.push_str(line);
        self.text.push('\n');
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "store/src/workspace/keys.rs";

    #[test]
    fn a_statement_without_its_tenant_is_named_with_its_line() {
        for sql in [
            "\"select id\n    from keys\n    where id = $1\"",
            "r#\"update keys set \"name\" = $1\"#",
            "concat(\"\\\"\", '\"', \"delete from keys\")",
        ] {
            let text = format!("//! x\nconst A: &str = \"select workspace_id\";\nlet a = {sql};\n");

            let bad = tenantless(&[Source::new(FILE, text)], &[]);

            assert_eq!(bad.len(), 1, "{sql}: {bad:?}");
            assert!(bad[0].starts_with(&format!("{FILE}:3: ")), "{bad:?}");
        }
    }

    #[test]
    fn a_tenants_statement_and_everything_elsewhere_is_fine() {
        let sources = [
            Source::new(
                FILE,
                "const A: &str = \"select id\n  from keys\n  where workspace_id = $1\";",
            ),
            Source::new(FILE, "let a = \"selected\"; // \"select id\"\n#[cfg(test)]\nmod tests;"),
            Source::new("store/src/system.rs", "\"select id from instances\""),
        ];

        assert_eq!(tenantless(&sources, &[]), [""; 0]);
    }

    #[test]
    fn an_exemption_excuses_one_statement_until_it_is_gone() {
        let source = Source::new(FILE, "\"select id from plans\";\n\"select id from keys\"");
        let exempt =
            [Exemption { place: FILE, what: "from plans", reason: "plans are everybody's" }];

        let bad = tenantless(std::slice::from_ref(&source), &exempt);

        assert_eq!(bad.len(), 1);
        assert!(bad[0].starts_with(&format!("{FILE}:2: ")), "{bad:?}");
        assert_eq!(outgrown(&[source], &exempt), [""; 0]);
        assert_eq!(outgrown(&[], &exempt).len(), 1);
    }
}
