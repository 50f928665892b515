//! What the model said in one message, as an answer or as a part of the conversation so far.

use serde_json::{Value, json};

use super::thoughts;
use crate::InvalidBody;
use crate::cache_control;
use crate::hub::{CachePoint, Part, Text, Thought, ToolCall};
use crate::members::{Members, invalid};

/// The parts of a message, taken out of it. `id_of` names the calls that came without an id, where that is allowed.
pub(super) fn parts(
    message: &mut Members,
    id_of: impl Fn(usize) -> Option<String>,
) -> Result<Vec<Part>, InvalidBody> {
    let calls = message.list("tool_calls")?.into_iter().enumerate();
    let calls: Result<Vec<_>, _> = calls.map(|(at, call)| read_call(call, id_of(at))).collect();
    let mut calls = calls?;
    let thoughts = thoughts::read(message, &mut calls);
    let mut parts: Vec<Part> = thoughts.into_iter().map(Part::Thought).collect();
    match message.take("content") {
        None => {}
        Some(Value::String(text)) if text.is_empty() => {}
        Some(Value::String(text)) => parts.push(part_of(text)),
        Some(Value::Array(pieces)) => {
            for piece in pieces {
                parts.extend(read_piece(piece)?);
            }
        }
        Some(_) => return Err(invalid("messages.content", "a string or a list")),
    }
    parts.extend(message.text("refusal")?.filter(|text| !text.is_empty()).map(Part::Refusal));
    parts.extend(calls.into_iter().map(Part::ToolCall));
    Ok(parts)
}

/// Takes out of an answer's content what nobody here knows; of a request it is refused.
pub(super) fn forget_strangers(content: &mut Value) {
    if let Value::Array(pieces) = content {
        pieces.retain(|piece| read_piece(piece.clone()).is_ok());
    }
}

/// One of a list's pieces. Mistral's thoughts come as one, with pieces of their own.
fn read_piece(piece: Value) -> Result<Option<Part>, InvalidBody> {
    let mut piece = Members::of(piece, "messages.content")?;
    let kind = piece.needed_text("type")?;
    let part = match kind.as_str() {
        "refusal" => Part::Refusal(piece.needed_text("refusal")?),
        "text" => {
            let text = piece.needed_text("text")?;
            Part::Text(Text { text, cache_point: cache_control::read(piece.take("cache_control")) })
        }
        "thinking" => {
            let text = thinking(&piece.take("thinking").unwrap_or_default());
            Part::Thought(Thought { text, ..Thought::default() })
        }
        // Mistral's footnotes, without which the text reads on.
        "reference" => return Ok(None),
        _ => return Err(piece.invalid("type", "\"text\" or \"refusal\" in an assistant's message")),
    };
    Ok(Some(part))
}

/// The text of a `thinking` piece: a string, or pieces of text.
pub(super) fn thinking(thinking: &Value) -> String {
    match thinking {
        Value::String(text) => text.clone(),
        Value::Array(pieces) => {
            pieces.iter().filter_map(|piece| piece.get("text")?.as_str()).collect()
        }
        _ => String::new(),
    }
}

fn read_call(call: Value, default_id: Option<String>) -> Result<ToolCall, InvalidBody> {
    let mut call = Members::of(call, "messages.tool_calls")?;
    if call.text("type")?.is_some_and(|kind| kind != "function" && !kind.is_empty()) {
        return Err(call.invalid("type", "\"function\""));
    }
    let id = call.text("id")?.filter(|id| !id.is_empty()).or(default_id);
    let id = id.ok_or_else(|| call.invalid("id", "a string"))?;
    let signature = call.take("extra_content").and_then(|extra| signature(&extra));
    let mut function = call
        .inner("function", "messages.tool_calls.function")?
        .ok_or_else(|| call.invalid("function", "an object"))?;
    Ok(ToolCall { id, signature, ..read_function(&mut function)? })
}

/// A function's name and arguments.
pub(super) fn read_function(function: &mut Members) -> Result<ToolCall, InvalidBody> {
    let arguments = function.take("arguments").and_then(|value| arguments(&value));
    Ok(ToolCall {
        name: function.needed_text("name")?,
        arguments: arguments.unwrap_or_else(|| "{}".to_owned()),
        ..ToolCall::default()
    })
}

/// JSON in a string, though some write it plainly; `None` where nothing is written.
pub(super) fn arguments(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        other => Some(other.to_string()),
    }
}

/// Gemini's proof, where Google's compatible route puts it.
pub(super) fn signature(extra_content: &Value) -> Option<String> {
    extra_content.pointer("/google/thought_signature")?.as_str().map(str::to_owned)
}

/// The same, written.
pub(super) fn extra_content(signature: &str) -> Value {
    json!({"google": {"thought_signature": signature}})
}

fn part_of(text: String) -> Part {
    Part::Text(Text { text, cache_point: CachePoint::None })
}
