//! A whole answer, read and written in this dialect.

use serde::Serialize;
use serde_json::{Value, json};

use super::{assistant, digest, finish, images, thoughts};
use crate::hub::{CachePoint, Echo, Part, Reply, Thought, ToolCall};
use crate::members::Members;
use crate::openai::answer;

/// The first of the answers, which is the only one that was asked for.
pub fn read(body: &[u8]) -> Option<Reply> {
    let mut answer = Members::of_body(body).ok()?;
    let mut choice = answer.list("choices").ok()?.into_iter().next()?;
    if let Some(content) = choice.pointer_mut("/message/content") {
        assistant::forget_strangers(content);
    }
    let mut choice = Members::of(choice, "choices").ok()?;
    let mut message = choice.inner("message", "choices.message").ok()??;
    // Unlike any other answer's, so that a conversation never holds two calls of one name.
    let pictures = message.take("images").map(|images| json!({"images": images}));
    let id_of = |at: usize| Some(format!("call_{:016x}_{at}", digest(body)));
    let mut parts = assistant::parts(&mut message, id_of).ok()?;
    let pictures = pictures.iter().flat_map(images::read);
    let picture = |source| Part::Image { source, detail: None, cache_point: CachePoint::None };
    parts.extend(pictures.map(picture));
    if let Some(mut function) = message.inner("function_call", "function_call").ok()? {
        let call = assistant::read_function(&mut function).ok()?;
        parts.push(Part::ToolCall(ToolCall { id: id_of(parts.len())?, ..call }));
    }
    let reason = choice.text("finish_reason").ok()?.unwrap_or_default();
    let calls_tools = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let told = |value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    Some(Reply {
        id: told(answer.take("id")).unwrap_or_default(),
        model: told(answer.take("model")).unwrap_or_default(),
        created: answer.take("created").and_then(|created| created.as_i64()),
        parts,
        stop: finish::settled(finish::stop(&reason), calls_tools),
        usage: answer::usage(body),
        service_tier: told(answer.take("service_tier")),
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<finish::Block>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct Choice {
    index: u8,
    message: Message,
    logprobs: Option<Value>,
    finish_reason: &'static str,
}

#[derive(Default, Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

pub fn write(reply: &Reply, echo: &Echo<'_>) -> Vec<u8> {
    let message = message(&reply.parts);
    let stop = finish::settled(reply.stop.clone(), !message.tool_calls.is_empty());
    let own_id = own_id(echo);
    let answer = Answer {
        id: if reply.id.is_empty() { &own_id } else { &reply.id },
        object: "chat.completion",
        created: reply.created.unwrap_or(echo.now),
        model: if reply.model.is_empty() { &echo.ask.model } else { &reply.model },
        choices: [Choice {
            index: 0,
            message,
            logprobs: None,
            finish_reason: finish::reason(&stop),
        }],
        usage: reply.usage.map(finish::Block::from),
        service_tier: reply.service_tier.as_deref(),
    };
    // Plain structs of texts and numbers always serialise.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// For an answer whose provider gave it none.
pub(super) fn own_id(echo: &Echo<'_>) -> String {
    format!("chatcmpl-{}", echo.request_id)
}

fn message(parts: &[Part]) -> Message {
    let mut message = Message { role: "assistant", ..Message::default() };
    let (mut thoughts, mut calls): (Vec<&Thought>, Vec<&ToolCall>) = (Vec::new(), Vec::new());
    for part in parts {
        let (slot, text) = match part {
            Part::Refusal(words) => (&mut message.refusal, words),
            Part::Text(text) => (&mut message.content, &text.text),
            Part::Thought(thought) => {
                thoughts.push(thought);
                (&mut message.reasoning_content, &thought.text)
            }
            Part::ToolCall(call) => {
                calls.push(call);
                continue;
            }
            Part::Image { source, .. } => {
                let image = images::write(source, message.images.len());
                message.images.extend(image);
                continue;
            }
            // No model answers with these here.
            Part::Audio(_) | Part::Document { .. } | Part::ToolResult(_) => continue,
        };
        // Several become one, as they would look in a stream.
        if !text.is_empty() {
            slot.get_or_insert_default().push_str(text);
        }
    }
    if message.content.is_none() && message.refusal.is_none() && calls.is_empty() {
        message.content = Some(String::new());
    }
    message.reasoning_details = thoughts::details(thoughts.into_iter(), calls.iter().copied());
    message.tool_calls = calls.into_iter().map(tool_call).collect();
    message
}

/// As it stands in a message, of an answer or of the conversation so far.
pub(super) fn tool_call(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments});
    let mut written = json!({"id": call.id, "type": "function", "function": function});
    if let (Some(written), Some(signature)) = (written.as_object_mut(), &call.signature) {
        written.insert("extra_content".to_owned(), assistant::extra_content(signature));
    }
    written
}

#[cfg(test)]
mod tests;
