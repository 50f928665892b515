//! A provider's stream, out of this dialect or what providers make of it.

use serde_json::Value;

use super::super::thoughts::Detail;
use super::super::{assistant, finish, images};
use super::calls::Calls;
use crate::hub::Event;
use crate::openai::ChatMeter;
use crate::provider_error::UpstreamErrorBody;
use crate::{Seen, sse};

/// Follows one stream. Feed it every whole event, in order.
#[derive(Default)]
pub struct Reader {
    /// Knows an end and an error when it sees one, and every place where usage may stand.
    meter: Box<ChatMeter>,
    calls: Calls,
    usage: Option<model::Usage>,
    has_started: bool,
    has_stopped: bool,
    has_ended: bool,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// What one whole event means: nothing, one event, or several.
    pub fn read(&mut self, frame: &[u8], events: &mut Vec<Event>) {
        if self.has_ended {
            return;
        }
        if sse::is_comment_only(frame) {
            events.push(Event::Ping);
            return;
        }
        match self.meter.see(frame) {
            Seen::Done => {
                self.calls.tell_all(events);
                self.has_ended = true;
                events.push(Event::End);
            }
            Seen::Error(error) => {
                self.has_ended = true;
                events.push(Event::Error(error));
            }
            Seen::Content | Seen::Finish | Seen::Other | Seen::UsageOnly => {
                let data = sse::data(frame).unwrap_or_default();
                // What is no chunk is nobody's.
                if let Ok(chunk) = serde_json::from_slice(&data) {
                    self.chunk(&chunk, events);
                    if self.calls.are_too_many() && !self.has_ended {
                        self.has_ended = true;
                        events.push(Event::Error(UpstreamErrorBody::default()));
                    }
                }
            }
        }
    }

    fn chunk(&mut self, chunk: &Value, events: &mut Vec<Event>) {
        let choices = chunk.get("choices").and_then(Value::as_array);
        // One answer was asked for.
        let choice = choices
            .into_iter()
            .flatten()
            .find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or_default() == 0);
        if let Some(choice) = choice {
            self.start(chunk, events);
            self.delta(choice.get("delta").unwrap_or(&Value::Null), events);
            if let Some(reason) = text(choice, "finish_reason") {
                self.stop(reason, events);
            }
        }
        let usage = Some(self.meter.usage()).filter(|usage| !usage.estimated);
        if usage != self.usage {
            self.usage = usage;
            events.extend(usage.map(Event::Usage));
        }
    }

    /// With the first chunk that answers: what Azure sends before has no id.
    fn start(&mut self, chunk: &Value, events: &mut Vec<Event>) {
        if !self.has_started {
            self.has_started = true;
            let told = |name| text(chunk, name).unwrap_or_default().to_owned();
            events.push(Event::Start { id: told("id"), model: told("model") });
        }
    }

    fn delta(&mut self, delta: &Value, events: &mut Vec<Event>) {
        self.thoughts(delta, events);
        match delta.get("content") {
            Some(Value::String(piece)) if !piece.is_empty() => {
                events.push(Event::Text(piece.clone()));
            }
            Some(Value::Array(pieces)) => pieces.iter().for_each(|piece| read_piece(piece, events)),
            _ => {}
        }
        events.extend(images::read(delta).map(Event::Image));
        events.extend(text(delta, "refusal").map(|piece| Event::Refusal(piece.to_owned())));
        for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.calls.piece(piece, events);
        }
        if let Some(function) = delta.get("function_call").filter(|call| call.is_object()) {
            self.calls.old_piece(function, events);
        }
    }

    /// Under one of three names, or two of them with the same text; only the details hold proofs.
    fn thoughts(&mut self, delta: &Value, events: &mut Vec<Event>) {
        let plain = text(delta, "reasoning_content").or_else(|| text(delta, "reasoning"));
        events.extend(plain.map(|piece| Event::Thought(piece.to_owned())));
        let details = delta.get("reasoning_details").and_then(Value::as_array);
        for detail in details.into_iter().flatten().map(Detail::read) {
            if plain.is_none() && !detail.text.is_empty() {
                events.push(Event::Thought(detail.text));
            }
            events.extend(detail.signature.map(Event::Signature));
            match (detail.sealed, detail.call_id) {
                (Some(signature), Some(call_id)) => self.calls.prove(call_id, signature),
                (sealed, _) => events.extend(sealed.map(Event::SealedThought)),
            }
        }
    }

    fn stop(&mut self, reason: &str, events: &mut Vec<Event>) {
        self.calls.tell_all(events);
        if !self.has_stopped {
            self.has_stopped = true;
            let stop = finish::settled(finish::stop(reason), self.calls.are_told());
            events.push(Event::Stop(stop));
        }
    }
}

/// Mistral's reasoning models write lists.
fn read_piece(piece: &Value, events: &mut Vec<Event>) {
    match text(piece, "type") {
        Some("text") => {
            events.extend(text(piece, "text").map(|piece| Event::Text(piece.to_owned())));
        }
        Some("thinking") => {
            let thought = assistant::thinking(piece.get("thinking").unwrap_or(&Value::Null));
            events.extend((!thought.is_empty()).then_some(Event::Thought(thought)));
        }
        _ => {}
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str().filter(|text| !text.is_empty())
}
