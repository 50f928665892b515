//! Where a provider takes an operation, and what it asks of those who translate for it.

use serde::Deserialize;

use super::provider::AuthHeader;

/// A path below the provider's base URL; written as a text, or as a table where there is more to say. `{model}` in it
/// stands for the model's name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct Endpoint {
    pub path: String,
    /// Where the key travels in another header than with the provider's other calls.
    pub auth: Option<AuthHeader>,
    /// Below the origin alone, whatever path the base URL has.
    pub from_origin: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Path(String),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    path: String,
    #[serde(default)]
    auth: Option<AuthHeader>,
    #[serde(default)]
    from_origin: bool,
}

impl From<Written> for Endpoint {
    fn from(written: Written) -> Self {
        match written {
            Written::Path(path) => Self { path, auth: None, from_origin: false },
            Written::Table(Table { path, auth, from_origin }) => Self { path, auth, from_origin },
        }
    }
}

/// Where a provider's chat completions differ from OpenAI's. Kept by whoever translates into them; what a caller writes
/// in that dialect itself leaves as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The output limit is `max_tokens`; `max_completion_tokens` is not known.
    pub max_tokens: bool,
    /// `tool_choice: "required"` is spelled `"any"`.
    pub required_is_any: bool,
    /// No tool can be forced: `tool_choice` is `auto` or nothing.
    pub no_forced_tool: bool,
    /// `strict` in a tool is not known.
    pub no_strict: bool,
    /// `response_format` knows `json_object` only.
    pub no_json_schema: bool,
    /// `reasoning_content` must be sent back with the assistant's messages.
    pub reasoning_back: bool,
    /// `reasoning_effort` is not known.
    pub no_effort: bool,
    /// `name` on a message is not known.
    pub no_name: bool,
    /// A message's content must be a text where it can be one.
    pub plain_content: bool,
    /// A tool call's id has nine letters or digits.
    pub short_call_ids: bool,
    /// `seed` is not known.
    pub no_seed: bool,
    /// Members of a tool's schema that are refused, wherever they stand in it.
    pub schema_strip: Vec<String>,
}

/// What is known of a model beside its size; written as a list. Absent is "not known", and then nothing is assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<Trait>")]
pub struct Traits {
    pub vision: bool,
    pub tools: bool,
    pub reasoning: bool,
    pub json_schema: bool,
    /// How Anthropic's models are asked to think.
    pub thinking: Option<Thinking>,
    /// A forced `tool_choice` is refused.
    pub no_forced_tool: bool,
    /// `temperature`, `top_p`, `top_k` and the penalties are refused.
    pub no_sampling: bool,
    /// Texts to stop at are refused.
    pub no_stop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// As much as it likes, guided by an effort.
    Adaptive,
    /// A number of tokens.
    Budget,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trait {
    AdaptiveThinking,
    BudgetThinking,
    JsonSchema,
    NoForcedTool,
    NoSampling,
    NoStop,
    Reasoning,
    Tools,
    Vision,
}

impl From<Vec<Trait>> for Traits {
    fn from(written: Vec<Trait>) -> Self {
        let mut traits = Self::default();
        for one in written {
            match one {
                Trait::AdaptiveThinking => traits.thinking = Some(Thinking::Adaptive),
                Trait::BudgetThinking => traits.thinking = Some(Thinking::Budget),
                Trait::JsonSchema => traits.json_schema = true,
                Trait::NoForcedTool => traits.no_forced_tool = true,
                Trait::NoSampling => traits.no_sampling = true,
                Trait::NoStop => traits.no_stop = true,
                Trait::Reasoning => traits.reasoning = true,
                Trait::Tools => traits.tools = true,
                Trait::Vision => traits.vision = true,
            }
        }
        traits
    }
}
