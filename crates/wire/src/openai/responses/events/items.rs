//! Items of an answer while they are being written: each from `output_item.added` to `output_item.done`.

use serde_json::{Value, json};

use super::log::Log;
use crate::hub::Thought;
use crate::openai::responses::{outline, proof};

/// Where an item stands in the output, and what it is called.
pub(super) struct Place {
    pub index: usize,
    pub id: String,
}

/// An item that is done, for the whole answer.
pub(super) struct Done {
    pub index: usize,
    pub item: Value,
}

impl Place {
    fn added(&self, item: Value, log: &mut Log) {
        log.say("response.output_item.added", &self.with(json!({"item": item})));
    }

    fn done(&self, item: Value, log: &mut Log) -> Done {
        log.say("response.output_item.done", &self.with(json!({"item": &item})));
        Done { index: self.index, item }
    }

    /// Those members, and where they belong.
    fn with(&self, fields: Value) -> Value {
        and(and(fields, "output_index", self.index), "item_id", self.id.as_str())
    }
}

fn and(mut fields: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Value::Object(fields) = &mut fields {
        fields.insert(name.to_owned(), value.into());
    }
    fields
}

/// What the model says.
pub(super) struct Message {
    place: Place,
    /// The parts that are whole.
    content: Vec<Value>,
    open: Option<(Voice, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Refusal,
    Text,
}

impl Voice {
    fn part(self, text: &str) -> Value {
        match self {
            Self::Refusal => outline::refusal_part(text),
            Self::Text => outline::text_part(text),
        }
    }
}

impl Message {
    pub fn begin(place: Place, log: &mut Log) -> Self {
        place.added(outline::message(&place.id, "in_progress", Vec::new()), log);
        Self { place, content: Vec::new(), open: None }
    }

    pub fn say(&mut self, voice: Voice, text: &str, log: &mut Log) {
        if self.open.as_ref().is_some_and(|(open, _)| *open != voice) {
            self.end_part(log);
        }
        if self.open.is_none() {
            let part = self.at(json!({"part": voice.part("")}));
            log.say("response.content_part.added", &part);
        }
        self.open.get_or_insert((voice, String::new())).1.push_str(text);
        match voice {
            Voice::Refusal => {
                log.say("response.refusal.delta", &self.at(json!({"delta": text})));
            }
            Voice::Text => {
                let delta = self.at(json!({"delta": text, "logprobs": []}));
                log.say("response.output_text.delta", &delta);
            }
        }
    }

    pub fn end(mut self, status: &str, log: &mut Log) -> Done {
        self.end_part(log);
        self.place.done(outline::message(&self.place.id, status, self.content), log)
    }

    fn end_part(&mut self, log: &mut Log) {
        let Some((voice, text)) = self.open.take() else { return };
        match voice {
            Voice::Refusal => {
                log.say("response.refusal.done", &self.at(json!({"refusal": text})));
            }
            Voice::Text => {
                let done = self.at(json!({"text": text, "logprobs": []}));
                log.say("response.output_text.done", &done);
            }
        }
        let part = voice.part(&text);
        log.say("response.content_part.done", &self.at(json!({"part": &part})));
        self.content.push(part);
    }

    fn at(&self, fields: Value) -> Value {
        self.place.with(and(fields, "content_index", self.content.len()))
    }
}

/// What the model thinks.
pub(super) struct Thinking {
    place: Place,
    thought: Thought,
    /// What stands for a call's proof, which is no thought's.
    call_proof: Option<String>,
}

impl Thinking {
    pub fn begin(place: Place, log: &mut Log) -> Self {
        place.added(outline::thought(&place.id, "", None), log);
        Self { place, thought: Thought::default(), call_proof: None }
    }

    pub fn think(&mut self, text: &str, log: &mut Log) {
        if self.thought.text.is_empty() {
            let part = self.at(json!({"part": outline::summary_part("")}));
            log.say("response.reasoning_summary_part.added", &part);
        }
        self.thought.text.push_str(text);
        log.say("response.reasoning_summary_text.delta", &self.at(json!({"delta": text})));
    }

    /// A signature comes when the thought is over.
    pub fn sign(&mut self, signature: String) {
        self.thought.signature = Some(signature);
    }

    pub fn seal(&mut self, sealed: String) {
        self.thought.sealed = Some(sealed);
    }

    pub fn prove_call(&mut self, call_id: &str, signature: &str) {
        self.call_proof = Some(proof::of_call(call_id, signature));
    }

    pub fn is_signed(&self) -> bool {
        self.thought.signature.is_some()
    }

    pub fn end(self, log: &mut Log) -> Done {
        let text = self.thought.text.as_str();
        if !text.is_empty() {
            let done = self.at(json!({"text": text}));
            log.say("response.reasoning_summary_text.done", &done);
            let part = self.at(json!({"part": outline::summary_part(text)}));
            log.say("response.reasoning_summary_part.done", &part);
        }
        let proof = self.call_proof.clone().or_else(|| proof::wrapped(&self.thought));
        let item = outline::thought(&self.place.id, text, proof);
        self.place.done(item, log)
    }

    fn at(&self, fields: Value) -> Value {
        self.place.with(and(fields, "summary_index", 0_usize))
    }
}

/// A tool call, gathered before it is begun and while it is open.
pub(super) struct Call {
    id: Option<String>,
    name: String,
    arguments: String,
    braces: Braces,
    /// Where it stands, once it is begun.
    place: Option<Place>,
}

impl Call {
    pub fn new(id: Option<String>, name: String) -> Self {
        let (arguments, braces) = (String::new(), Braces::default());
        Self { id, name, arguments, braces, place: None }
    }

    pub fn has_begun(&self) -> bool {
        self.place.is_some()
    }

    /// Its arguments are whole.
    pub fn is_whole(&self) -> bool {
        self.braces.are_closed
    }

    pub fn begin(&mut self, place: Place, log: &mut Log) {
        if self.id.as_ref().is_none_or(String::is_empty) {
            // The item's id is this answer's alone, and `fc_` says what it is of.
            self.id = Some(place.id.replacen("fc_", "call_", 1));
        }
        place.added(self.item(&place, "in_progress", ""), log);
        if !self.arguments.is_empty() {
            Self::delta(&place, &self.arguments, log);
        }
        self.place = Some(place);
    }

    pub fn add(&mut self, piece: &str, log: &mut Log) {
        if piece.is_empty() {
            return;
        }
        self.braces.see(piece);
        self.arguments.push_str(piece);
        if let Some(place) = &self.place {
            Self::delta(place, piece, log);
        }
    }

    /// `None` if it was never begun. What the output limit cut off is not called complete, also where nothing came yet.
    pub fn end(mut self, was_cut: bool, log: &mut Log) -> Option<Done> {
        if self.arguments.is_empty() && !was_cut {
            self.add("{}", log);
        }
        let place = self.place.take()?;
        let done = json!({"name": self.name, "arguments": self.arguments});
        log.say("response.function_call_arguments.done", &place.with(done));
        let status = if was_cut && !self.is_whole() { "incomplete" } else { "completed" };
        let item = self.item(&place, status, &self.arguments);
        Some(place.done(item, log))
    }

    fn item(&self, place: &Place, status: &str, arguments: &str) -> Value {
        let id = self.id.as_deref().unwrap_or_default();
        outline::call(&place.id, status, (id, &self.name, arguments))
    }

    fn delta(place: &Place, piece: &str, log: &mut Log) {
        let delta = place.with(json!({"delta": piece}));
        log.say("response.function_call_arguments.delta", &delta);
    }
}

/// Whether a JSON object that comes in pieces has come to its end.
#[derive(Default)]
struct Braces {
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    are_closed: bool,
}

impl Braces {
    fn see(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.is_text,
                b'"' => self.is_text = !self.is_text,
                _ if self.is_text => {}
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.are_closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}
