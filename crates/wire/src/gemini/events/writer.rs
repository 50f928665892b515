//! Events as Google would send them: its SDKs know nothing but `data: `, no comments and no terminator.

use bytes::Bytes;
use model::{Refusal, Usage};
use serde_json::{Map, Value, json};

use crate::gemini::media::write_source;
use crate::gemini::reply::told;
use crate::gemini::response::{self, write_call, write_text, write_thought};
use crate::gemini::signature::Unseen;
use crate::gemini::{render, usage};
use crate::hub::{Echo, Event, Stop, Thought, ToolCall};

/// Follows one stream. Says nothing more after its end.
pub struct Writer {
    id: String,
    request_id: String,
    model: String,
    shows_thoughts: bool,
    unseen: Unseen,
    /// Calls whose arguments are not complete, in the order in which they began.
    calls: Vec<OpenCall>,
    called: bool,
    stop: Option<Stop>,
    usage: Option<Usage>,
    ended: bool,
}

struct OpenCall {
    index: usize,
    call: ToolCall,
    braces: Braces,
}

impl Writer {
    pub fn new(echo: &Echo<'_>) -> Self {
        Self {
            id: echo.request_id.to_owned(),
            request_id: echo.request_id.to_owned(),
            model: echo.ask.model.clone(),
            shows_thoughts: echo.ask.reasoning.is_some_and(|reasoning| reasoning.shown),
            unseen: Unseen::default(),
            calls: Vec::new(),
            called: false,
            stop: None,
            usage: None,
            ended: false,
        }
    }

    pub fn write(&mut self, event: Event, out: &mut Vec<Bytes>) {
        if self.ended {
            return;
        }
        match event {
            Event::Arguments { index, json } => self.arguments(index, &json, out),
            Event::End => self.end(out),
            Event::Error(_) => {
                self.ended = true;
                // The provider's words may repeat what only it and we should know.
                out.push(render::broken_off());
            }
            Event::Image(source) => out.extend(write_source(&source).map(|part| self.part(part))),
            Event::Ping => {}
            Event::Refusal(text) | Event::Text(text) => {
                if !text.is_empty() {
                    self.say(write_text(&text), out);
                }
            }
            Event::SealedThought(data) => {
                self.thought(&Thought { sealed: Some(data), ..Thought::default() }, out);
            }
            Event::Signature(signature) => {
                self.thought(&Thought { signature: Some(signature), ..Thought::default() }, out);
            }
            Event::Start { id, model } => {
                self.id = told(&id, &self.id).to_owned();
                self.model = told(&model, &self.model).to_owned();
            }
            Event::Stop(stop) => {
                self.close_calls(out);
                self.stop = Some(stop);
            }
            Event::Thought(text) => self.thought(&Thought { text, ..Thought::default() }, out),
            Event::ToolCall { index, id, name, signature } => {
                self.called = true;
                let id = id.unwrap_or_else(|| response::call_id(&self.id, index));
                let call = ToolCall { id, name, arguments: String::new(), signature };
                self.calls.push(OpenCall { index, call, braces: Braces::default() });
            }
            Event::Usage(usage) => self.usage = Some(usage),
        }
    }

    /// An end in words made for the caller.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        if !self.ended {
            self.ended = true;
            out.push(render::error_event(refusal, Some(&self.request_id)));
        }
    }

    fn thought(&mut self, thought: &Thought, out: &mut Vec<Bytes>) {
        match self.shows_thoughts {
            true => out.push(self.part(write_thought(thought))),
            false => out.extend(self.unseen.hold(thought).map(|part| self.part(part))),
        }
    }

    fn say(&mut self, part: Value, out: &mut Vec<Bytes>) {
        let parts = self.unseen.sign(part);
        out.extend(parts.map(|part| self.part(part)));
    }

    /// A call is told whole, as soon as it is.
    fn arguments(&mut self, index: usize, json: &str, out: &mut Vec<Bytes>) {
        let Some(at) = self.calls.iter().position(|open| open.index == index) else { return };
        let Some(open) = self.calls.get_mut(at) else { return };
        open.call.arguments.push_str(json);
        if open.braces.close_in(json) {
            let open = self.calls.remove(at);
            self.say(write_call(&open.call), out);
        }
    }

    fn close_calls(&mut self, out: &mut Vec<Bytes>) {
        for open in std::mem::take(&mut self.calls) {
            self.say(write_call(&open.call), out);
        }
    }

    fn end(&mut self, out: &mut Vec<Bytes>) {
        self.close_calls(out);
        self.ended = true;
        let inferred = if self.called { Stop::ToolCalls } else { Stop::End };
        let stop = self.stop.take().unwrap_or(inferred);
        // An empty text, as Google has it: there are clients that look for one in every event.
        let last = self.unseen.rest().unwrap_or_else(|| write_text(""));
        let candidate = json!({
            "content": {"parts": [last], "role": "model"},
            "finishReason": response::finish_reason(&stop),
            "index": 0,
        });
        out.push(self.event(candidate, self.usage.as_ref()));
    }

    fn part(&self, part: Value) -> Bytes {
        self.event(json!({"content": {"parts": [part], "role": "model"}, "index": 0}), None)
    }

    fn event(&self, candidate: Value, usage: Option<&Usage>) -> Bytes {
        let mut event = Map::new();
        event.insert("candidates".to_owned(), Value::Array(vec![candidate]));
        if let Some(usage) = usage {
            event.insert("usageMetadata".to_owned(), usage::write(usage));
        }
        event.insert("modelVersion".to_owned(), self.model.as_str().into());
        event.insert("responseId".to_owned(), self.id.as_str().into());
        render::event(&Value::Object(event))
    }
}

/// Follows a JSON text piece by piece up to where the object that it is closes.
#[derive(Default)]
struct Braces {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Braces {
    fn close_in(&mut self, piece: &str) -> bool {
        piece.bytes().any(|byte| self.close_at(byte))
    }

    fn close_at(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.depth = self.depth.saturating_add(1),
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}
