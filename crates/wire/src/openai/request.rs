//! One borrowed scan of a chat-completions body, and the same body cut for a provider. Knows neither what a model is
//! nor what a wish leads to; every byte it has no business with leaves as it came.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::json::{self, Flaw, Reading};

mod stream_options;
mod wishes;

use stream_options::UsageOption;
pub use wishes::Wishes;

/// A body that is JSON, names its model once, and whose bytes can be spliced.
pub struct ChatRequest {
    /// As the client wrote it, unescaped.
    pub model: String,
    pub stream: bool,
    /// The client itself asked for the usage chunk of a stream.
    pub include_usage: bool,
    pub wishes: Wishes,
    /// The client wrote `models` or `provider`, which OpenRouter understands.
    pub openrouter_wishes: bool,
    /// Invariant: the ranges below lie in `body`, at character boundaries, and do not overlap.
    body: Bytes,
    model_at: Range<usize>,
    routing_at: Option<Range<usize>>,
    ask_usage: Edit,
}

/// A body we do not forward, in words for its author. Repeats nothing of it but the name of an unknown wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidBody {
    pub param: Option<&'static str>,
    pub message: String,
}

/// These bytes give way to this text.
#[derive(Clone)]
struct Edit {
    at: Range<usize>,
    text: Bytes,
}

impl ChatRequest {
    /// Reads the whole body once; whatever is not named here is validated and otherwise left alone.
    pub fn parse(body: Bytes) -> Result<Self, InvalidBody> {
        let text = std::str::from_utf8(&body)
            .map_err(|error| InvalidBody::new(None, not_utf8(error.valid_up_to())))?;
        let [model, stream, stream_options, routing, models, provider] =
            json::members(text, &MEMBERS, Reading::Unambiguous)
                .map_err(|flaw| InvalidBody::flaw(None, flaw))?;

        let model_raw =
            model.ok_or_else(|| InvalidBody::new(Some("model"), "`model` is missing"))?;
        let model_at = json::range_in(text, model_raw.get());
        let stream = is_stream(stream)?;
        let usage = UsageOption::read(text, stream_options, stream, &model_at)?;
        let routing_at = routing.map(|value| member_cut(text, json::range_in(text, value.get())));
        let wishes = routing.map(Wishes::read).transpose()?.unwrap_or_default();

        Ok(Self {
            model: model_name(model_raw)?,
            stream,
            include_usage: usage.asked,
            wishes,
            openrouter_wishes: models.is_some() || provider.is_some(),
            model_at,
            routing_at,
            ask_usage: usage.ask,
            body,
        })
    }

    /// The body for a provider, as slices: `model` in place of the client's, our own members cut out, and, on a
    /// stream with `include_usage`, the provider asked for usage whether or not the client was.
    pub fn splice(&self, model: &str, include_usage: bool) -> Vec<Bytes> {
        let mut edits = Vec::with_capacity(3);
        edits.push(Edit {
            at: self.model_at.clone(),
            text: Bytes::from(serde_json::Value::from(model).to_string()),
        });
        edits.extend(self.routing_at.clone().map(|at| Edit { at, text: Bytes::new() }));
        if self.stream && include_usage && !self.include_usage {
            edits.push(self.ask_usage.clone());
        }
        // An insertion before a cut that starts at the same byte.
        edits.sort_by_key(|edit| (edit.at.start, edit.at.end));

        let mut slices = Vec::with_capacity(7);
        let mut from = 0;
        for Edit { at, text } in edits {
            slices.push(self.body.slice(from..at.start));
            slices.push(text);
            from = at.end;
        }
        slices.push(self.body.slice(from..));
        slices.retain(|slice| !slice.is_empty());
        slices
    }
}

/// Without the body: a prompt must not reach a log.
impl fmt::Debug for ChatRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatRequest")
            .field("model", &self.model)
            .field("stream", &self.stream)
            .field("include_usage", &self.include_usage)
            .field("wishes", &self.wishes)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl InvalidBody {
    fn new(param: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { param, message: message.into() }
    }

    /// A flaw of the body itself, or of the object called `param` in it.
    fn flaw(param: Option<&'static str>, flaw: Flaw) -> Self {
        let what = param.map_or_else(|| "the body".to_owned(), |name| format!("`{name}`"));
        let message = match flaw {
            Flaw::NotAnObject => format!("{what} must be a JSON object"),
            Flaw::NotJson { line, column } => {
                format!("{what} is not valid JSON at line {line}, column {column}")
            }
            Flaw::Trailing { line, column } => {
                format!("{what} goes on after its JSON object, at line {line}, column {column}")
            }
            Flaw::Truncated => format!("{what} ends before its JSON does"),
            Flaw::Twice(name) => {
                let message = match param {
                    Some(parent) => format!("`{parent}.{name}` is given twice"),
                    None => format!("`{name}` is given twice"),
                };
                return Self::new(param.or(Some(name)), message);
            }
            Flaw::Unknown(name) if is_a_name(&name) => format!("{what} has no field {name:?}"),
            // It may be a key that was pasted into the wrong place.
            Flaw::Unknown(_) => format!("{what} has a field that is not known here"),
        };
        Self::new(param, message)
    }
}

impl From<InvalidBody> for model::Refusal {
    fn from(invalid: InvalidBody) -> Self {
        let mut refusal = Self::new(model::Code::InvalidRequest, invalid.message);
        refusal.param = invalid.param;
        refusal
    }
}

fn is_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

const NAME_BYTES_MAX: usize = 32;

fn not_utf8(valid_bytes: usize) -> String {
    format!("the body is not UTF-8 after its first {valid_bytes} bytes")
}

fn model_name(value: &RawValue) -> Result<String, InvalidBody> {
    let name = json::string(value)
        .ok_or_else(|| InvalidBody::new(Some("model"), "`model` must be a string"))?;
    if name.is_empty() {
        return Err(InvalidBody::new(Some("model"), "`model` is empty"));
    }
    Ok(name)
}

fn is_stream(value: Option<&RawValue>) -> Result<bool, InvalidBody> {
    match value.map_or("null", RawValue::get) {
        "true" => Ok(true),
        "false" | "null" => Ok(false),
        _ => Err(InvalidBody::new(Some("stream"), "`stream` must be true or false")),
    }
}

/// The bytes to cut so that a member leaves valid JSON behind: its name, its value, and one comma where there is one.
///
/// The name must hold no quote, so that the nearest quote to the left of its end is where it starts.
fn member_cut(text: &str, value: Range<usize>) -> Range<usize> {
    let (before, after) = (text.get(..value.start), text.get(value.end..));
    let (Some(before), Some(after)) = (before, after) else {
        return value;
    };
    let name_open =
        before.rfind('"').and_then(|close| before.get(..close)?.rfind('"')).unwrap_or(value.start);
    let spaces = after.len() - after.trim_ascii_start().len();
    if after.trim_ascii_start().starts_with(',') {
        return name_open..value.end.saturating_add(spaces).saturating_add(1);
    }
    let left = before.get(..name_open).unwrap_or_default().trim_ascii_end();
    let start = if left.ends_with(',') { left.len().saturating_sub(1) } else { name_open };
    start..value.end
}

const MEMBERS: [&str; 6] = ["model", "stream", "stream_options", "routing", "models", "provider"];

#[cfg(test)]
mod tests;
