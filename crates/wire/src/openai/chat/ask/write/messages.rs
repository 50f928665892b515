//! The conversation so far, as this dialect's messages.

use std::borrow::Cow;

use model::catalogue::Quirks;
use serde_json::{Map, Value, json};

use super::super::super::digest;
use super::super::super::reply::tool_call;
use crate::InvalidBody;
use crate::hub::{
    Ask, CachePoint, ImageDetail, Part, Source, Text, ToolCall, ToolResult, Turn, leave_out,
};
use crate::openai::chat::unsayable::unsayable;

/// The messages written so far.
pub(super) struct Messages<'a> {
    quirks: &'a Quirks,
    left_out: &'a mut Vec<String>,
    written: Vec<Value>,
}

impl<'a> Messages<'a> {
    /// `instruction` is ours, and comes last of the caller's own.
    pub fn write(
        ask: &Ask,
        instruction: Option<String>,
        quirks: &'a Quirks,
        left_out: &'a mut Vec<String>,
    ) -> Result<Vec<Value>, InvalidBody> {
        let mut messages = Self { quirks, left_out, written: Vec::new() };
        let mut system = messages.texts(&ask.system);
        system.extend(instruction);
        messages.system(&system);
        for turn in &ask.turns {
            match turn {
                Turn::Assistant(parts) => messages.assistant(parts)?,
                Turn::System(texts) => {
                    let texts = messages.texts(texts);
                    messages.system(&texts);
                }
                Turn::User(parts) => messages.user(parts)?,
            }
        }
        Ok(messages.written)
    }

    /// As one text: not everybody takes a list here.
    fn system(&mut self, texts: &[String]) {
        if !texts.is_empty() {
            self.written.push(json!({"role": "system", "content": texts.join(PARAGRAPH)}));
        }
    }

    fn texts(&mut self, texts: &[Text]) -> Vec<String> {
        texts.iter().map(|text| self.text(text).to_owned()).collect()
    }

    fn text<'t>(&mut self, text: &'t Text) -> &'t str {
        self.cache_point(text.cache_point);
        &text.text
    }

    fn cache_point(&mut self, cache_point: CachePoint) {
        if cache_point.is_set() {
            leave_out(self.left_out, "cache_control");
        }
    }

    /// Results first, each in its own message, then whatever else the turn holds in one.
    fn user(&mut self, parts: &[Part]) -> Result<(), InvalidBody> {
        let mut content = Vec::new();
        for part in parts {
            if let Part::ToolResult(result) = part {
                content.extend(self.result(result)?);
            }
        }
        for part in parts {
            if !matches!(part, Part::ToolResult(_)) {
                content.push(self.part(part)?);
            }
        }
        if !content.is_empty() {
            let content = self.content(content);
            self.written.push(json!({"role": "user", "content": content}));
        }
        Ok(())
    }

    /// A single text is written as one, several where the provider wants it so.
    fn content(&self, parts: Vec<Value>) -> Value {
        let texts: Option<Vec<&str>> =
            parts.iter().map(|part| part.get("text").and_then(Value::as_str)).collect();
        match texts {
            Some(texts) if texts.len() == 1 || self.quirks.plain_content => {
                json!(texts.join(PARAGRAPH))
            }
            _ => Value::Array(parts),
        }
    }

    /// Of a tool's results only text fits here; the rest is handed back, to follow as the user's.
    fn result(&mut self, result: &ToolResult) -> Result<Vec<Value>, InvalidBody> {
        self.cache_point(result.cache_point);
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for part in &result.parts {
            match part {
                Part::Text(text) => texts.push(self.text(text)),
                part => others.push(self.part(part)?),
            }
        }
        if texts.is_empty() && !others.is_empty() {
            texts.push(FOLLOWS);
        }
        let failed = if result.is_error { "Error: " } else { "" };
        let content = format!("{failed}{}", texts.join(PARAGRAPH));
        let call_id = self.call_id(&result.call_id);
        self.written.push(json!({"role": "tool", "tool_call_id": call_id, "content": content}));
        Ok(others)
    }

    /// An id that the provider takes, the same every time.
    fn call_id<'i>(&self, id: &'i str) -> Cow<'i, str> {
        if self.quirks.short_call_ids { short_call_id(id) } else { call_id(id) }
    }

    fn part(&mut self, part: &Part) -> Result<Value, InvalidBody> {
        match part {
            Part::Audio(source) => audio(source),
            Part::Document { name, source, cache_point } => {
                self.cache_point(*cache_point);
                document(name.as_deref(), source)
            }
            Part::Image { source, detail, cache_point } => {
                self.cache_point(*cache_point);
                image(source, *detail)
            }
            Part::Text(text) => Ok(json!({"type": "text", "text": self.text(text)})),
            Part::Refusal(_) | Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => {
                let message = "a message of the user's holds what only the model can say";
                Err(InvalidBody::new(Some("messages"), message))
            }
        }
    }

    /// The model's own text in one piece, as it came when it was streamed.
    fn assistant(&mut self, parts: &[Part]) -> Result<(), InvalidBody> {
        let (mut text, mut refusal, mut thoughts) = (String::new(), String::new(), String::new());
        let mut calls = Vec::new();
        for part in parts {
            match part {
                Part::Refusal(words) => refusal.push_str(words),
                Part::Text(piece) => text.push_str(self.text(piece)),
                Part::Thought(thought) => {
                    thoughts.push_str(&thought.text);
                    if !self.quirks.reasoning_back {
                        leave_out(self.left_out, "messages.reasoning_content");
                    }
                }
                Part::ToolCall(call) => {
                    // Whoever reads Gemini's proofs is spoken to in Gemini's dialect; others refuse them.
                    if call.signature.is_some() {
                        leave_out(self.left_out, "thought_signature");
                    }
                    let id = self.call_id(&call.id).into_owned();
                    calls.push(tool_call(&ToolCall { id, signature: None, ..call.clone() }));
                }
                Part::Audio(_) | Part::Document { .. } | Part::Image { .. } => {
                    return Err(unsayable(
                        "messages",
                        "anything but text in an assistant's message",
                    ));
                }
                Part::ToolResult(_) => {
                    let message = "a message of the assistant's holds a tool's result";
                    return Err(InvalidBody::new(Some("messages"), message));
                }
            }
        }
        let nothing_said = text.is_empty() && refusal.is_empty() && calls.is_empty();
        if nothing_said && (thoughts.is_empty() || !self.quirks.reasoning_back) {
            return Ok(());
        }
        let mut message = Map::new();
        message.insert("role".to_owned(), json!("assistant"));
        let silent = text.is_empty() && !nothing_said;
        message.insert("content".to_owned(), if silent { Value::Null } else { json!(text) });
        if !refusal.is_empty() {
            message.insert("refusal".to_owned(), json!(refusal));
        }
        if self.quirks.reasoning_back {
            // Whoever wants thoughts back refuses a message without, and an empty one.
            let thoughts = if thoughts.trim().is_empty() { " " } else { &thoughts };
            message.insert("reasoning_content".to_owned(), json!(thoughts));
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        self.written.push(Value::Object(message));
        Ok(())
    }
}

/// An id that OpenAI takes: where it is too long, its beginning and a digest of all of it, the same every time.
fn call_id(id: &str) -> Cow<'_, str> {
    if id.len() <= CALL_ID_BYTES_MAX {
        return Cow::Borrowed(id);
    }
    let digest = digest(id.as_bytes());
    let digest = format!("_{digest:016x}");
    let begin: String =
        id.chars().filter(char::is_ascii).take(CALL_ID_BYTES_MAX - digest.len()).collect();
    Cow::Owned(begin + &digest)
}

/// An id of nine letters or digits: where it is another, they are a digest of it.
fn short_call_id(id: &str) -> Cow<'_, str> {
    if id.len() == SHORT_CALL_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(id);
    }
    let rest = std::iter::successors(Some(digest(id.as_bytes())), |rest| Some(rest / RADIX));
    let letters = rest.filter_map(|rest| char::from_digit((rest % RADIX) as u32, RADIX as u32));
    Cow::Owned(letters.take(SHORT_CALL_ID_BYTES).collect())
}

fn audio(source: &Source) -> Result<Value, InvalidBody> {
    let Source::Base64 { media_type, data } = source else {
        return Err(unsayable("messages", "sound that is not in the request itself"));
    };
    let format = match media_type.as_str() {
        "audio/mp3" | "audio/mpeg" => "mp3",
        "audio/wav" | "audio/wave" | "audio/x-wav" => "wav",
        _ => return Err(unsayable("messages", "sound that is neither WAV nor MP3")),
    };
    Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
}

fn document(name: Option<&str>, source: &Source) -> Result<Value, InvalidBody> {
    let mut file = Map::new();
    match source {
        Source::Base64 { media_type, data } => {
            file.insert("file_data".to_owned(), json!(format!("data:{media_type};base64,{data}")));
            // OpenAI refuses data without a name.
            file.insert("filename".to_owned(), json!(name.unwrap_or("document.pdf")));
        }
        Source::File(id) => {
            file.insert("file_id".to_owned(), json!(id));
        }
        Source::Url(_) => return Err(unsayable("messages", "a document behind an address")),
    }
    Ok(json!({"type": "file", "file": file}))
}

fn image(source: &Source, detail: Option<ImageDetail>) -> Result<Value, InvalidBody> {
    let url = match source {
        Source::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::File(_) => return Err(unsayable("messages", "an image behind a file's id")),
        Source::Url(url) => url.clone(),
    };
    let mut image = Map::from_iter([("url".to_owned(), json!(url))]);
    if let Some(detail) = detail {
        let detail = match detail {
            ImageDetail::Auto => "auto",
            ImageDetail::High => "high",
            ImageDetail::Low => "low",
        };
        image.insert("detail".to_owned(), json!(detail));
    }
    Ok(json!({"type": "image_url", "image_url": image}))
}

const PARAGRAPH: &str = "\n\n";
const FOLLOWS: &str = "The result follows in the next message.";
const CALL_ID_BYTES_MAX: usize = 40;
const SHORT_CALL_ID_BYTES: usize = 9;
const RADIX: u64 = 36;
