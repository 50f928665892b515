//! Turns as contents: two roles that take turns, results of functions first.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::model_name::ModelName;
use crate::InvalidBody;
use crate::gemini::fields::note;
use crate::gemini::response::{sign, write_call, write_text};
use crate::gemini::{media, signature};
use crate::hub::{CachePoint, ImageDetail, Part, Source, Text, ToolCall, ToolResult, Turn};

pub(super) struct Contents<'a> {
    model: ModelName<'a>,
    said: Vec<Content>,
    /// Empty only as long as nobody has spoken.
    open: Content,
    /// What was called, by the id of the call: a result must say it too.
    called: HashMap<&'a str, &'a str>,
    left_out: &'a mut Vec<String>,
}

struct Content {
    role: &'static str,
    /// What must come before everything else.
    results: Vec<Value>,
    parts: Vec<Value>,
    has_call: bool,
}

impl<'a> Contents<'a> {
    pub fn new(model: ModelName<'a>, left_out: &'a mut Vec<String>) -> Self {
        let open = Content::of(USER);
        Self { model, said: Vec::new(), open, called: HashMap::new(), left_out }
    }

    pub fn add(&mut self, turn: &'a Turn) -> Result<(), InvalidBody> {
        match turn {
            Turn::Assistant(parts) => parts.iter().try_for_each(|part| self.part(MODEL, part)),
            Turn::System(texts) => {
                self.system(texts);
                Ok(())
            }
            Turn::User(parts) => parts.iter().try_for_each(|part| self.part(USER, part)),
        }
    }

    /// Google refuses to answer nothing, and a model that speaks first.
    pub fn finish(mut self) -> Value {
        self.said.push(self.open);
        if let Some(first) = self.said.first_mut().filter(|first| first.is_empty()) {
            first.parts.push(write_text(" "));
        }
        self.said.into_iter().map(Content::finish).collect()
    }

    /// Where it stands, so that what came before stays in a cache.
    fn system(&mut self, texts: &[Text]) {
        for text in texts.iter().filter(|text| !text.text.is_empty()) {
            self.note_cached(text.cache_point);
            let text = write_text(&format!("<system>\n{}\n</system>", text.text));
            self.of(USER).parts.push(text);
        }
    }

    fn part(&mut self, role: &'static str, part: &'a Part) -> Result<(), InvalidBody> {
        match part {
            Part::Audio(_) | Part::Document { .. } | Part::Image { .. } => {
                let media = self.media(part)?;
                self.of(role).parts.extend(media);
            }
            Part::Refusal(text) => self.text(role, text),
            Part::Text(text) => {
                self.note_cached(text.cache_point);
                self.text(role, &text.text);
            }
            Part::Thought(thought) => {
                if thought.sealed.is_some() {
                    note(self.left_out, "reasoning.encrypted");
                }
                // Whatever proof it has is another provider's; Google asks for none here.
                if !thought.text.is_empty() {
                    let part = json!({"text": thought.text, "thought": true});
                    self.of(role).parts.push(part);
                }
            }
            Part::ToolCall(call) => self.call(role, call),
            Part::ToolResult(result) => self.result(role, result)?,
        }
        Ok(())
    }

    fn text(&mut self, role: &'static str, text: &str) {
        if !text.is_empty() {
            self.of(role).parts.push(write_text(text));
        }
    }

    /// Only the first call of a turn has a signature, and must have one.
    fn call(&mut self, role: &'static str, call: &'a ToolCall) {
        self.called.insert(&call.id, &call.name);
        let mut part = write_call(call);
        let must_be_signed = self.model.is_third_generation();
        let content = self.of(role);
        if must_be_signed && !content.has_call && call.signature.is_none() {
            sign(&mut part, Some(signature::SKIP));
        }
        content.has_call = true;
        content.parts.push(part);
    }

    /// The result is a text inside an object: an object of its own might be read as more than that, `{"$ref": ..}` as a
    /// pointer.
    fn result(&mut self, role: &'static str, result: &ToolResult) -> Result<(), InvalidBody> {
        let called = self.called.get(result.call_id.as_str()).copied();
        let Some(name) = called.or(result.name.as_deref()) else {
            let message =
                "the result of a tool must belong to a call before it in the conversation";
            return Err(InvalidBody::new(Some("messages"), message));
        };
        self.note_cached(result.cache_point);
        let mut texts = Vec::new();
        let mut inside = Vec::new();
        let mut beside = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(text) => texts.push(text.text.as_str()),
                _ if self.takes_inside(part) => inside.extend(self.media(part)?),
                _ => beside.extend(self.media(part)?),
            }
        }
        let outcome = if result.is_error { "error" } else { "output" };
        let mut response = json!({
            "id": result.call_id,
            "name": name,
            "response": {outcome: texts.join("\n")},
        });
        if let (Value::Object(members), false) = (&mut response, inside.is_empty()) {
            members.insert("parts".to_owned(), Value::Array(inside));
        }
        let content = self.of(role);
        content.results.push(json!({"functionResponse": response}));
        content.parts.append(&mut beside);
        Ok(())
    }

    /// Before the third generation a picture stands beside the result; an address always does.
    fn takes_inside(&self, part: &Part) -> bool {
        let (Part::Audio(source) | Part::Document { source, .. } | Part::Image { source, .. }) =
            part
        else {
            return false;
        };
        self.model.is_third_generation() && matches!(source, Source::Base64 { .. })
    }

    fn media(&mut self, part: &Part) -> Result<Option<Value>, InvalidBody> {
        match part {
            Part::Document { name, cache_point, .. } => {
                self.note_cached(*cache_point);
                if name.is_some() {
                    note(self.left_out, "filename");
                }
            }
            Part::Image { detail, cache_point, .. } => {
                self.note_cached(*cache_point);
                if matches!(detail, Some(ImageDetail::High | ImageDetail::Low)) {
                    note(self.left_out, "detail");
                }
            }
            _ => {}
        }
        media::write(part).transpose()
    }

    /// The content that is being said; another one where somebody else begins to speak.
    fn of(&mut self, role: &'static str) -> &mut Content {
        if self.open.role != role {
            let said = std::mem::replace(&mut self.open, Content::of(role));
            self.said.push(said);
        }
        &mut self.open
    }

    fn note_cached(&mut self, cache_point: CachePoint) {
        if cache_point.is_set() {
            note(self.left_out, "cache_control");
        }
    }
}

impl Content {
    fn of(role: &'static str) -> Self {
        Self { role, results: Vec::new(), parts: Vec::new(), has_call: false }
    }

    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.parts.is_empty()
    }

    fn finish(mut self) -> Value {
        self.results.append(&mut self.parts);
        json!({"role": self.role, "parts": self.results})
    }
}

const MODEL: &str = "model";
const USER: &str = "user";
