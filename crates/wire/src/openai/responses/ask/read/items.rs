//! The items of `input`, gathered into turns.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::fields::{Fields, NOT_HERE, leave_out};
use crate::InvalidBody;
use crate::hub::{
    CachePoint, ImageDetail, Part, Source, Text, Thought, ToolCall, ToolResult, Turn,
};
use crate::openai::responses::proof;

/// A conversation as far as it is read.
pub(super) struct Conversation<'a> {
    pub system: Vec<Text>,
    pub turns: Vec<Turn>,
    /// Of the tools that were called, by the call's id: results do not say it.
    tool_names: HashMap<String, String>,
    /// Gemini's, by the ids of the calls that follow.
    call_proofs: HashMap<String, String>,
    left_out: &'a mut Vec<String>,
}

impl<'a> Conversation<'a> {
    pub fn read(
        instructions: Option<String>,
        body: &mut Fields,
        left_out: &'a mut Vec<String>,
    ) -> Result<Self, InvalidBody> {
        let system = instructions.into_iter().filter(|text| !text.is_empty()).map(plain).collect();
        let mut conversation = Self {
            system,
            turns: Vec::new(),
            tool_names: HashMap::new(),
            call_proofs: HashMap::new(),
            left_out,
        };
        match body.take("input") {
            None => return Err(body.must_be("input", INPUT)),
            Some(Value::String(text)) => {
                conversation.turns.push(Turn::User(vec![Part::Text(plain(text))]));
            }
            Some(Value::Array(items)) => {
                for (at, item) in items.into_iter().enumerate() {
                    conversation.item(Fields::of(item, "input", format!("input[{at}]"))?)?;
                }
            }
            Some(_) => return Err(body.must_be("input", INPUT)),
        }
        Ok(conversation)
    }

    fn item(&mut self, mut item: Fields) -> Result<(), InvalidBody> {
        item.skip(&["id", "status"]);
        item.leave_out(&ITEM_HINTS, self.left_out);
        let kind = item.text("type")?;
        match kind.as_deref().unwrap_or("message") {
            "message" => self.message(&mut item)?,
            "reasoning" => self.reasoning(&mut item)?,
            "function_call" => {
                let arguments = item.text("arguments")?.filter(|text| !text.trim().is_empty());
                self.call(&mut item, arguments.unwrap_or_else(|| "{}".to_owned()))?;
            }
            // Of a tool that takes any text: the nearest that all dialects can say.
            "custom_tool_call" => {
                let arguments = json!({"input": item.needed_text("input")?}).to_string();
                self.call(&mut item, arguments)?;
            }
            "function_call_output" | "custom_tool_call_output" => self.result(&mut item)?,
            // What a provider once found; the answer that followed says it.
            found @ ("tool_search_call" | "tool_search_output" | "web_search_call") => {
                leave_out(format!("input.{found}"), self.left_out);
                return Ok(());
            }
            _ => {
                let message = format!("`{}` is of a type that {NOT_HERE}", item.place());
                return Err(InvalidBody::new(Some("input"), message));
            }
        }
        item.end()
    }

    fn message(&mut self, item: &mut Fields) -> Result<(), InvalidBody> {
        let role = item.needed_text("role")?;
        let parts = self.contents(item, "content")?;
        match role.as_str() {
            _ if parts.is_empty() => {}
            "assistant" => parts.into_iter().for_each(|part| self.assistant(part)),
            "user" => self.turns.push(Turn::User(parts)),
            "developer" | "system" => {
                let text = |part| match part {
                    Part::Text(text) => Ok(text),
                    _ => Err(item
                        .must_be("content", "text, where the role is \"developer\" or \"system\"")),
                };
                let texts = parts.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
                if self.turns.is_empty() {
                    self.system.extend(texts);
                } else {
                    self.turns.push(Turn::System(texts));
                }
            }
            _ => {
                return Err(
                    item.must_be("role", "\"user\", \"assistant\", \"developer\" or \"system\"")
                );
            }
        }
        Ok(())
    }

    fn reasoning(&mut self, item: &mut Fields) -> Result<(), InvalidBody> {
        let mut texts = |name| {
            let parts = item.objects(name)?.into_iter().map(|mut part| {
                let text = part.needed_text("text")?;
                part.skip(&["type"]);
                part.end().map(|()| text)
            });
            parts.collect::<Result<Vec<_>, InvalidBody>>()
        };
        let (summary, whole) = (texts("summary")?.join("\n\n"), texts("content")?.concat());
        let text = if whole.is_empty() { summary } else { whole };
        let mut thought = Thought { text, ..Thought::default() };
        if let Some(content) = item.text("encrypted_content")? {
            if let Some((call_id, signature)) = proof::call_of(&content) {
                self.call_proofs.insert(call_id.to_owned(), signature.to_owned());
            } else if !proof::unwrap_into(&mut thought, &content) {
                leave_out("input.encrypted_content".to_owned(), self.left_out);
            }
        }
        if thought != Thought::default() {
            self.assistant(Part::Thought(thought));
        }
        Ok(())
    }

    fn call(&mut self, item: &mut Fields, arguments: String) -> Result<(), InvalidBody> {
        let (id, name) = (item.needed_text("call_id")?, item.needed_text("name")?);
        self.tool_names.insert(id.clone(), name.clone());
        let signature = self.call_proofs.remove(&id);
        self.assistant(Part::ToolCall(ToolCall { id, name, arguments, signature }));
        Ok(())
    }

    /// Results in a row are one turn: they answer the calls of one.
    fn result(&mut self, item: &mut Fields) -> Result<(), InvalidBody> {
        let call_id = item.needed_text("call_id")?;
        let told_name = item.text("name")?;
        let result = Part::ToolResult(ToolResult {
            name: self.tool_names.get(&call_id).cloned().or(told_name),
            call_id,
            parts: self.contents(item, "output")?,
            is_error: false,
            cache_point: CachePoint::None,
        });
        match self.turns.last_mut() {
            Some(Turn::User(parts)) if matches!(parts.last(), Some(Part::ToolResult(_))) => {
                parts.push(result);
            }
            _ => self.turns.push(Turn::User(vec![result])),
        }
        Ok(())
    }

    /// Thoughts, texts and calls in a row are one turn, however many items they came in.
    fn assistant(&mut self, part: Part) {
        match self.turns.last_mut() {
            Some(Turn::Assistant(parts)) => parts.push(part),
            _ => self.turns.push(Turn::Assistant(vec![part])),
        }
    }

    /// A text, or a list of parts.
    fn contents(
        &mut self,
        item: &mut Fields,
        name: &'static str,
    ) -> Result<Vec<Part>, InvalidBody> {
        match item.take(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![Part::Text(plain(text))]),
            Some(Value::Array(parts)) => {
                let parts = parts.into_iter().enumerate().map(|(at, part)| {
                    let place = format!("{}.{name}[{at}]", item.place());
                    self.content(Fields::of(part, "input", place)?)
                });
                parts.collect()
            }
            Some(_) => Err(item.must_be(name, "a string or a list of parts")),
        }
    }

    fn content(&mut self, mut part: Fields) -> Result<Part, InvalidBody> {
        part.leave_out(&PART_HINTS, self.left_out);
        let read = match part.needed_text("type")?.as_str() {
            "input_text" | "output_text" | "text" => Part::Text(plain(part.needed_text("text")?)),
            "refusal" => Part::Refusal(part.needed_text("refusal")?),
            "input_image" => Part::Image {
                source: source(&mut part, "image_url")?,
                detail: self.detail(&mut part)?,
                cache_point: CachePoint::None,
            },
            "input_file" => {
                part.leave_out(&["detail"], self.left_out);
                let name = part.text("filename")?;
                let from = match part.text("file_data")? {
                    Some(data) => {
                        inline(&data).ok_or_else(|| part.must_be("file_data", DATA_URL))?
                    }
                    None => source(&mut part, "file_url")?,
                };
                Part::Document { name, source: from, cache_point: CachePoint::None }
            }
            _ => {
                let message = format!("`{}` is of a type that {NOT_HERE}", part.place());
                return Err(InvalidBody::new(Some("input"), message));
            }
        };
        part.end()?;
        Ok(read)
    }

    fn detail(&mut self, part: &mut Fields) -> Result<Option<ImageDetail>, InvalidBody> {
        Ok(match part.text("detail")?.as_deref() {
            None => None,
            Some("auto") => Some(ImageDetail::Auto),
            Some("high") => Some(ImageDetail::High),
            Some("low") => Some(ImageDetail::Low),
            // Not scaled down at all, which only some of OpenAI's models know.
            Some("original") => {
                leave_out("input.detail".to_owned(), self.left_out);
                Some(ImageDetail::High)
            }
            Some(_) => {
                return Err(part.must_be("detail", "\"auto\", \"low\", \"high\" or \"original\""));
            }
        })
    }
}

/// An address, what the address itself holds, or a file that was sent before.
fn source(part: &mut Fields, url_name: &'static str) -> Result<Source, InvalidBody> {
    let file = part.text("file_id")?;
    match (part.text(url_name)?, file) {
        (Some(url), None) if url.starts_with("data:") => {
            inline(&url).ok_or_else(|| part.must_be(url_name, DATA_URL))
        }
        (Some(url), None) => Ok(Source::Url(url)),
        (None, Some(id)) => Ok(Source::File(id)),
        _ => Err(part.must_be(url_name, "given, or `file_id` in its place")),
    }
}

/// `data:image/png;base64,...`
fn inline(url: &str) -> Option<Source> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?.split(';').next()?;
    Some(Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}

fn plain(text: String) -> Text {
    Text { text, cache_point: CachePoint::None }
}

const INPUT: &str = "a string or a list of items";
const DATA_URL: &str = "a data URL in base64, as `data:application/pdf;base64,..`";
/// What OpenAI and Codex note on items for themselves.
const ITEM_HINTS: [&str; 6] = [
    "cache_control",
    "end_turn",
    "internal_chat_message_metadata_passthrough",
    "metadata",
    "namespace",
    "phase",
];
const PART_HINTS: [&str; 3] = ["annotations", "cache_control", "logprobs"];
