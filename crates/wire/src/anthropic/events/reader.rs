//! What a provider's stream in this dialect says.

use serde_json::Value;

use crate::anthropic::usage::Counts;
use crate::anthropic::{block, proof};
use crate::hub::{Event, Stop};
use crate::provider_error as error;
use crate::sse;

/// Follows one stream. Feed it every whole event, in order.
#[derive(Default)]
pub struct Reader {
    /// Blocks never overlap here.
    open: Option<Block>,
    /// Of tool calls, which have numbers of their own.
    calls: usize,
    /// The last call, while nothing was written to it: it takes no arguments, or the output limit cut it.
    bare_call: Option<usize>,
    /// In JSON, by a call.
    has_answered: bool,
    counts: Counts,
    is_over: bool,
}

enum Block {
    Call {
        index: usize,
        wrote: bool,
    },
    /// The call that is the answer itself.
    Json {
        wrote: bool,
    },
    /// What others have no word for.
    Other,
    Text,
    /// With its proof, as far as it came.
    Thought {
        signature: String,
    },
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn read(&mut self, frame: &[u8], events: &mut Vec<Event>) {
        let Some(data) = sse::data(frame).filter(|_| !self.is_over) else {
            return;
        };
        let name = sse::event(frame).and_then(|name| std::str::from_utf8(name).ok());
        let Ok(event) = serde_json::from_slice::<Value>(&data) else {
            if name == Some("error") {
                self.fail(&data, events);
            }
            return;
        };
        match event.get("type").and_then(Value::as_str).or(name) {
            Some("content_block_delta") => self.go_on(&event, events),
            Some("content_block_start") => self.begin(&event, events),
            Some("content_block_stop") => self.close(events),
            Some("error") => self.fail(&data, events),
            Some("message_delta") => self.see_end(&event, events),
            Some("message_start") => self.start(&event, events),
            Some("message_stop") => {
                self.close(events);
                self.complete_bare_call(events);
                self.is_over = true;
                events.push(Event::End);
            }
            Some("ping") => events.push(Event::Ping),
            _ if event.get("error").is_some() => self.fail(&data, events),
            _ => {}
        }
    }

    fn start(&mut self, event: &Value, events: &mut Vec<Event>) {
        let message = event.get("message");
        let text = |name: &str| {
            message.and_then(|message| message.get(name)?.as_str()).unwrap_or_default().to_owned()
        };
        events.push(Event::Start { id: text("id"), model: text("model") });
        self.count(message.and_then(|message| message.get("usage")), events);
    }

    /// What takes no arguments is called with none, which is JSON all the same.
    fn complete_bare_call(&mut self, events: &mut Vec<Event>) {
        let arguments = |index| Event::Arguments { index, json: "{}".to_owned() };
        events.extend(self.bare_call.take().map(arguments));
    }

    fn begin(&mut self, event: &Value, events: &mut Vec<Event>) {
        self.close(events);
        self.complete_bare_call(events);
        let text = |name: &str| event.get("content_block")?.get(name)?.as_str();
        let open = match text("type").unwrap_or_default() {
            "redacted_thinking" => {
                events.extend(text("data").map(|data| Event::SealedThought(data.to_owned())));
                Block::Other
            }
            "text" => Block::Text,
            "thinking" => {
                Block::Thought { signature: text("signature").unwrap_or_default().to_owned() }
            }
            // Of two answers in JSON the first counts: together they would be no JSON.
            "tool_use" if text("name") == Some(block::JSON_TOOL) => {
                match std::mem::replace(&mut self.has_answered, true) {
                    false => Block::Json { wrote: false },
                    true => Block::Other,
                }
            }
            "tool_use" => {
                let index = self.calls;
                self.calls = index.saturating_add(1);
                events.push(Event::ToolCall {
                    index,
                    id: text("id").map(str::to_owned),
                    name: text("name").unwrap_or_default().to_owned(),
                    signature: None,
                });
                Block::Call { index, wrote: false }
            }
            _ => Block::Other,
        };
        let open = self.open.insert(open);
        // Hardly anybody says something with a block's beginning already.
        match open {
            Block::Text => say(text("text"), Event::Text, events),
            Block::Thought { .. } => say(text("thinking"), Event::Thought, events),
            Block::Call { .. } | Block::Json { .. } => {
                let input = event.get("content_block").and_then(|block| block.get("input"));
                if let Some(Value::Object(input)) = input
                    && !input.is_empty()
                {
                    open.write(&Value::Object(input.clone()).to_string(), events);
                }
            }
            Block::Other => {}
        }
    }

    fn go_on(&mut self, event: &Value, events: &mut Vec<Event>) {
        let (Some(delta), Some(open)) = (event.get("delta"), &mut self.open) else {
            return;
        };
        let text = |name: &str| delta.get(name).and_then(Value::as_str);
        match text("type").unwrap_or_default() {
            "input_json_delta" => open.write(text("partial_json").unwrap_or_default(), events),
            "signature_delta" => {
                if let Block::Thought { signature } = open {
                    signature.push_str(text("signature").unwrap_or_default());
                }
            }
            "text_delta" => say(text("text"), Event::Text, events),
            "thinking_delta" => say(text("thinking"), Event::Thought, events),
            _ => {}
        }
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        match self.open.take() {
            Some(Block::Call { index, wrote: false }) => self.bare_call = Some(index),
            Some(mut open @ Block::Json { wrote: false }) => open.write("{}", events),
            Some(Block::Thought { signature }) if !signature.is_empty() => {
                let thought = proof::thought(String::new(), Some(signature));
                events.extend(thought.signature.map(Event::Signature));
                events.extend(thought.sealed.map(Event::SealedThought));
            }
            _ => {}
        }
    }

    fn see_end(&mut self, event: &Value, events: &mut Vec<Event>) {
        let text = |name: &str| event.get("delta")?.get(name)?.as_str();
        if let Some(reason) = text("stop_reason") {
            let stop = block::stop(reason, text("stop_sequence"), self.calls > 0);
            if stop == Stop::Length {
                self.bare_call = None;
            }
            self.complete_bare_call(events);
            events.push(Event::Stop(stop));
        }
        self.count(event.get("usage"), events);
    }

    fn count(&mut self, usage: Option<&Value>, events: &mut Vec<Event>) {
        let Some(counts) = usage.map(Counts::of) else { return };
        self.counts.update(counts);
        events.extend(self.counts.usage().map(Event::Usage));
    }

    fn fail(&mut self, data: &[u8], events: &mut Vec<Event>) {
        self.is_over = true;
        events.push(Event::Error(error::parse(data)));
    }
}

impl Block {
    /// A piece of a call's input. Tools of the provider's own have input too, which is nobody's business.
    fn write(&mut self, json: &str, events: &mut Vec<Event>) {
        let json = Some(json);
        match self {
            Self::Call { index, wrote } => {
                let index = *index;
                *wrote |= json != Some("");
                say(json, |json| Event::Arguments { index, json }, events);
            }
            Self::Json { wrote } => {
                *wrote |= json != Some("");
                say(json, Event::Text, events);
            }
            Self::Other | Self::Text | Self::Thought { .. } => {}
        }
    }
}

fn say(text: Option<&str>, event: impl FnOnce(String) -> Event, events: &mut Vec<Event>) {
    events.extend(text.filter(|text| !text.is_empty()).map(|text| event(text.to_owned())));
}

#[cfg(test)]
mod tests;
