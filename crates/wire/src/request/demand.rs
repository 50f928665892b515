//! How much an answer may hold at most: what a body says of it, in whichever dialect, and the same body held to a limit of
//! ours. Knows no prices.

use std::ops::Range;

use serde_json::value::RawValue;

use super::cut::inside;
use super::edit::Edit;
use crate::InvalidBody;
use crate::json::{self, Reading};
use crate::members::invalid;

/// Where an output limit stands, by dialect and by what its provider heeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputLimit {
    /// OpenAI's chat: either name holds.
    Chat,
    Gemini,
    MaxTokens,
    Responses,
}

/// The members that say how long an answer may be, and how many answers there are.
#[derive(Default)]
pub(super) struct Demand {
    max_tokens: Option<Count>,
    max_completion_tokens: Option<Count>,
    max_output_tokens: Option<Count>,
    answers: u64,
    config: Option<Config>,
    /// Where the first member of the body may be put, and whether others follow it.
    first: usize,
    is_empty: bool,
}

/// Gemini's have an object of their own.
#[derive(Default)]
struct Config {
    max_output_tokens: Option<Count>,
    first: usize,
    is_empty: bool,
}

/// A number of tokens and where it stands; the number is absent where the member says nothing.
struct Count {
    tokens: Option<u64>,
    at: Range<usize>,
}

pub(super) const MEMBERS: [&str; 8] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "generationConfig",
    "generation_config",
    "prompt",
];

impl Demand {
    pub fn read(text: &str, values: [Option<&RawValue>; 8]) -> Result<Self, InvalidBody> {
        let [max_tokens, max_completion, max_output, n, best_of, config, config_too, prompt] =
            values;
        let count = |value: Option<&RawValue>| value.map(|value| Count::read(text, value));
        let config = match (config, config_too) {
            (Some(_), Some(_)) => {
                let public = "`generationConfig` is said twice, in two spellings";
                return Err(InvalidBody::new(Some("generationConfig"), public));
            }
            (one, other) => one.or(other).filter(|value| value.get().starts_with('{')),
        };
        let (config, of_config) = match config {
            Some(value) => {
                let (config, answers) = Config::read(text, value)?;
                (Some(config), answers)
            }
            None => (None, None),
        };
        let answers = [whole(n, "n")?, whole(best_of, "best_of")?, of_config];
        let answers = answers.into_iter().flatten().max().unwrap_or_default().max(1);
        let first = inside(text);
        Ok(Self {
            max_tokens: count(max_tokens),
            max_completion_tokens: count(max_completion),
            max_output_tokens: count(max_output),
            answers: answers.saturating_mul(prompt.map_or(1, prompts)),
            config,
            first,
            is_empty: is_closed(text, first),
        })
    }

    pub const fn answers(&self) -> u64 {
        self.answers
    }

    /// The caller's own limit, where it holds for the dialect.
    pub fn output_tokens(&self, limit: OutputLimit) -> Option<u64> {
        self.heeded(limit).into_iter().flatten().filter_map(|count| count.tokens).max()
    }

    /// The limit written where it is heeded. `None` for a body that says nothing at all.
    pub fn limited(&self, limit: OutputLimit, tokens: u64) -> Option<Edit> {
        if let Some(silent) = self.heeded(limit).into_iter().flatten().next() {
            return Some(Edit::replace(silent.at.clone(), tokens.to_string()));
        }
        let name = match limit {
            OutputLimit::Chat => "max_completion_tokens",
            OutputLimit::Gemini => return self.limited_in_config(tokens),
            OutputLimit::MaxTokens => "max_tokens",
            OutputLimit::Responses => "max_output_tokens",
        };
        (!self.is_empty).then(|| Edit::insert(self.first, format!("\"{name}\":{tokens},")))
    }

    fn limited_in_config(&self, tokens: u64) -> Option<Edit> {
        let member = format!("\"maxOutputTokens\":{tokens}");
        match &self.config {
            Some(config) => {
                let comma = if config.is_empty { "" } else { "," };
                Some(Edit::insert(config.first, format!("{member}{comma}")))
            }
            None if self.is_empty => None,
            None => Some(Edit::insert(self.first, format!("\"generationConfig\":{{{member}}},"))),
        }
    }

    fn heeded(&self, limit: OutputLimit) -> [Option<&Count>; 2] {
        let max_tokens = self.max_tokens.as_ref();
        match limit {
            OutputLimit::Chat => [self.max_completion_tokens.as_ref(), max_tokens],
            OutputLimit::Gemini => {
                [self.config.as_ref().and_then(|config| config.max_output_tokens.as_ref()), None]
            }
            OutputLimit::MaxTokens => [max_tokens, None],
            OutputLimit::Responses => [self.max_output_tokens.as_ref(), None],
        }
    }
}

impl Config {
    fn read(text: &str, value: &RawValue) -> Result<(Self, Option<u64>), InvalidBody> {
        let names = ["maxOutputTokens", "max_output_tokens", "candidateCount", "candidate_count"];
        let [max, max_too, answers, answers_too] =
            json::members(value.get(), &names, Reading::Unambiguous)
                .map_err(|flaw| InvalidBody::flaw(Some("generationConfig"), flaw))?;
        if max.is_some() && max_too.is_some() {
            let public = "`maxOutputTokens` is said twice, in two spellings";
            return Err(InvalidBody::new(Some("generationConfig"), public));
        }
        let first = json::range_in(text, value.get()).start.saturating_add(1);
        let config = Self {
            max_output_tokens: max.or(max_too).map(|value| Count::read(text, value)),
            first,
            is_empty: is_closed(text, first),
        };
        let count = |value| whole(value, "generationConfig.candidateCount");
        Ok((config, count(answers)?.max(count(answers_too)?)))
    }
}

impl Count {
    fn read(text: &str, value: &RawValue) -> Self {
        Self { tokens: tokens(value), at: json::range_in(text, value.get()) }
    }
}

/// A provider may take `1e3` for a number too; what it is, is the provider's to say, and here it is as good as none.
fn tokens(value: &RawValue) -> Option<u64> {
    value.get().parse().ok()
}

/// A number of answers. One that is not understood here could be any number there.
fn whole(value: Option<&RawValue>, name: &'static str) -> Result<Option<u64>, InvalidBody> {
    let Some(text) = value.map(RawValue::get).filter(|text| *text != "null") else {
        return Ok(None);
    };
    let digits = match text.split_once('.') {
        Some((digits, rest)) if rest.bytes().all(|digit| digit == b'0') => digits,
        _ => text,
    };
    digits.parse().map(Some).map_err(|_| invalid(name, "a whole number"))
}

/// Each text, or each list of tokens, gets an answer of its own. One list of tokens is one text.
fn prompts(value: &RawValue) -> u64 {
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(value.get()) else { return 1 };
    let is_token = |item: &&RawValue| item.get().starts_with(|c: char| c.is_ascii_digit());
    if list.iter().all(is_token) { 1 } else { u64::try_from(list.len()).unwrap_or(u64::MAX) }
}

fn is_closed(text: &str, at: usize) -> bool {
    text.get(at..).is_some_and(|rest| rest.trim_ascii_start().starts_with('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(text: &str) -> Demand {
        let values = json::members(text, &MEMBERS, Reading::Unambiguous).expect("an object");
        Demand::read(text, values).expect("no flaw")
    }

    fn limited(text: &str, limit: OutputLimit) -> String {
        let edit = demand(text).limited(limit, 7).expect("there is a place");
        let body = bytes::Bytes::copy_from_slice(text.as_bytes());
        String::from_utf8(super::super::edit::spliced(&body, vec![edit]).concat()).expect("text")
    }

    #[test]
    fn a_limit_counts_only_under_the_name_that_its_provider_heeds() {
        let text =
            r#"{"max_tokens":5,"max_output_tokens":6,"generationConfig":{"maxOutputTokens":8}}"#;

        for (limit, expected) in [
            (OutputLimit::Chat, 5),
            (OutputLimit::MaxTokens, 5),
            (OutputLimit::Responses, 6),
            (OutputLimit::Gemini, 8),
        ] {
            assert_eq!(demand(text).output_tokens(limit), Some(expected), "{limit:?}");
        }
        let other = demand(r#"{"max_completion_tokens":9}"#);
        assert_eq!(other.output_tokens(OutputLimit::MaxTokens), None);
        assert_eq!(other.output_tokens(OutputLimit::Chat), Some(9));
        let both = demand(r#"{"max_tokens":5,"max_completion_tokens":9}"#);
        assert_eq!(both.output_tokens(OutputLimit::Chat), Some(9), "whichever is heeded");
    }

    #[test]
    fn what_is_no_whole_number_is_no_limit() {
        for value in ["null", "\"5\"", "1e3", "5.5", "-5", "[5]", "99999999999999999999"] {
            let text = format!("{{\"max_tokens\":{value}}}");
            assert_eq!(demand(&text).output_tokens(OutputLimit::MaxTokens), None, "{value}");
        }
    }

    #[test]
    fn each_answer_counts() {
        for (text, answers) in [
            ("{}", 1),
            (r#"{"n":3}"#, 3),
            (r#"{"n":3,"best_of":5}"#, 5),
            (r#"{"n":0}"#, 1),
            (r#"{"generationConfig":{"candidateCount":4}}"#, 4),
            (r#"{"generation_config":{"candidate_count":2}}"#, 2),
            (r#"{"n":5.0,"best_of":null}"#, 5),
            (r#"{"prompt":"a"}"#, 1),
            (r#"{"prompt":["a","b","c"],"n":2}"#, 6),
            (r#"{"prompt":[1,2,3],"n":2}"#, 2),
            (r#"{"prompt":[[1,2],[3]],"best_of":4}"#, 8),
            (r#"{"prompt":{"id":"p"}}"#, 1),
            (r#"{"prompt":[]}"#, 1),
        ] {
            assert_eq!(demand(text).answers(), answers, "{text}");
        }
    }

    #[test]
    fn a_number_of_answers_that_is_none_is_refused() {
        for value in ["\"3\"", "2.5", "1e1", "-1", "[2]", "true", "99999999999999999999"] {
            for (text, param) in [
                (format!("{{\"n\":{value}}}"), "n"),
                (format!("{{\"best_of\":{value}}}"), "best_of"),
                (
                    format!("{{\"generationConfig\":{{\"candidateCount\":{value}}}}}"),
                    "generationConfig",
                ),
            ] {
                let values =
                    json::members(&text, &MEMBERS, Reading::Unambiguous).expect("an object");
                let invalid = Demand::read(&text, values).err().expect(&text);
                assert_eq!(invalid.param, Some(param), "{text}");
                assert!(invalid.message.ends_with("must be a whole number"), "{invalid}");
            }
        }
    }

    #[test]
    fn a_limit_of_ours_stands_where_it_is_heeded_and_never_twice() {
        use OutputLimit::{Chat, Gemini, MaxTokens, Responses};
        for (limit, text, expected) in [
            (Chat, r#"{"a":1}"#, r#"{"max_completion_tokens":7,"a":1}"#),
            (Chat, r#"{"max_tokens": null,"a":1}"#, r#"{"max_tokens": 7,"a":1}"#),
            (
                MaxTokens,
                r#"{"max_completion_tokens":9}"#,
                r#"{"max_tokens":7,"max_completion_tokens":9}"#,
            ),
            (Responses, r#"{"a":1}"#, r#"{"max_output_tokens":7,"a":1}"#),
            (Gemini, r#"{"a":1}"#, r#"{"generationConfig":{"maxOutputTokens":7},"a":1}"#),
            (Gemini, r#"{"generationConfig":{}}"#, r#"{"generationConfig":{"maxOutputTokens":7}}"#),
            (
                Gemini,
                r#"{"generation_config":{"x":1}}"#,
                r#"{"generation_config":{"maxOutputTokens":7,"x":1}}"#,
            ),
            (
                Gemini,
                r#"{"generationConfig":{"maxOutputTokens":null}}"#,
                r#"{"generationConfig":{"maxOutputTokens":7}}"#,
            ),
        ] {
            assert_eq!(limited(text, limit), expected, "{limit:?} {text}");
        }
        assert!(demand("{}").limited(Chat, 7).is_none());
    }

    #[test]
    fn the_same_said_in_two_spellings_is_refused() {
        for text in [
            r#"{"generationConfig":{},"generation_config":{}}"#,
            r#"{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}"#,
        ] {
            let values = json::members(text, &MEMBERS, Reading::Unambiguous).expect("an object");
            assert!(Demand::read(text, values).is_err(), "{text}");
        }
    }
}
