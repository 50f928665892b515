//! What is asked of a model, whatever dialect it was written in. Holds what two dialects at least can say.

use model::catalogue::{Quirks, Traits};
use serde_json::{Number, Value};

/// A conversation to be continued.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    pub model: String,
    /// The leading instructions only; those that come later are turns, so that a cached prefix stays what it was.
    pub system: Vec<Text>,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Whether several tools may be called at once; absent: as the provider likes.
    pub parallel_tools: Option<bool>,
    pub format: Option<Format>,
    pub reasoning: Option<Reasoning>,
    pub output_tokens_max: Option<u64>,
    pub temperature: Option<Number>,
    pub top_p: Option<Number>,
    pub top_k: Option<u64>,
    pub presence_penalty: Option<Number>,
    pub frequency_penalty: Option<Number>,
    pub seed: Option<i64>,
    pub stop: Vec<String>,
    /// Who of the caller's own users asks.
    pub user: Option<String>,
    /// As OpenAI names them: `auto`, `default`, `flex`, `priority`.
    pub service_tier: Option<String>,
    pub stream: bool,
    /// OpenAI's `stream_options.include_usage`; the other dialects always tell.
    pub include_usage: bool,
    /// What was asked and can be done without, by the name the caller gave it: `tools.web_search`. Told in a header.
    pub left_out: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    /// The model's own, thoughts and tool calls among its parts.
    Assistant(Vec<Part>),
    /// Instructions in the middle of a conversation.
    System(Vec<Text>),
    /// The caller's, results of tools among its parts.
    User(Vec<Part>),
}

/// A piece of a turn or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Sound: only OpenAI's chat and Gemini take it.
    Audio(Source),
    /// A file to be read, as a PDF.
    Document {
        name: Option<String>,
        source: Source,
        cache_point: CachePoint,
    },
    Image {
        source: Source,
        detail: Option<ImageDetail>,
        cache_point: CachePoint,
    },
    /// The model would not.
    Refusal(String),
    Text(Text),
    Thought(Thought),
    ToolCall(ToolCall),
    ToolResult(ToolResult),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    pub cache_point: CachePoint,
}

/// Whether a provider is to keep what it read up to here, and for how long: the longer, the more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CachePoint {
    #[default]
    None,
    /// As long as the provider usually does: five minutes, at Anthropic.
    Usual,
    Hour,
}

impl CachePoint {
    pub fn is_set(self) -> bool {
        self != Self::None
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Base64 {
        media_type: String,
        data: String,
    },
    /// Known to the provider under this id.
    File(String),
    Url(String),
}

impl Source {
    /// Bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Base64 { data, .. } => data.len(),
            Self::File(text) | Self::Url(text) => text.len(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageDetail {
    Auto,
    High,
    Low,
}

/// What the model thought, as far as it may be seen, and the provider's proof of it, to be sent back as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thought {
    pub text: String,
    pub signature: Option<String>,
    /// Anthropic's `redacted_thinking.data`, OpenAI's `encrypted_content`: then there is no text, or a summary of it.
    pub sealed: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it; `{}` where it wrote nothing.
    pub arguments: String,
    /// Gemini's proof of the thought before the call, to be sent back as it is.
    pub signature: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    pub call_id: String,
    /// Where the dialect gives it, or the call it answers did.
    pub name: Option<String>,
    /// Texts, images and documents.
    pub parts: Vec<Part>,
    pub is_error: bool,
    pub cache_point: CachePoint,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// A JSON schema; absent: the tool takes nothing.
    pub parameters: Option<Value>,
    pub strict: Option<bool>,
    pub cache_point: CachePoint,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    Named(String),
    None,
    Required,
}

/// What the answer must look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any JSON object.
    Json,
    Schema {
        name: String,
        description: Option<String>,
        schema: Value,
        strict: Option<bool>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    pub budget_tokens: Option<u64>,
    /// The caller wants to see the thoughts, or a summary of them.
    pub shown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl Effort {
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == text)
    }

    /// What an effort is worth in tokens of thought, for models that are told a number. `None` for no thought at all.
    pub const fn budget_tokens(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Minimal | Self::Low => Some(1_024),
            Self::Medium => Some(2_048),
            Self::High => Some(4_096),
            Self::Xhigh => Some(8_192),
            Self::Max => Some(16_384),
        }
    }

    /// The other way about.
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..2_048 => Self::Low,
            2_048..4_096 => Self::Medium,
            _ => Self::High,
        }
    }
}

/// Whom a request is written for.
pub struct Target<'a> {
    /// As the provider knows it.
    pub model: &'a str,
    /// The provider's, where it is written in OpenAI's chat dialect.
    pub quirks: &'a Quirks,
    /// The model's; nothing is assumed of one the catalogue does not know.
    pub traits: Option<&'a Traits>,
    /// The model's own limit, where the catalogue knows it.
    pub output_tokens_max: Option<u64>,
    /// Whether `stream_options.include_usage` may be sent.
    pub include_usage: bool,
}
