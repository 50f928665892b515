//! The conversation: roles that take turns, results of tools first, no empty texts.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::InvalidBody;
use crate::anthropic::block;
use crate::cache_control;
use crate::hub::{
    Ask, CachePoint, ImageDetail, Part, Source, Text, Thought, ToolCall, ToolResult, Turn,
    leave_out,
};

pub(super) fn system(texts: &[Text]) -> Option<Value> {
    let blocks: Vec<Value> = texts.iter().filter_map(text).collect();
    (!blocks.is_empty()).then(|| blocks.into())
}

pub(super) fn write(ask: &Ask, left_out: &mut Vec<String>) -> Result<Value, InvalidBody> {
    let mut messages = Messages::default();
    for turn in &ask.turns {
        match turn {
            Turn::Assistant(parts) => {
                for part in parts {
                    messages.answer(said(part, left_out)?);
                }
            }
            Turn::System(texts) => texts.iter().for_each(|text| messages.say(instruction(text))),
            Turn::User(parts) => {
                for part in parts {
                    match part {
                        Part::ToolResult(result) => messages.result(tool_result(result, left_out)?),
                        _ => messages.say(shown(part, left_out)?),
                    }
                }
            }
        }
    }
    Ok(messages.written())
}

/// Whether a thought carries a proof that may be this provider's. One with words beside what is sealed is not, nor one
/// that is sealed as OpenAI seals.
pub(super) fn is_known(thought: &Thought) -> bool {
    match (&thought.signature, &thought.sealed) {
        (Some(_), _) => true,
        (None, Some(sealed)) => thought.text.is_empty() && !sealed.starts_with(OPENAI_SEAL),
        (None, None) => false,
    }
}

/// Messages as they are put together: neighbours of the same role become one.
#[derive(Default)]
struct Messages {
    done: Vec<Value>,
    /// Of the caller's message that is being put together. Results come first in it, whenever they came.
    results: Vec<Value>,
    said: Vec<Value>,
    /// Of the model's.
    answered: Vec<Value>,
}

impl Messages {
    fn answer(&mut self, block: Option<Value>) {
        let Some(block) = block else { return };
        self.end_question();
        // A conversation begins with the caller.
        if self.done.is_empty() {
            self.done.push(message("user", vec![block::text(PLACEHOLDER)]));
        }
        self.answered.push(block);
    }

    fn say(&mut self, block: Option<Value>) {
        let Some(block) = block else { return };
        self.end_answer();
        self.said.push(block);
    }

    fn result(&mut self, block: Value) {
        self.end_answer();
        self.results.push(block);
    }

    fn end_answer(&mut self) {
        if !self.answered.is_empty() {
            self.done.push(message("assistant", std::mem::take(&mut self.answered)));
        }
    }

    fn end_question(&mut self) {
        let mut content = std::mem::take(&mut self.results);
        content.append(&mut self.said);
        if !content.is_empty() {
            self.done.push(message("user", content));
        }
    }

    fn written(mut self) -> Value {
        self.end_answer();
        self.end_question();
        if self.done.is_empty() {
            self.done.push(message("user", vec![block::text(PLACEHOLDER)]));
        }
        self.done.into()
    }
}

fn message(role: &str, content: Vec<Value>) -> Value {
    json!({"role": role, "content": content})
}

/// What the model said. `None` for what need not be repeated.
fn said(part: &Part, left_out: &mut Vec<String>) -> Result<Option<Value>, InvalidBody> {
    match part {
        Part::Refusal(refusal) => {
            Ok(text(&Text { text: refusal.clone(), cache_point: CachePoint::None }))
        }
        Part::Text(said) => Ok(text(said)),
        Part::Thought(thought) if is_known(thought) => Ok(Some(block::thought(thought))),
        Part::Thought(_) => {
            leave_out(left_out, "thoughts");
            Ok(None)
        }
        Part::ToolCall(ToolCall { id, name, arguments, .. }) => {
            Ok(Some(block::tool_use(&call_id(id), name, arguments)))
        }
        Part::Audio(_) | Part::Document { .. } | Part::Image { .. } | Part::ToolResult(_) => {
            Err(InvalidBody::new(
                Some("messages"),
                "a message of the assistant's may hold texts and tool calls only for this provider",
            ))
        }
    }
}

/// What the model is shown, by the caller or by a tool.
fn shown(part: &Part, left_out: &mut Vec<String>) -> Result<Option<Value>, InvalidBody> {
    match part {
        Part::Document { name, source, cache_point } => {
            let mut block = json!({"type": "document", "source": document(source)?});
            if let (Some(name), Some(block)) = (name, block.as_object_mut()) {
                block.insert("title".to_owned(), json!(name));
            }
            Ok(Some(cached(block, *cache_point)))
        }
        Part::Image { source, detail, cache_point } => {
            if matches!(detail, Some(ImageDetail::High | ImageDetail::Low)) {
                leave_out(left_out, "detail");
            }
            let block = json!({"type": "image", "source": write_source(source)});
            Ok(Some(cached(block, *cache_point)))
        }
        Part::Text(said) => Ok(text(said)),
        Part::Audio(_) => Err(InvalidBody::new(
            Some("messages"),
            "this provider cannot listen: send the words as text, or choose a model that takes audio",
        )),
        Part::Refusal(_) | Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => {
            Err(InvalidBody::new(
                Some("messages"),
                "a message of the user's may hold texts, images, documents and results of tools only",
            ))
        }
    }
}

/// In the middle of a conversation, where it stays: moved to the front it would change a prefix that is cached.
fn instruction(said: &Text) -> Option<Value> {
    text(said)?;
    let wrapped = format!("<system>\n{}\n</system>", said.text);
    text(&Text { text: wrapped, cache_point: said.cache_point })
}

fn tool_result(result: &ToolResult, left_out: &mut Vec<String>) -> Result<Value, InvalidBody> {
    let mut block = Map::new();
    block.insert("type".to_owned(), json!("tool_result"));
    block.insert("tool_use_id".to_owned(), json!(call_id(&result.call_id)));
    let mut content = Vec::with_capacity(result.parts.len());
    for part in &result.parts {
        content.extend(shown(part, left_out)?);
    }
    if !content.is_empty() {
        block.insert("content".to_owned(), content.into());
    }
    if result.is_error {
        block.insert("is_error".to_owned(), json!(true));
    }
    Ok(cached(block.into(), result.cache_point))
}

/// Blank texts are refused, and say nothing.
fn text(said: &Text) -> Option<Value> {
    let is_blank = said.text.trim().is_empty();
    (!is_blank).then(|| cached(block::text(&said.text), said.cache_point))
}

fn document(source: &Source) -> Result<Value, InvalidBody> {
    match source {
        Source::Base64 { media_type, .. } if media_type != PDF => Err(InvalidBody::new(
            Some("messages"),
            "this provider reads PDF files only: send other files as text",
        )),
        _ => Ok(write_source(source)),
    }
}

fn write_source(source: &Source) -> Value {
    match source {
        Source::Base64 { media_type, data } => {
            json!({"type": "base64", "media_type": media_type, "data": data})
        }
        Source::File(id) => json!({"type": "file", "file_id": id}),
        Source::Url(url) => json!({"type": "url", "url": url}),
    }
}

fn cached(mut block: Value, cache_point: CachePoint) -> Value {
    if let (Some(told), Some(block)) = (cache_control::write(cache_point), block.as_object_mut()) {
        block.insert("cache_control".to_owned(), told);
    }
    block
}

/// An id in letters this dialect takes. The same id always becomes the same one, and different ones stay different.
fn call_id(id: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !id.is_empty() && id.bytes().all(fits) {
        return Cow::Borrowed(id);
    }
    let mut written = String::from("call_");
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() {
            written.push(char::from(byte));
        } else {
            // A String takes whatever is written to it.
            let _infallible = write!(written, "_{byte:02x}");
        }
    }
    Cow::Owned(written)
}

const PLACEHOLDER: &str = ".";
const PDF: &str = "application/pdf";
/// How what OpenAI encrypted begins, at any time.
const OPENAI_SEAL: &str = "gAAAAA";
