//! Every canary by what it is or by where it was put, so that a hit tells its own story.

use std::collections::BTreeMap;

use model::random::Random as _;
use serde_json::Value;
use testkit::canary::Canaries;
use testkit::random::SeededRandom;

pub struct Book {
    random: SeededRandom,
    /// Must be seen nowhere.
    hidden: BTreeMap<String, String>,
    /// What people call things, by the field they say it in: kept and shown as it is, and never logged.
    words: BTreeMap<&'static str, String>,
}

/// Each field of people's own words, and the members of answers that show it.
const WORDS: [(&str, &[&str]); 6] = [
    // A provider key's label is its description among the secrets.
    ("description", &["description"]),
    ("email", &["email"]),
    ("label", &["label", "description"]),
    (
        "model",
        &["allowed_models", "default_model", "fallback_models", "model_aliases", "price_overrides"],
    ),
    ("name", &["name", "deleted"]),
    ("url", &["base_url", "url"]),
];

const KEY_CHARS: usize = 48;
const WORD_CHARS: usize = 30;

impl Book {
    pub fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let words = WORDS.map(|(field, _)| (field, letters(&random, WORD_CHARS).to_lowercase()));
        Self { random, hidden: BTreeMap::new(), words: words.into() }
    }

    /// A new one, or the one of that name.
    pub fn secret(&mut self, name: &str) -> String {
        let random = &self.random;
        let made = || letters(random, KEY_CHARS);
        self.hidden.entry(name.to_owned()).or_insert_with(made).clone()
    }

    /// What looks like a key and is where none belongs.
    pub fn stray(&mut self, place: &str) -> String {
        let random = &self.random;
        let made = || format!("sk-{}", letters(random, KEY_CHARS));
        self.hidden.entry(format!("a stray: {place}")).or_insert_with(made).clone()
    }

    pub fn word(&self, field: &str) -> String {
        self.words[field].clone()
    }

    pub fn secrets(&self) -> Canaries {
        self.hidden
            .iter()
            .fold(Canaries::new(), |canaries, (name, text)| canaries.any_part(name, text))
    }

    pub fn words(&self) -> Canaries {
        self.words.iter().fold(Canaries::new(), |canaries, (field, word)| {
            canaries.any_part(&format!("the {field}"), word)
        })
    }

    /// An answer without people's own words in the members that are there to show them.
    pub fn without_words(&self, answer: &mut Value) {
        self.strip(answer, "");
    }

    fn strip(&self, value: &mut Value, member: &str) {
        match value {
            // What a tool answers comes a second time, as text.
            Value::String(text) if member == "text" => {
                if let Ok(mut answer) = serde_json::from_str(text) {
                    self.strip(&mut answer, "");
                    *text = answer.to_string();
                }
            }
            // The names of things that are there already are told to whoever wants to make them again.
            Value::String(text) if member == "message of a conflict" => {
                *text = text.replace(&self.words["name"], "(as it was said)");
            }
            Value::String(text) => {
                for (field, shown) in WORDS {
                    if shown.contains(&member) {
                        *text = text.replace(&self.words[field], "(as it was said)");
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.strip(item, member)),
            Value::Object(members) => {
                let is_conflict = members.get("code").is_some_and(|code| code == "conflict");
                let held = std::mem::take(members);
                for (mut name, mut value) in held {
                    let is_map = ["model_aliases", "price_overrides"].contains(&member);
                    let place = match name.as_str() {
                        _ if is_map => member,
                        "message" if is_conflict => "message of a conflict",
                        name => name,
                    };
                    self.strip(&mut value, place);
                    if is_map {
                        name = name.replace(&self.words["model"], "(as it was said)");
                    }
                    members.insert(name, value);
                }
            }
            Value::Bool(_) | Value::Null | Value::Number(_) => {}
        }
    }
}

pub fn letters(random: &SeededRandom, count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}
