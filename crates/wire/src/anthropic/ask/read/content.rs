//! The blocks of a caller's messages.

use serde_json::Value;

use super::WAY_OUT;
use crate::InvalidBody;
use crate::anthropic::proof;
use crate::cache_control;
use crate::hub::{CachePoint, Part, Source, Text, Thought, ToolCall, ToolResult, leave_out};
use crate::members::{Members, invalid, param, quoted};

/// Where blocks stand, and what of them was left out.
pub(super) struct Blocks<'a> {
    pub place: &'static str,
    pub left_out: &'a mut Vec<String>,
}

impl Blocks<'_> {
    pub fn assistant(&mut self, content: Value) -> Result<Vec<Part>, InvalidBody> {
        self.parts(content, |blocks, kind, block| match kind {
            "redacted_thinking" => Ok(vec![sealed(block)?]),
            "text" => Ok(vec![text(block)?]),
            "thinking" => Ok(vec![thought(block)?]),
            "tool_use" => Ok(vec![tool_call(block)?]),
            _ => Err(blocks.stranger(kind)),
        })
    }

    pub fn user(&mut self, content: Value) -> Result<Vec<Part>, InvalidBody> {
        self.parts(content, |blocks, kind, block| match kind {
            "tool_result" => Ok(vec![blocks.tool_result(block)?]),
            _ => blocks.shown(kind, block),
        })
    }

    pub fn texts(&mut self, content: Value) -> Result<Vec<Text>, InvalidBody> {
        let parts = self.parts(content, |blocks, kind, block| match kind {
            "text" => Ok(vec![text(block)?]),
            _ => Err(blocks.stranger(kind)),
        })?;
        let texts = parts.into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// What a model may be shown: in a message, as the result of a tool, or as the content of a document.
    fn shown(&mut self, kind: &str, block: &mut Members) -> Result<Vec<Part>, InvalidBody> {
        match kind {
            "document" => self.document(block),
            "image" => Ok(vec![self.image(block)?]),
            "text" => Ok(vec![text(block)?]),
            _ => Err(self.stranger(kind)),
        }
    }

    /// Content is a text, or blocks that `read` knows by their type. What it leaves of a block is told.
    fn parts(
        &mut self,
        content: Value,
        mut read: impl FnMut(&mut Self, &str, &mut Members) -> Result<Vec<Part>, InvalidBody>,
    ) -> Result<Vec<Part>, InvalidBody> {
        let blocks = match content {
            Value::Array(blocks) => blocks,
            Value::String(text) => {
                return Ok(vec![Part::Text(Text { text, cache_point: CachePoint::None })]);
            }
            _ => return Err(invalid(self.place, "a string or a list of blocks")),
        };
        let mut parts = Vec::with_capacity(blocks.len());
        for block in blocks {
            let mut block = Members::of(block, self.place)?;
            let kind = block.needed_text("type")?;
            parts.extend(read(self, &kind, &mut block)?);
            block.leave_out(self.left_out);
        }
        Ok(parts)
    }

    fn tool_result(&mut self, block: &mut Members) -> Result<Part, InvalidBody> {
        let id = block.needed_text("tool_use_id")?;
        let parts = match block.take("content") {
            Some(content) => self.parts(content, Self::shown)?,
            None => Vec::new(),
        };
        Ok(Part::ToolResult(ToolResult {
            call_id: proof::split_call_id(&id).0.to_owned(),
            name: None,
            parts,
            is_error: block.yes("is_error")?.unwrap_or_default(),
            cache_point: cache_point(block),
        }))
    }

    fn image(&mut self, block: &mut Members) -> Result<Part, InvalidBody> {
        let cache_point = cache_point(block);
        let mut source = needed_source(block)?;
        let kind = source.needed_text("type")?;
        let image = Part::Image { source: bytes(&kind, &mut source)?, detail: None, cache_point };
        source.leave_out(self.left_out);
        Ok(image)
    }

    /// A document that is mere text is read as such; others have no place for it.
    fn document(&mut self, block: &mut Members) -> Result<Vec<Part>, InvalidBody> {
        let name = block.text("title")?;
        let cache_point = cache_point(block);
        let mut source = needed_source(block)?;
        let kind = source.needed_text("type")?;
        let parts = match kind.as_str() {
            "content" => {
                let content = source.take("content");
                let content = content.ok_or_else(|| source.invalid("content", "a list"))?;
                titled(name, self.parts(content, Self::shown)?)
            }
            "text" => {
                source.text("media_type")?;
                let text = Text { text: source.needed_text("data")?, cache_point };
                titled(name, vec![Part::Text(text)])
            }
            _ => vec![Part::Document { name, source: bytes(&kind, &mut source)?, cache_point }],
        };
        source.leave_out(self.left_out);
        // To be asked for citations is not to be asked for another answer.
        if let Some(citations) = block.inner("citations", "messages.content.citations")?.as_mut()
            && citations.yes("enabled")? == Some(true)
        {
            leave_out(self.left_out, "messages.content.citations");
        }
        Ok(parts)
    }

    fn stranger(&self, kind: &str) -> InvalidBody {
        let (place, kind) = (self.place, quoted(kind));
        let message =
            format!("`{place}` holds a block of a type {kind}, which cannot stand here: {WAY_OUT}");
        InvalidBody::new(param(place), message)
    }
}

fn text(block: &mut Members) -> Result<Part, InvalidBody> {
    let text = block.needed_text("text")?;
    Ok(Part::Text(Text { text, cache_point: cache_point(block) }))
}

fn thought(block: &mut Members) -> Result<Part, InvalidBody> {
    let text = block.needed_text("thinking")?;
    Ok(Part::Thought(proof::thought(text, block.text("signature")?)))
}

fn sealed(block: &mut Members) -> Result<Part, InvalidBody> {
    let sealed = Some(block.needed_text("data")?);
    Ok(Part::Thought(Thought { sealed, ..Thought::default() }))
}

fn tool_call(block: &mut Members) -> Result<Part, InvalidBody> {
    let id = block.needed_text("id")?;
    let (id, signature) = proof::split_call_id(&id);
    let name = block.needed_text("name")?;
    let arguments = block.take("input").map_or_else(|| "{}".to_owned(), |input| input.to_string());
    // Who called it; never anybody but the model, where no server tools are.
    block.take("caller");
    Ok(Part::ToolCall(ToolCall { id: id.to_owned(), name, arguments, signature }))
}

fn needed_source(block: &mut Members) -> Result<Members, InvalidBody> {
    let source = block.inner("source", "messages.content.source")?;
    source.ok_or_else(|| block.invalid("source", "an object"))
}

fn bytes(kind: &str, source: &mut Members) -> Result<Source, InvalidBody> {
    match kind {
        "base64" => Ok(Source::Base64 {
            media_type: source.needed_text("media_type")?,
            data: source.needed_text("data")?,
        }),
        "file" => source.needed_text("file_id").map(Source::File),
        "url" => source.needed_text("url").map(Source::Url),
        _ => Err(source.invalid("type", "\"base64\", \"url\" or \"file\"")),
    }
}

/// The title becomes a text before the others.
fn titled(title: Option<String>, parts: Vec<Part>) -> Vec<Part> {
    let title = title.map(|text| Part::Text(Text { text, cache_point: CachePoint::None }));
    title.into_iter().chain(parts).collect()
}

fn cache_point(block: &mut Members) -> CachePoint {
    cache_control::read(block.take("cache_control"))
}
