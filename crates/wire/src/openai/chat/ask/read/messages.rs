//! The conversation so far, out of this dialect's messages.

use std::collections::HashMap;

use serde_json::Value;

use super::super::super::assistant;
use crate::InvalidBody;
use crate::cache_control;
use crate::hub::{CachePoint, ImageDetail, Part, Source, Text, ToolResult, Turn, leave_out};
use crate::members::{Members, invalid};
use crate::openai::chat::unsayable::refused;

/// What the messages read so far come to.
#[derive(Default)]
pub(super) struct Conversation {
    pub system: Vec<Text>,
    pub turns: Vec<Turn>,
    /// Of the tools that were called, by the call's id: results need not repeat them.
    tool_names: HashMap<String, String>,
}

impl Conversation {
    pub fn read(messages: Vec<Value>, left_out: &mut Vec<String>) -> Result<Self, InvalidBody> {
        let mut conversation = Self::default();
        for message in messages {
            conversation.add(Members::of(message, "messages")?, left_out)?;
        }
        Ok(conversation)
    }

    fn add(&mut self, mut message: Members, left_out: &mut Vec<String>) -> Result<(), InvalidBody> {
        match message.needed_text("role")?.as_str() {
            "assistant" => return self.add_assistant(message, left_out),
            "developer" | "system" => {
                let texts = system(&mut message)?;
                match self.turns.is_empty() {
                    true => self.system.extend(texts),
                    false => self.turns.push(Turn::System(texts)),
                }
            }
            "tool" => self.add_result(&mut message)?,
            "user" => {
                let parts = content(&mut message)?;
                match self.turns.last_mut() {
                    // With the results it comes along with, as dialects have it where they share a message.
                    Some(Turn::User(results)) if ends_in_result(results) => results.extend(parts),
                    _ => self.turns.push(Turn::User(parts)),
                }
            }
            "function" => return Err(refused("messages.role", "the old role `function`")),
            _ => return Err(message.invalid("role", ROLES)),
        }
        if message.take("name").is_some() {
            leave_out(left_out, "messages.name");
        }
        message.end()
    }

    /// What else stands in an assistant's message was told by whoever answered, and nobody needs it back.
    fn add_assistant(
        &mut self,
        mut message: Members,
        left_out: &mut Vec<String>,
    ) -> Result<(), InvalidBody> {
        if message.take("function_call").is_some() {
            return Err(refused("messages.function_call", "an old function call"));
        }
        if message.take("audio").is_some() {
            return Err(refused("messages.audio", "anything but text"));
        }
        let cache_point = cache_control::read(message.take("cache_control"));
        let mut parts = assistant::parts(&mut message, |_| None)?;
        mark_cached(&mut parts, cache_point);
        for part in &parts {
            if let Part::ToolCall(call) = part {
                self.tool_names.insert(call.id.clone(), call.name.clone());
            }
        }
        if !parts.is_empty() {
            self.turns.push(Turn::Assistant(parts));
        }
        // An empty list, which OpenAI's SDKs send back as they got it.
        message.list("annotations")?;
        message.leave_out(left_out);
        Ok(())
    }

    /// All results of one turn of the model's belong into one turn.
    fn add_result(&mut self, message: &mut Members) -> Result<(), InvalidBody> {
        let call_id = message.needed_text("tool_call_id")?;
        let named = message.text("name")?;
        let mut parts = content(message)?;
        let cache_point = parts.iter_mut().fold(CachePoint::None, |cache_point, part| match part {
            Part::Text(text) => std::mem::take(&mut text.cache_point).max(cache_point),
            _ => cache_point,
        });
        let result = Part::ToolResult(ToolResult {
            name: named.or_else(|| self.tool_names.get(&call_id).cloned()),
            call_id,
            parts,
            is_error: false,
            cache_point,
        });
        match self.turns.last_mut() {
            Some(Turn::User(results)) if ends_in_result(results) => results.push(result),
            _ => self.turns.push(Turn::User(vec![result])),
        }
        Ok(())
    }
}

fn ends_in_result(parts: &[Part]) -> bool {
    matches!(parts.last(), Some(Part::ToolResult(_)))
}

fn system(message: &mut Members) -> Result<Vec<Text>, InvalidBody> {
    let text = |part| match part {
        Part::Text(text) => Ok(text),
        _ => Err(invalid("messages.content", "text where the role is \"system\"")),
    };
    content(message)?.into_iter().map(text).collect()
}

/// A text, or a list of parts. A cache point on the message is one on its last part.
fn content(message: &mut Members) -> Result<Vec<Part>, InvalidBody> {
    let mut parts = match message.take("content") {
        Some(Value::String(text)) => vec![Part::Text(Text { text, cache_point: CachePoint::None })],
        Some(Value::Array(parts)) => parts.into_iter().map(part).collect::<Result<_, _>>()?,
        _ => return Err(message.invalid("content", "a string or a list")),
    };
    let cache_point = cache_control::read(message.take("cache_control"));
    mark_cached(&mut parts, cache_point);
    Ok(parts)
}

fn mark_cached(parts: &mut [Part], cache_point_here: CachePoint) {
    if let Some(
        Part::Text(Text { cache_point, .. })
        | Part::Image { cache_point, .. }
        | Part::Document { cache_point, .. },
    ) = parts.last_mut()
    {
        *cache_point = cache_point_here.max(*cache_point);
    }
}

fn part(part: Value) -> Result<Part, InvalidBody> {
    let mut part = Members::of(part, "messages.content")?;
    let cache_point = cache_control::read(part.take("cache_control"));
    let inner = |part: &mut Members, name, place| {
        let inner = part.inner(name, place)?;
        inner.ok_or_else(|| part.invalid(name, "an object"))
    };
    let read = match part.needed_text("type")?.as_str() {
        "file" => {
            let mut file = inner(&mut part, "file", "messages.content.file")?;
            let read = document(&mut file, cache_point)?;
            file.end()?;
            read
        }
        "image_url" => {
            let mut image = inner(&mut part, "image_url", "messages.content.image_url")?;
            let source = source(image.needed_text("url")?)?;
            let read = Part::Image { source, detail: detail(&mut image)?, cache_point };
            image.end()?;
            read
        }
        "input_audio" => {
            let mut audio = inner(&mut part, "input_audio", "messages.content.input_audio")?;
            let (data, format) = (audio.needed_text("data")?, audio.needed_text("format")?);
            audio.end()?;
            let kind = if format == "mp3" { "mpeg" } else { format.as_str() };
            Part::Audio(Source::Base64 { media_type: format!("audio/{kind}"), data })
        }
        "text" => Part::Text(Text { text: part.needed_text("text")?, cache_point }),
        _ => {
            return Err(
                part.invalid("type", "\"text\", \"image_url\", \"input_audio\" or \"file\"")
            );
        }
    };
    part.end()?;
    Ok(read)
}

fn document(file: &mut Members, cache_point: CachePoint) -> Result<Part, InvalidBody> {
    let name = file.text("filename")?;
    let source = match (file.text("file_data")?, file.text("file_id")?) {
        (Some(data), _) if data.starts_with("data:") => source(data)?,
        (Some(data), _) => Source::Base64 { media_type: PDF.to_owned(), data },
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(file.invalid("file_data", "a string, unless `file_id` is one")),
    };
    Ok(Part::Document { name, source, cache_point })
}

fn detail(image: &mut Members) -> Result<Option<ImageDetail>, InvalidBody> {
    match image.text("detail")?.as_deref() {
        None => Ok(None),
        Some("auto") => Ok(Some(ImageDetail::Auto)),
        Some("high") => Ok(Some(ImageDetail::High)),
        Some("low") => Ok(Some(ImageDetail::Low)),
        Some(_) => Err(image.invalid("detail", "\"auto\", \"low\" or \"high\"")),
    }
}

/// `data:image/png;base64,...`, or an address that the provider fetches.
fn source(url: String) -> Result<Source, InvalidBody> {
    let Some(data) = url.strip_prefix("data:") else { return Ok(Source::Url(url)) };
    match data.split_once(";base64,") {
        Some((media_type, data)) if !media_type.is_empty() => {
            Ok(Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
        }
        _ => Err(invalid("messages.content", "free of data URLs that are not base64")),
    }
}

const ROLES: &str = "\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"";
const PDF: &str = "application/pdf";
