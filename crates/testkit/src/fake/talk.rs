//! A turn of a conversation without its dialect: what was asked, and what the fake says to it.

use serde_json::{Value, json};

use super::sample::sample;
use super::words::{REASONING_TOKENS, STANDARD_TOKENS, chat_content, words};

/// The last turn of a request, and what the answer must look like.
#[derive(Default)]
pub(super) struct Asked {
    /// The texts of the user's last turn.
    pub words: String,
    /// The last turn brings the result of a tool.
    pub has_result: bool,
    pub tools: Vec<Tool>,
    pub choice: Choice,
    /// The JSON schema that the answer must fit.
    pub schema: Option<Value>,
    /// It is asked to think first.
    pub thinks: bool,
}

pub(super) struct Tool {
    pub name: String,
    pub schema: Value,
}

#[derive(Default, PartialEq)]
pub(super) enum Choice {
    #[default]
    Auto,
    /// This one, or any.
    Forced(Option<String>),
    None,
}

/// One answer to be written.
pub(super) struct Turn<'a> {
    /// The request's.
    pub body: &'a Value,
    pub model: &'a str,
    pub said: Said,
    pub thinks: bool,
}

pub(super) enum Said {
    Calls(Vec<Call>),
    /// In pieces, one token each.
    Words(Vec<String>),
}

pub(super) struct Call {
    pub name: String,
    pub arguments: Value,
}

impl Asked {
    /// A call of the first tool where the weather is asked for, two calls for two places; once there is a result, or
    /// without tools: words, which are JSON where that was asked for.
    pub fn said(&self) -> Said {
        let calls = self.calls();
        if !calls.is_empty() {
            return Said::Calls(calls);
        }
        match &self.schema {
            Some(schema) => Said::Words(pieces(&sample(schema, 0).to_string())),
            None => Said::words(STANDARD_TOKENS),
        }
    }

    fn calls(&self) -> Vec<Call> {
        let asks = |word| self.words.to_lowercase().contains(word);
        let tool = match &self.choice {
            _ if self.has_result => None,
            Choice::Auto if asks("weather") => self.tools.first(),
            Choice::Auto | Choice::None => None,
            Choice::Forced(None) => self.tools.first(),
            Choice::Forced(Some(name)) => self.tools.iter().find(|tool| tool.name == *name),
        };
        let count = if asks("two") { 2 } else { 1 };
        let call = |tool: &Tool, nth| Call {
            name: tool.name.clone(),
            arguments: sample(&tool.schema, nth),
        };
        tool.map(|tool| (0..count).map(|nth| call(tool, nth)).collect()).unwrap_or_default()
    }
}

impl Turn<'_> {
    /// What it cost, with the thoughts.
    pub fn tokens(&self) -> u64 {
        self.said.tokens() + self.reasoning_tokens()
    }

    pub fn reasoning_tokens(&self) -> u64 {
        if self.thinks { REASONING_TOKENS } else { 0 }
    }
}

impl Said {
    pub fn words(n_content: usize) -> Self {
        Self::Words(words(n_content))
    }

    /// Without what was thought before.
    pub fn tokens(&self) -> u64 {
        let pieces = match self {
            Self::Calls(calls) => calls.iter().map(|call| 1 + call.pieces().len()).sum(),
            Self::Words(words) => words.len(),
        };
        pieces as u64
    }
}

impl Call {
    /// The arguments as they are streamed, one token each.
    pub fn pieces(&self) -> Vec<String> {
        pieces(&self.arguments.to_string())
    }
}

impl Tool {
    /// None where it has no name: then it is one of the provider's own.
    pub fn of(name: &Value, schema: &Value) -> Option<Self> {
        Some(Self { name: name.as_str()?.to_owned(), schema: schema.clone() })
    }
}

/// For a wish for JSON that names no schema.
pub(super) fn any_object() -> Value {
    let words = json!({ "const": chat_content(STANDARD_TOKENS) });
    json!({ "type": "object", "properties": { "words": words } })
}

/// The texts of a turn: itself, or those of its parts.
pub(super) fn text_of(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(texts).collect::<Vec<_>>().join("\n")
}

fn pieces(text: &str) -> Vec<String> {
    const CHARACTERS: usize = 8;
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(CHARACTERS).map(|piece| piece.iter().collect()).collect()
}
