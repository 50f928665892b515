//! A whole answer, read and written in this dialect.

use serde_json::{Value, json};

use super::response::{self, Response, write_call, write_text, write_thought};
use super::signature::Unseen;
use super::{media, usage};
use crate::hub::{Echo, Part, Reply, Stop};

/// `None` for what answers nothing: neither a candidate nor why there is none.
pub fn read(body: &[u8]) -> Option<Reply> {
    let response = Response::parse(body)?;
    let blocked = response.blocked();
    if response.candidate().is_none() && blocked.is_none() {
        return None;
    }
    let id = response.id().to_owned();
    let mut parts: Vec<Part> = response.parts().filter_map(response::read_part).collect();
    let mut calls: usize = 0;
    for part in &mut parts {
        let Part::ToolCall(call) = part else { continue };
        if call.id.is_empty() {
            call.id = response::call_id(&id, calls);
        }
        calls = calls.saturating_add(1);
    }
    let stop = match blocked {
        Some(words) => {
            parts.push(Part::Refusal(words));
            Stop::Filtered
        }
        None => response::stop(response.finish_reason().unwrap_or_default(), calls > 0),
    };
    Some(Reply {
        id,
        model: response.model().to_owned(),
        created: None,
        parts,
        stop,
        usage: response.usage(),
        service_tier: None,
    })
}

pub fn write(reply: &Reply, echo: &Echo<'_>) -> Vec<u8> {
    let shows_thoughts = echo.ask.reasoning.is_some_and(|reasoning| reasoning.shown);
    let parts = write_parts(&reply.parts, shows_thoughts);
    let mut body = json!({
        "candidates": [{
            "content": {"parts": parts, "role": "model"},
            "finishReason": response::finish_reason(&reply.stop),
            "index": 0,
        }],
        "modelVersion": told(&reply.model, &echo.ask.model),
        "responseId": told(&reply.id, echo.request_id),
    });
    if let (Value::Object(members), Some(usage)) = (&mut body, &reply.usage) {
        members.insert("usageMetadata".to_owned(), usage::write(usage));
    }
    body.to_string().into_bytes()
}

/// Thoughts are for those who asked for them: others take every text for the answer. The proofs are for all.
fn write_parts(parts: &[Part], shows_thoughts: bool) -> Vec<Value> {
    let mut unseen = Unseen::default();
    let mut written = Vec::new();
    for part in parts {
        match part {
            Part::Thought(thought) if !shows_thoughts => written.extend(unseen.hold(thought)),
            _ => written.extend(write_part(part).into_iter().flat_map(|part| unseen.sign(part))),
        }
    }
    written.extend(unseen.rest());
    written
}

fn write_part(part: &Part) -> Option<Value> {
    match part {
        Part::Audio(_) | Part::Document { .. } | Part::Image { .. } => media::write(part)?.ok(),
        Part::Refusal(text) => Some(write_text(text)),
        Part::Text(text) => Some(write_text(&text.text)),
        Part::Thought(thought) => Some(write_thought(thought)),
        Part::ToolCall(call) => Some(write_call(call)),
        Part::ToolResult(_) => None,
    }
}

/// What the provider said, or what we know without it.
pub(super) fn told<'a>(theirs: &'a str, ours: &'a str) -> &'a str {
    if theirs.is_empty() { ours } else { theirs }
}

#[cfg(test)]
mod tests;
