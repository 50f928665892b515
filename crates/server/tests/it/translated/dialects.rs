//! The four formats of a conversation as an SDK writes and reads them: strict about whatever an SDK would stumble over.

mod chat;
mod gemini;
mod messages;
mod responses;

use serde_json::{Value, json};
use testkit::http::Whole;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Chat,
    Gemini,
    Messages,
    Responses,
}

/// What is asked.
#[derive(Clone)]
pub enum Topic<'a> {
    /// A word of greeting.
    Greeting,
    /// JSON by `schema()`.
    Json,
    /// A greeting that is thought over.
    Thought,
    /// The weather in two places, with a tool for it, perhaps thought over.
    Weather { thinks: bool },
    /// The same with what came of it: both calls are answered.
    WeatherTold { thinks: bool, said: &'a Said },
}

/// What an answer says, whatever it is written in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub text: String,
    pub thought: String,
    pub calls: Vec<Call>,
    /// Whether it stopped to have its calls answered.
    pub waits_for_tools: bool,
    pub used: Used,
    /// What the caller sends back in its next turn.
    pub turn: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub input: u64,
    pub cached: u64,
    /// With the thoughts.
    pub output: u64,
    /// Where the dialect has a word for it.
    pub thoughts: Option<u64>,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::Chat, Self::Gemini, Self::Messages, Self::Responses];

    pub fn path(self, model: &str, stream: bool) -> String {
        match (self, stream) {
            (Self::Chat, _) => "/v1/chat/completions".to_owned(),
            (Self::Messages, _) => "/v1/messages".to_owned(),
            (Self::Responses, _) => "/v1/responses".to_owned(),
            (Self::Gemini, false) => format!("/v1beta/models/{model}:generateContent"),
            (Self::Gemini, true) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        }
    }

    pub fn body(self, model: &str, stream: bool, topic: &Topic<'_>) -> Value {
        let mut body = match self {
            Self::Chat => chat::body(topic),
            Self::Gemini => return gemini::body(topic),
            Self::Messages => messages::body(topic),
            Self::Responses => responses::body(topic),
        };
        body["model"] = model.into();
        if stream {
            body["stream"] = true.into();
        }
        if stream && self == Self::Chat {
            body["stream_options"] = json!({ "include_usage": true });
        }
        body
    }

    pub fn said(self, answer: &Whole, stream: bool) -> Said {
        let kind = answer.header("content-type").unwrap_or_default();
        assert_eq!(kind, if stream { "text/event-stream" } else { "application/json" });
        match (self, stream) {
            (Self::Chat, false) => chat::whole(&answer.json()),
            (Self::Chat, true) => chat::streamed(&events(answer)),
            (Self::Gemini, false) => gemini::whole(&answer.json()),
            (Self::Gemini, true) => gemini::streamed(&events(answer)),
            (Self::Messages, false) => messages::whole(&answer.json()),
            (Self::Messages, true) => messages::streamed(&events(answer)),
            (Self::Responses, false) => responses::whole(&answer.json()),
            (Self::Responses, true) => responses::streamed(&events(answer)),
        }
    }
}

/// One event of a stream.
pub struct Event {
    pub name: Option<String>,
    pub data: String,
}

impl Event {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

/// Those with data; comments are nothing to an SDK.
fn events(answer: &Whole) -> Vec<Event> {
    let text = answer.text().replace("\r\n", "\n");
    assert!(text.ends_with("\n\n"), "the last event is whole: {text}");
    let events = text.split("\n\n").filter_map(|event| {
        let field =
            |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Some(Event { name: field("event: "), data: field("data: ")? })
    });
    events.collect()
}

pub const TOOL: &str = "get_weather";
pub const WEATHER: &str = "what is the weather in these two places?";

pub fn parameters() -> Value {
    json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] })
}

pub fn schema() -> Value {
    json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "degrees": { "type": "integer" } },
        "required": ["city", "degrees"], "additionalProperties": false,
    })
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[track_caller]
fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no count: {value}"))
}

#[track_caller]
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}
