//! What Google's events mean.

use crate::gemini::response::{self, Response};
use crate::hub::{Event, Part, Stop, ToolCall};
use crate::provider_error as error;
use crate::sse;

/// Follows one stream. Feed it every whole event, in order.
#[derive(Default)]
pub struct Reader {
    started: bool,
    failed: bool,
    has_said: bool,
    calls: usize,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn read(&mut self, frame: &[u8], events: &mut Vec<Event>) {
        if self.failed {
            return;
        }
        let Some(data) = sse::data(frame) else {
            events.push(Event::Ping);
            return;
        };
        let Some(response) = Response::parse(&data) else { return };
        if response.has_error() {
            self.failed = true;
            events.push(Event::Error(error::parse(&data)));
            return;
        }
        self.answer(&response, events);
    }

    fn answer(&mut self, response: &Response, events: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let (id, model) = (response.id().to_owned(), response.model().to_owned());
            events.push(Event::Start { id, model });
        }
        if let Some(reason) = response.gave_up().filter(|_| !self.has_said) {
            self.failed = true;
            events.push(Event::Error(response::gave_up(reason)));
            return;
        }
        for part in response.parts().filter_map(response::read_part) {
            self.part(part, response.id(), events);
        }
        events.extend(response.usage().map(Event::Usage));
        if let Some(words) = response.blocked() {
            events.extend([Event::Refusal(words), Event::Stop(Stop::Filtered)]);
        } else if let Some(reason) = response.finish_reason() {
            events.push(Event::Stop(response::stop(reason, self.calls > 0)));
        }
    }

    fn part(&mut self, part: Part, response_id: &str, events: &mut Vec<Event>) {
        self.has_said = true;
        match part {
            Part::Text(text) => events.push(Event::Text(text.text)),
            Part::Thought(thought) => {
                let text = (!thought.text.is_empty()).then_some(Event::Thought(thought.text));
                events.extend(text);
                events.extend(thought.signature.map(Event::Signature));
                events.extend(thought.sealed.map(Event::SealedThought));
            }
            Part::ToolCall(call) => self.call(call, response_id, events),
            Part::Image { source, .. } => events.push(Event::Image(source)),
            _ => {}
        }
    }

    /// Always whole.
    fn call(&mut self, call: ToolCall, response_id: &str, events: &mut Vec<Event>) {
        let index = self.calls;
        self.calls = self.calls.saturating_add(1);
        let ToolCall { id, name, arguments, signature } = call;
        let id = if id.is_empty() { response::call_id(response_id, index) } else { id };
        events.push(Event::ToolCall { index, id: Some(id), name, signature });
        events.push(Event::Arguments { index, json: arguments });
    }
}
