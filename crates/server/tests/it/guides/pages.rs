//! A page in Markdown: its blocks of commands, each with the output that is shown after it, and its links.

use std::fs;
use std::path::Path;

use serde_json::Value;

pub struct Page {
    pub path: String,
    pub blocks: Vec<Block>,
}

/// Commands to run, and what is shown of what they say.
pub struct Block {
    pub line: usize,
    pub commands: String,
    pub shown: Option<Shown>,
}

pub enum Shown {
    Json(Value),
    Text(Vec<String>),
}

/// Text between two fences.
struct Fenced {
    kind: String,
    /// Of the opening fence, and of the closing one.
    lines: (usize, usize),
    text: String,
}

const FENCE: &str = "```";
/// Stands for what differs from time to time.
const ANYTHING: &str = "...";

impl Page {
    pub fn read(root: &Path, path: &str) -> Self {
        Self::parse(path, &text_of(root, path))
    }

    pub fn parse(path: &str, text: &str) -> Self {
        let lines: Vec<_> = text.lines().collect();
        let mut blocks: Vec<Block> = Vec::new();
        let mut ended = 0;
        for fenced in fenced(path, &lines) {
            let (opening, closing) = fenced.lines;
            // Output is what comes next, with nothing but empty lines between.
            let is_next = lines[ended..opening - 1].iter().all(|line| line.trim().is_empty());
            match fenced.kind.as_str() {
                "sh" => {
                    let (line, commands) = (opening, fenced.text);
                    blocks.push(Block { line, commands, shown: None });
                }
                "json" | "text" => {
                    let block = blocks.last_mut().filter(|block| is_next && block.shown.is_none());
                    let block =
                        block.unwrap_or_else(|| panic!("{path}:{opening}: output of what?"));
                    block.shown = Some(Shown::parse(path, &fenced));
                }
                "console" => {}
                other => panic!("{path}:{opening}: a block of kind {other:?} is not checked"),
            }
            ended = closing;
        }
        Self { path: path.to_owned(), blocks }
    }
}

fn fenced(path: &str, lines: &[&str]) -> Vec<Fenced> {
    let mut found = Vec::new();
    let mut open: Option<Fenced> = None;
    for (line, number) in lines.iter().zip(1..) {
        match (&mut open, line.strip_prefix(FENCE)) {
            (None, Some(kind)) => {
                let (kind, lines) = (kind.to_owned(), (number, number));
                open = Some(Fenced { kind, lines, text: String::new() });
            }
            (None, None) => {}
            (Some(fenced), None) => {
                fenced.text.push_str(line);
                fenced.text.push('\n');
            }
            (Some(fenced), Some(_)) => {
                fenced.lines.1 = number;
                found.extend(open.take());
            }
        }
    }
    assert!(open.is_none(), "{path}: a fence is left open");
    found
}

impl Shown {
    fn parse(path: &str, fenced: &Fenced) -> Self {
        if fenced.kind == "text" {
            return Self::Text(fenced.text.lines().map(str::to_owned).collect());
        }
        let json = serde_json::from_str(&fenced.text);
        Self::Json(json.unwrap_or_else(|error| panic!("{path}:{}: {error}", fenced.lines.0)))
    }

    /// What is shown and did not come out.
    pub fn missing_from(&self, stdout: &str, stderr: &str) -> Vec<String> {
        match self {
            Self::Json(shown) => match serde_json::from_str(stdout) {
                Ok(said) => missing_from_json("", shown, &said),
                Err(error) => vec![format!("no JSON ({error}): {stdout}")],
            },
            Self::Text(shown) => {
                let has = |line: &&String| {
                    stdout.lines().chain(stderr.lines()).any(|said| alike(line, said))
                };
                shown.iter().filter(|line| !has(line)).cloned().collect()
            }
        }
    }
}

/// Every field that is shown must be there with its value; others may be there too.
fn missing_from_json(place: &str, shown: &Value, said: &Value) -> Vec<String> {
    match (shown, said) {
        (Value::Object(shown), Value::Object(said)) => shown
            .iter()
            .flat_map(|(name, shown)| {
                let place = format!("{place}/{name}");
                let said = said.get(name);
                said.map_or_else(
                    || vec![place.clone()],
                    |said| missing_from_json(&place, shown, said),
                )
            })
            .collect(),
        (Value::Array(shown), Value::Array(said)) if shown.len() == said.len() => {
            let pairs = shown.iter().zip(said).zip(0..);
            pairs
                .flat_map(|((shown, said), n)| {
                    missing_from_json(&format!("{place}/{n}"), shown, said)
                })
                .collect()
        }
        (Value::String(shown), Value::String(said)) if alike(shown, said) => Vec::new(),
        (shown, said) if shown == said => Vec::new(),
        (shown, said) => vec![format!("{place}: {shown}, and not {said}")],
    }
}

/// Whatever `...` stands for, and however wide the columns are.
fn alike(shown: &str, said: &str) -> bool {
    let narrow = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, said) = (narrow(shown), narrow(said));
    let mut parts = shown.split(ANYTHING);
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut is_open = false;
    for part in parts {
        is_open = part.is_empty();
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    is_open || rest.is_empty()
}

/// Links to files and headings that are not there.
pub fn broken_links(root: &Path, path: &str) -> Vec<String> {
    let text = text_of(root, path);
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let broken = targets.filter(|target| !target.contains("://")).filter(|target| {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let file = if file.is_empty() { root.join(path) } else { root.join(folder).join(file) };
        !file.exists() || (!heading.is_empty() && !headings(&file).iter().any(|it| it == heading))
    });
    broken.map(|target| format!("{path}: {target}")).collect()
}

/// As a link names them.
fn headings(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a page");
    let titles =
        text.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#')));
    let named = |title: &str| {
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    titles.map(named).collect()
}

fn text_of(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn output_belongs_to_the_commands_right_before_it() {
    let page =
        Page::parse("a.md", "```sh\none\n```\n\n```text\n1\n```\nx\n```sh\ntwo\nthree\n```\n");

    let [one, two] = page.blocks.as_slice() else { panic!("two blocks") };
    assert_eq!((one.line, one.commands.as_str()), (1, "one\n"));
    assert!(matches!(&one.shown, Some(Shown::Text(lines)) if *lines == ["1"]));
    assert_eq!((two.line, two.commands.as_str()), (9, "two\nthree\n"));
    assert!(two.shown.is_none());
}

#[test]
fn what_is_shown_is_missed_where_it_is_not_said() {
    for (shown, said, is_alike) in [
        ("id  pk_...", "id             pk_0192", true),
        ("sk-...****", "sk-proj-...****", true),
        ("sk-...****", "sk-proj-...****x", false),
        ("200", "2000", false),
        ("a ... c", "a b c", true),
        ("a ... c", "a b", false),
        ("...", "", true),
    ] {
        assert_eq!(alike(shown, said), is_alike, "{shown} {said}");
    }
    let shown = serde_json::json!({ "id": "pk_...", "list": [{ "n": 1 }], "none": null });
    let missing = |said| Shown::Json(shown.clone()).missing_from(said, "");
    assert_eq!(missing(r#"{"id":"pk_1","list":[{"n":1,"m":2}],"none":null,"more":1}"#).len(), 0);
    assert_eq!(missing(r#"{"id":"gk_1","list":[{"n":2}],"none":null}"#).len(), 2);
    assert_eq!(missing(r#"{"id":"pk_1","list":[],"none":0}"#).len(), 2);
    assert_eq!(missing(r#"{"id":"pk_1"}"#).len(), 2);
    assert_eq!(missing("no JSON").len(), 1);
}
