//! A provider's events as steps. Some send pieces, some only what is done, some both: each thing is told once.

use std::collections::HashMap;

use serde_json::Value;

use crate::hub::{Event, Part, Stop, Thought};
use crate::openai::responses::reply::{self, text_of};
use crate::openai::responses::usage;
use crate::provider_error as error;
use crate::sse;

#[derive(Default)]
pub struct Reader {
    stage: Stage,
    /// Those that are not done, by where they stand in the output, or by their ids where a provider does not say where.
    items: HashMap<String, Item>,
    has_items: bool,
    calls: usize,
    /// Which of its two forms thoughts come in; some providers send both.
    thoughts_in: Option<&'static str>,
    has_refused: bool,
}

#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Before,
    Open,
    Over,
}

#[derive(Default)]
struct Item {
    /// The number of the call it is.
    call: Option<usize>,
    /// Something of it was told: its text, or its arguments.
    is_told: bool,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn read(&mut self, frame: &[u8], events: &mut Vec<Event>) {
        if self.stage == Stage::Over {
            return;
        }
        let Some(data) = sse::data(frame) else {
            if sse::is_comment_only(frame) {
                self.live(events);
            }
            return;
        };
        let Ok(event) = serde_json::from_slice::<Value>(&data) else { return };
        let line = sse::event(frame).and_then(|name| std::str::from_utf8(name).ok());
        match text_of(&event, "type").or(line).unwrap_or_default() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.begin(event.get("response"), events);
            }
            "response.completed" | "response.incomplete" => self.end(event.get("response"), events),
            "response.failed" | "response.cancelled" => {
                self.begin(event.get("response"), events);
                self.fail(event.pointer("/response/error"), events);
            }
            "keepalive" => self.live(events),
            kind if is_an_error(kind, &event) => {
                self.begin(None, events);
                self.fail(Some(&event), events);
            }
            // Others' own, as `codex.rate_limits`, may come before the beginning.
            kind if kind.starts_with("response.") => {
                self.begin(None, events);
                self.step(kind, &event, events);
            }
            _ => {}
        }
    }

    fn begin(&mut self, response: Option<&Value>, events: &mut Vec<Event>) {
        if self.stage == Stage::Before {
            self.stage = Stage::Open;
            let told = |name| response.and_then(|response| text_of(response, name));
            let told = |name| told(name).unwrap_or_default().to_owned();
            events.push(Event::Start { id: told("id"), model: told("model") });
        }
    }

    /// A sign of life is none before there is a life.
    fn live(&self, events: &mut Vec<Event>) {
        if self.stage == Stage::Open {
            events.push(Event::Ping);
        }
    }

    fn step(&mut self, kind: &str, event: &Value, events: &mut Vec<Event>) {
        let text = |name| text_of(event, name).unwrap_or_default().to_owned();
        match kind {
            "response.output_item.added" => {
                if let Some(item) = event.get("item") {
                    self.begin_item(&key(event), item, events);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = event.get("item") {
                    self.end_item(&key(event), item, events);
                }
            }
            "response.output_text.delta" => self.tell(event, Event::Text(text("delta")), events),
            "response.refusal.delta" => {
                self.has_refused = true;
                self.tell(event, Event::Refusal(text("delta")), events);
            }
            "response.reasoning_summary_text.delta" => {
                self.think("summary", event, text("delta"), events);
            }
            "response.reasoning_text.delta" => self.think("content", event, text("delta"), events),
            "response.reasoning_summary_part.added" if is_a_further_one(event) => {
                self.think("summary", event, "\n\n".to_owned(), events);
            }
            "response.function_call_arguments.delta" => {
                if let Some(index) = self.items.get(&key(event)).and_then(|item| item.call) {
                    self.tell(event, Event::Arguments { index, json: text("delta") }, events);
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, event: &Value, step: Event, events: &mut Vec<Event>) {
        self.has_items = true;
        self.items.entry(key(event)).or_default().is_told = true;
        events.push(step);
    }

    fn think(&mut self, form: &'static str, event: &Value, text: String, events: &mut Vec<Event>) {
        if *self.thoughts_in.get_or_insert(form) == form {
            self.tell(event, Event::Thought(text), events);
        }
    }

    fn begin_item(&mut self, key: &str, item: &Value, events: &mut Vec<Event>) {
        self.has_items = true;
        let state = self.items.entry(key.to_owned()).or_default();
        let name = text_of(item, "name").filter(|name| !name.is_empty());
        if let ("function_call", Some(name), None) =
            (text_of(item, "type").unwrap_or_default(), name, state.call)
        {
            state.call = Some(self.calls);
            let id = text_of(item, "call_id").filter(|id| !id.is_empty()).map(str::to_owned);
            let (index, name) = (self.calls, name.to_owned());
            events.push(Event::ToolCall { index, id, name, signature: None });
            self.calls = self.calls.saturating_add(1);
        }
    }

    /// Whatever of it was not told yet.
    fn end_item(&mut self, key: &str, item: &Value, events: &mut Vec<Event>) {
        self.begin_item(key, item, events);
        let state = self.items.remove(key).unwrap_or_default();
        for part in reply::parts(item) {
            match part {
                Part::Thought(Thought { text, sealed, .. }) => {
                    let text = Some(text).filter(|text| !text.is_empty() && !state.is_told);
                    events.extend(text.map(Event::Thought));
                    events.extend(sealed.map(Event::SealedThought));
                }
                _ if state.is_told => {}
                Part::Refusal(text) => {
                    self.has_refused = true;
                    events.push(Event::Refusal(text));
                }
                Part::Text(text) => events.push(Event::Text(text.text)),
                Part::ToolCall(call) => {
                    let arguments = state.call.map(|index| (index, call.arguments));
                    events.extend(arguments.map(|(index, json)| Event::Arguments { index, json }));
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, response: Option<&Value>, events: &mut Vec<Event>) {
        self.begin(response, events);
        self.stage = Stage::Over;
        let response = response.unwrap_or(&Value::Null);
        if !self.has_items {
            let output = response.get("output").and_then(Value::as_array);
            for (at, item) in output.into_iter().flatten().enumerate() {
                self.end_item(&at.to_string(), item, events);
            }
        }
        events.extend(response.get("usage").and_then(usage::read).map(Event::Usage));
        let stop = match reply::stop(response, &[]) {
            Stop::End if self.calls > 0 => Stop::ToolCalls,
            Stop::End if self.has_refused => Stop::Filtered,
            stop => stop,
        };
        events.push(Event::Stop(stop));
        events.push(Event::End);
    }

    fn fail(&mut self, error: Option<&Value>, events: &mut Vec<Event>) {
        self.stage = Stage::Over;
        let told = error.map(|error| error::parse(error.to_string().as_bytes()));
        events.push(Event::Error(told.unwrap_or_default()));
    }
}

/// Some providers break off with an error that has no name.
fn is_an_error(kind: &str, event: &Value) -> bool {
    kind == "error" || (kind.is_empty() && event.get("error").is_some_and(Value::is_object))
}

/// A part of a summary behind another.
fn is_a_further_one(event: &Value) -> bool {
    event.get("summary_index").and_then(Value::as_u64).is_some_and(|at| at > 0)
}

/// What an event belongs to. Some providers give an item another id in every event, some no place, and some neither:
/// then one is done before the next begins.
fn key(event: &Value) -> String {
    match event.get("output_index").and_then(Value::as_u64) {
        Some(index) => index.to_string(),
        None => {
            let id = event.pointer("/item/id").and_then(Value::as_str);
            id.or_else(|| text_of(event, "item_id")).unwrap_or_default().to_owned()
        }
    }
}
