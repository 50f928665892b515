//! The object an answer is, and what of it repeats the request. Knows not whether the answer comes whole or in pieces.

use model::Usage;
use serde_json::{Map, Value, json};

use super::usage;
use crate::hub::{Echo, Effort, Format, Stop, Tool, ToolChoice};
use crate::openai::schema;

/// Everything around an answer's items.
pub(super) struct Outline {
    pub id: String,
    members: Map<String, Value>,
}

/// How an answer stands.
pub(super) enum Status<'a> {
    Completed,
    Failed { code: &'a str, message: &'a str },
    Incomplete { reason: &'static str },
    InProgress,
}

impl Status<'_> {
    /// A refusal is an answer; a filter's silence is not.
    pub fn of(stop: &Stop, is_refused: bool) -> Self {
        match stop {
            Stop::Length => Self::Incomplete { reason: "max_output_tokens" },
            Stop::Filtered if !is_refused => Self::Incomplete { reason: "content_filter" },
            Stop::End | Stop::Filtered | Stop::Sequence(_) | Stop::ToolCalls => Self::Completed,
        }
    }

    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed { .. } => "failed",
            Self::Incomplete { .. } => "incomplete",
            Self::InProgress => "in_progress",
        }
    }
}

impl Outline {
    /// SDKs insist on most of these, with no regard to whether they were asked for.
    pub fn new(echo: &Echo<'_>) -> Self {
        let ask = echo.ask;
        let instructions = ask.system.first().map(|text| text.text.as_str());
        let tools: Value =
            ask.tools.iter().map(|told| tool(told, told.strict.unwrap_or(false))).collect();
        let effort = ask.reasoning.and_then(|reasoning| reasoning.effort).map(Effort::as_str);
        let is_shown = ask.reasoning.is_some_and(|reasoning| reasoning.shown);
        let members = json!({
            "object": "response",
            "created_at": echo.now,
            "background": false,
            "error": null,
            "incomplete_details": null,
            "instructions": instructions,
            "max_output_tokens": ask.output_tokens_max,
            "max_tool_calls": null,
            "metadata": {},
            "model": ask.model,
            "parallel_tool_calls": ask.parallel_tools.unwrap_or(true),
            "previous_response_id": null,
            "reasoning": {"effort": effort, "summary": is_shown.then_some("auto")},
            "service_tier": ask.service_tier.as_deref().unwrap_or("default"),
            "store": false,
            "temperature": ask.temperature,
            "text": {"format": format(ask.format.as_ref())},
            "tool_choice": tool_choice(ask.tool_choice.as_ref()),
            "tools": tools,
            "top_logprobs": 0,
            "top_p": ask.top_p,
            "truncation": "disabled",
            "user": ask.user,
        });
        let members = if let Value::Object(members) = members { members } else { Map::new() };
        let mut outline = Self { id: String::new(), members };
        outline.name(echo.request_id, "");
        outline
    }

    /// What the provider calls the answer and the model, as far as it says so.
    pub fn name(&mut self, id: &str, model: &str) {
        if !id.is_empty() {
            self.id = id.strip_prefix("resp_").unwrap_or(id).to_owned();
        }
        if !model.is_empty() {
            self.say("model", model.into());
        }
    }

    pub fn say(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// The id of the item at that place in the output.
    pub fn item_id(&self, kind: &str, at: usize) -> String {
        format!("{kind}_{}_{at}", self.id)
    }

    pub fn response(&self, status: &Status<'_>, output: Vec<Value>, used: Option<&Usage>) -> Value {
        let mut response = self.members.clone();
        let mut say = |name: &str, value: Value| response.insert(name.to_owned(), value);
        say("id", format!("resp_{}", self.id).into());
        say("status", status.as_str().into());
        say("output", output.into());
        say("usage", used.map_or(Value::Null, usage::write));
        match status {
            Status::Completed | Status::InProgress => {}
            Status::Failed { code, message } => {
                say("error", json!({"code": code, "message": message}));
            }
            Status::Incomplete { reason } => {
                say("incomplete_details", json!({"reason": reason}));
            }
        }
        response.into()
    }
}

pub(super) fn message(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"type": "message", "id": id, "status": status, "role": "assistant", "content": content})
}

pub(super) fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

pub(super) fn refusal_part(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

pub(super) fn thought(id: &str, text: &str, proof: Option<String>) -> Value {
    let summary: Vec<Value> = (!text.is_empty()).then(|| summary_part(text)).into_iter().collect();
    json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": proof})
}

pub(super) fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

pub(super) fn call(id: &str, status: &str, call: (&str, &str, &str)) -> Value {
    let (call_id, name, arguments) = call;
    json!({"type": "function_call", "id": id, "status": status, "call_id": call_id, "name": name, "arguments": arguments})
}

/// As it is asked for and as it is repeated.
pub(super) fn tool(tool: &Tool, is_strict: bool) -> Value {
    json!({
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": schema::of_tool(tool.parameters.as_ref()),
        "strict": is_strict,
    })
}

pub(super) fn tool_choice(choice: Option<&ToolChoice>) -> Value {
    match choice {
        None | Some(ToolChoice::Auto) => "auto".into(),
        Some(ToolChoice::Named(name)) => json!({"type": "function", "name": name}),
        Some(ToolChoice::None) => "none".into(),
        Some(ToolChoice::Required) => "required".into(),
    }
}

pub(super) fn format(format: Option<&Format>) -> Value {
    match format {
        None => json!({"type": "text"}),
        Some(Format::Json) => json!({"type": "json_object"}),
        Some(Format::Schema { name, description, schema, strict }) => {
            let told = [
                ("type", Some("json_schema".into())),
                ("name", Some(name.as_str().into())),
                ("description", description.as_deref().map(Value::from)),
                ("schema", Some(schema.clone())),
                ("strict", strict.map(Value::from)),
            ];
            let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(told.collect())
        }
    }
}
