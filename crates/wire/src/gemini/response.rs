//! Google's GenerateContentResponse: a whole answer, or one piece of a stream, which have the same shape.

use model::Usage;
use serde_json::{Map, Value, json};

use super::{media, signature, usage};
use crate::hub::{CachePoint, Part, Source, Stop, Text, Thought, ToolCall};
use crate::provider_error::UpstreamErrorBody;

/// What a provider sent.
pub(super) struct Response(Value);

impl Response {
    /// `None` for what is no JSON object.
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().filter(Value::is_object).map(Self)
    }

    pub fn id(&self) -> &str {
        self.0.get("responseId").and_then(Value::as_str).unwrap_or_default()
    }

    pub fn model(&self) -> &str {
        self.0.get("modelVersion").and_then(Value::as_str).unwrap_or_default()
    }

    pub fn has_error(&self) -> bool {
        self.0.get("error").is_some_and(|error| !error.is_null())
    }

    /// One was asked for, so the first is the answer.
    pub fn candidate(&self) -> Option<&Value> {
        self.0.get("candidates")?.as_array()?.first()
    }

    pub fn parts(&self) -> impl Iterator<Item = &Value> {
        let parts = self.candidate().and_then(|it| it.get("content")?.get("parts")?.as_array());
        parts.into_iter().flatten()
    }

    pub fn finish_reason(&self) -> Option<&str> {
        self.candidate()?.get("finishReason")?.as_str()
    }

    /// The reason a model gave up for without having said anything, if it did.
    pub fn gave_up(&self) -> Option<&str> {
        let has_parts = self.parts().any(|part| read_part(part).is_some());
        self.finish_reason().filter(|reason| !has_parts && GAVE_UP.contains(reason))
    }

    /// Why the prompt was not even looked at, in our words.
    pub fn blocked(&self) -> Option<String> {
        let reason = self.0.get("promptFeedback")?.get("blockReason")?.as_str()?;
        self.candidate().is_none().then(|| format!("the provider refused the prompt: {reason}"))
    }

    pub fn usage(&self) -> Option<Usage> {
        let block = serde_json::value::to_raw_value(self.0.get("usageMetadata")?).ok()?;
        usage::read(&block)
    }
}

/// A part of an answer; `None` for what says nothing. A call is without an id where Google gave it none.
pub(super) fn read_part(part: &Value) -> Option<Part> {
    let text_of = |name| part.get(name).and_then(Value::as_str);
    let signature = text_of("thoughtSignature");
    if let Some(call) = part.get("functionCall") {
        let of_call = |name| call.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        return Some(Part::ToolCall(ToolCall {
            id: of_call("id"),
            name: of_call("name"),
            arguments: call.get("args").map_or_else(|| "{}".to_owned(), Value::to_string),
            signature: signature.map(str::to_owned),
        }));
    }
    if let Some(blob) = part.get("inlineData") {
        let of_blob = |name| Some(blob.get(name)?.as_str()?.to_owned());
        let media_type: String = of_blob("mimeType")?;
        let source = Source::Base64 { media_type: media_type.clone(), data: of_blob("data")? };
        return media::part(&media_type, source, None);
    }
    let text = text_of("text").unwrap_or_default().to_owned();
    if part.get("thought") == Some(&Value::Bool(true)) {
        let thought = signature::read(text, signature);
        return (thought != Thought::default()).then_some(Part::Thought(thought));
    }
    (!text.is_empty()).then_some(Part::Text(Text { text, cache_point: CachePoint::None }))
}

/// Unique in a conversation, where Google's id of the answer is.
pub(super) fn call_id(response_id: &str, index: usize) -> String {
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let id: String = response_id.chars().filter(allowed).take(ID_CHARS_MAX).collect();
    if id.is_empty() { format!("call_{index}") } else { format!("call_{id}_{index}") }
}

/// Why it stopped. A call ends an answer like anything else does; whoever asks knows of it only from here.
pub(super) fn stop(finish_reason: &str, called: bool) -> Stop {
    match finish_reason {
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "LANGUAGE"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Stop::Filtered,
        // Its calls are always whole, so one that was made counts.
        _ if called => Stop::ToolCalls,
        "MAX_TOKENS" => Stop::Length,
        _ => Stop::End,
    }
}

pub(super) const fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) | Stop::ToolCalls => "STOP",
        Stop::Filtered => "SAFETY",
        Stop::Length => "MAX_TOKENS",
    }
}

/// The error that is.
pub(super) fn gave_up(reason: &str) -> UpstreamErrorBody {
    UpstreamErrorBody { reasons: vec![reason.to_owned()], ..UpstreamErrorBody::default() }
}

pub(super) fn write_text(text: &str) -> Value {
    json!({"text": text})
}

pub(super) fn write_thought(thought: &Thought) -> Value {
    let mut part = json!({"text": thought.text, "thought": true});
    sign(&mut part, signature::write(thought).as_deref());
    part
}

pub(super) fn write_call(call: &ToolCall) -> Value {
    let mut part = json!({"functionCall": {
        "id": call.id,
        "name": call.name,
        "args": arguments(&call.arguments),
    }});
    sign(&mut part, call.signature.as_deref());
    part
}

pub(super) fn sign(part: &mut Value, signature: Option<&str>) {
    if let (Value::Object(members), Some(signature)) = (part, signature) {
        members.insert("thoughtSignature".to_owned(), signature.into());
    }
}

/// Google takes an object and nothing else. What a model wrote that is none stands in one.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(members) => Value::Object(members),
        Err(_) => json!({"_raw": text}),
    }
}

/// Reasons to stop that are an error where nothing was said: the model called a tool in words nobody understands, or one
/// that is not there, or nobody knows.
pub(super) const GAVE_UP: [&str; 3] = ["MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"];
/// OpenAI takes ids of 40 characters.
const ID_CHARS_MAX: usize = 28;
