//! A whole answer, read and written in this dialect.

use serde::Serialize;
use serde_json::Value;

use super::usage::{Counts, UsageBlock};
use super::{block, proof};
use crate::hub::{Ask, CachePoint, Echo, Effort, Part, Reply, Text, Thought, ToolCall};

/// `None` for what is no message. Blocks that only this dialect's own tools make are passed over: nobody could have
/// asked for them.
pub fn read(body: &[u8]) -> Option<Reply> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    let blocks = message.get("content")?.as_array()?;
    let mut answers = 0_usize;
    let is_answer = |block: &Value| block.get("name").is_some_and(|name| name == block::JSON_TOOL);
    // Of two answers in JSON the first counts: together they would be no JSON.
    let once = blocks.iter().filter(|block| {
        answers = answers.saturating_add(usize::from(is_answer(block)));
        !is_answer(block) || answers == 1
    });
    let parts: Vec<Part> = once.filter_map(part).collect();
    let called = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let usage = message.get("usage");
    Some(Reply {
        id: text("id").unwrap_or_default().to_owned(),
        model: text("model").unwrap_or_default().to_owned(),
        created: None,
        parts,
        stop: block::stop(text("stop_reason").unwrap_or_default(), text("stop_sequence"), called),
        usage: usage.and_then(|usage| Counts::of(usage).usage()),
        service_tier: usage
            .and_then(|usage| usage.get("service_tier")?.as_str())
            .map(|tier| if tier == "standard" { "default" } else { tier }.to_owned()),
    })
}

fn part(block: &Value) -> Option<Part> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).map(str::to_owned);
    match text("type")?.as_str() {
        "redacted_thinking" => {
            Some(Part::Thought(Thought { sealed: text("data"), ..Thought::default() }))
        }
        "text" => {
            let text = text("text").filter(|text| !text.is_empty())?;
            Some(Part::Text(Text { text, cache_point: CachePoint::None }))
        }
        "thinking" => {
            let text_of = text("thinking").unwrap_or_default();
            Some(Part::Thought(proof::thought(text_of, text("signature"))))
        }
        "tool_use" => {
            let input = block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string);
            let name = text("name")?;
            if name == block::JSON_TOOL {
                return Some(Part::Text(Text { text: input, cache_point: CachePoint::None }));
            }
            let id = text("id").unwrap_or_default();
            Some(Part::ToolCall(ToolCall { id, name, arguments: input, signature: None }))
        }
        _ => None,
    }
}

#[derive(Serialize)]
struct Message<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Value>,
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
    usage: UsageBlock,
}

pub fn write(reply: &Reply, echo: &Echo<'_>) -> Vec<u8> {
    let refused = reply.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let called = reply.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let (stop_reason, stop_sequence) = block::stop_reason(&reply.stop, called, refused);
    let shown = Shown::to(echo.ask);
    let message = Message {
        id: message_id(&reply.id, echo),
        r#type: "message",
        role: "assistant",
        model: if reply.model.is_empty() { &echo.ask.model } else { &reply.model },
        content: reply.parts.iter().filter_map(|part| written(part, shown)).collect(),
        stop_reason,
        stop_sequence,
        usage: UsageBlock::from(reply.usage.unwrap_or_default()),
    };
    // Texts and numbers always serialise.
    serde_json::to_vec(&message).unwrap_or_default()
}

/// The provider's, or one of ours where it gave none.
pub(super) fn message_id(id: &str, echo: &Echo<'_>) -> String {
    if id.is_empty() { format!("msg_{}", echo.request_id) } else { id.to_owned() }
}

/// What of its thoughts a model shows, as it was asked: whoever did not ask does not expect any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    /// Without the words.
    Proofs,
    Thoughts,
}

impl Shown {
    pub fn to(ask: &Ask) -> Self {
        match ask.reasoning {
            None => Self::Nothing,
            Some(reasoning) if reasoning.effort == Some(Effort::None) => Self::Nothing,
            Some(reasoning) if reasoning.shown => Self::Thoughts,
            Some(_) => Self::Proofs,
        }
    }
}

fn written_thought(thought: &Thought, shown: Shown) -> Option<Value> {
    let is_proven = thought.signature.is_some() || thought.sealed.is_some();
    match shown {
        Shown::Nothing => None,
        Shown::Proofs => {
            is_proven.then(|| block::thought(&Thought { text: String::new(), ..thought.clone() }))
        }
        Shown::Thoughts => Some(block::thought(thought)),
    }
}

/// The parts an answer has, as blocks; no other part is ever in one.
fn written(part: &Part, shown: Shown) -> Option<Value> {
    match part {
        Part::Refusal(text) | Part::Text(Text { text, .. }) => {
            (!text.is_empty()).then(|| block::text(text))
        }
        Part::Thought(thought) => written_thought(thought, shown),
        Part::ToolCall(call) => {
            let id = proof::call_id(&call.id, call.signature.as_deref());
            Some(block::tool_use(&id, &call.name, &call.arguments))
        }
        Part::Audio(_) | Part::Document { .. } | Part::Image { .. } | Part::ToolResult(_) => None,
    }
}

#[cfg(test)]
mod tests;
