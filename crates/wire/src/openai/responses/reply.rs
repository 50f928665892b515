//! A whole answer, read and written in this dialect.

use serde_json::Value;

use super::outline::{self, Outline, Status};
use super::{proof, usage};
use crate::hub::{CachePoint, Echo, Part, Reply, Stop, Text, Thought, ToolCall};

/// `None` for what is no answer, and for an answer that failed.
pub fn read(body: &[u8]) -> Option<Reply> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let output = body.get("output")?.as_array()?;
    let has_failed = matches!(text_of(&body, "status"), Some("failed" | "cancelled"));
    if has_failed {
        return None;
    }
    let parts: Vec<Part> = output.iter().flat_map(parts).collect();
    let told = |name| text_of(&body, name).map(str::to_owned);
    let created =
        body.get("created_at").and_then(|at| at.as_i64().or(at.as_f64().map(|at| at as i64)));
    Some(Reply {
        id: told("id").unwrap_or_default(),
        model: told("model").unwrap_or_default(),
        created,
        stop: stop(&body, &parts),
        parts,
        usage: body.get("usage").and_then(usage::read),
        service_tier: told("service_tier"),
    })
}

pub fn write(reply: &Reply, echo: &Echo<'_>) -> Vec<u8> {
    let mut outline = Outline::new(echo);
    outline.name(&reply.id, &reply.model);
    if let Some(created) = reply.created {
        outline.say("created_at", created.into());
    }
    if let Some(tier) = &reply.service_tier {
        outline.say("service_tier", tier.as_str().into());
    }
    let status = Status::of(&reply.stop, reply.parts.iter().any(is_refusal));
    let mut output = Output::of(&reply.parts, &outline);
    if let (Status::Incomplete { .. }, Some(last)) = (&status, output.last_mut())
        && let Some(told) = last.get_mut("status")
    {
        *told = status.as_str().into();
    }
    let response = outline.response(&status, output, reply.usage.as_ref());
    // A tree of texts and numbers always serialises.
    serde_json::to_vec(&response).unwrap_or_default()
}

/// What an item of the output says. Calls of the provider's own tools say nothing: nobody asked for them.
pub(super) fn parts(item: &Value) -> Vec<Part> {
    match text_of(item, "type") {
        Some("reasoning") => thought(item).map(Part::Thought).into_iter().collect(),
        Some("message") => contents(item, "content").filter_map(content).collect(),
        Some("function_call") => tool_call(item).map(Part::ToolCall).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Why it stopped, as far as the response and what was said in it tell.
pub(super) fn stop(response: &Value, parts: &[Part]) -> Stop {
    if text_of(response, "status") == Some("incomplete") {
        let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
        return if reason == Some("content_filter") { Stop::Filtered } else { Stop::Length };
    }
    if parts.iter().any(|part| matches!(part, Part::ToolCall(_))) {
        Stop::ToolCalls
    } else if parts.iter().any(is_refusal) {
        Stop::Filtered
    } else {
        Stop::End
    }
}

pub(super) fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// The summary, or the thought itself where a provider shows it.
fn thought(item: &Value) -> Option<Thought> {
    let texts = |name| contents(item, name).filter_map(|part| text_of(part, "text"));
    let whole: String = texts("content").collect();
    let summary = || texts("summary").collect::<Vec<_>>().join("\n\n");
    let thought = Thought {
        text: if whole.is_empty() { summary() } else { whole },
        signature: None,
        sealed: text_of(item, "encrypted_content").map(str::to_owned),
    };
    (thought != Thought::default()).then_some(thought)
}

fn content(part: &Value) -> Option<Part> {
    let told = |name| text_of(part, name).filter(|text| !text.is_empty()).map(str::to_owned);
    match text_of(part, "type")? {
        "output_text" => {
            told("text").map(|text| Part::Text(Text { text, cache_point: CachePoint::None }))
        }
        "refusal" => told("refusal").map(Part::Refusal),
        _ => None,
    }
}

fn tool_call(item: &Value) -> Option<ToolCall> {
    let told = |name| text_of(item, name).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(ToolCall {
        id: told("call_id").or_else(|| told("id")).unwrap_or_default(),
        name: told("name")?,
        arguments: told("arguments").unwrap_or_else(|| "{}".to_owned()),
        signature: None,
    })
}

fn contents<'a>(item: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    item.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn is_refusal(part: &Part) -> bool {
    matches!(part, Part::Refusal(_))
}

/// The items being made of an answer's parts.
struct Output<'a> {
    outline: &'a Outline,
    items: Vec<Value>,
    /// Texts in a row are one message.
    content: Vec<Value>,
}

impl<'a> Output<'a> {
    fn of(parts: &[Part], outline: &'a Outline) -> Vec<Value> {
        let mut output = Self { outline, items: Vec::new(), content: Vec::new() };
        parts.iter().for_each(|part| output.part(part));
        output.end_message();
        output.items
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) if text.text.is_empty() => return,
            Part::Text(text) => return self.content.push(outline::text_part(&text.text)),
            Part::Refusal(text) => return self.content.push(outline::refusal_part(text)),
            _ => self.end_message(),
        }
        match part {
            Part::Thought(thought) => {
                let id = self.id("rs");
                let item = outline::thought(&id, &thought.text, proof::wrapped(thought));
                self.items.push(item);
            }
            Part::ToolCall(call) => {
                let call_id = if call.id.is_empty() { self.id("call") } else { call.id.clone() };
                if let Some(signature) = &call.signature {
                    let proof = proof::of_call(&call_id, signature);
                    self.items.push(outline::thought(&self.id("rs"), "", Some(proof)));
                }
                let id = self.id("fc");
                let said = (call_id.as_str(), call.name.as_str(), call.arguments.as_str());
                self.items.push(outline::call(&id, "completed", said));
            }
            // No model of another dialect answers with anything else that could be said here.
            _ => {}
        }
    }

    fn end_message(&mut self) {
        if !self.content.is_empty() {
            let content = std::mem::take(&mut self.content);
            self.items.push(outline::message(&self.id("msg"), "completed", content));
        }
    }

    fn id(&self, kind: &str) -> String {
        self.outline.item_id(kind, self.items.len())
    }
}

#[cfg(test)]
mod tests;
