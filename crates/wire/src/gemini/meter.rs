//! Watches the events of a stream pass. Changes nothing, and parses only what a glance cannot settle.

use memchr::memmem::Finder;
use model::Usage;
use serde_json::value::RawValue;

use super::{response, usage};
use crate::json::{self, Reading};
use crate::openai::answer::named;
use crate::provider_error as error;
use crate::{Seen, sse};

/// Follows one stream. Feed it every whole event, in order.
pub struct Meter {
    /// Members that make an event more than another piece of text.
    extraordinary: [Finder<'static>; 4],
    usage_at: Finder<'static>,
    usage: Option<Usage>,
    model: Option<String>,
    finished: bool,
    content_events: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    pub fn new() -> Self {
        // Quotes included: inside a JSON string they would be escaped, so text of the model's does not match. The arguments
        // of a call are no string.
        Self {
            extraordinary: [
                Finder::new(b"\"finishReason\""),
                Finder::new(b"\"error\""),
                Finder::new(b"\"promptFeedback\""),
                Finder::new(b"\"functionCall\""),
            ],
            usage_at: Finder::new(b"\"usageMetadata\""),
            usage: None,
            model: None,
            finished: false,
            content_events: 0,
        }
    }

    pub fn see(&mut self, frame: &[u8]) -> Seen {
        let Some(data) = sse::data(frame) else {
            return Seen::Other;
        };
        let seen = if self.is_ordinary(&data) {
            self.glance_at_usage(&data);
            Seen::Content
        } else {
            self.study(&data)
        };
        if seen == Seen::Content {
            self.content_events = self.content_events.saturating_add(1);
        }
        seen
    }

    /// The provider's own count, the last one that came; without any, one token for each piece of the answer.
    pub fn usage(&self) -> Usage {
        self.usage.unwrap_or_else(|| Usage::counted(self.content_events))
    }

    /// The model that answers, as soon as an event has said it.
    pub fn answered_by(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// A reason to stop was given, so that an end is a good end: Google sends no terminator.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// One of the many events between the first piece of the answer and its end.
    fn is_ordinary(&self, data: &[u8]) -> bool {
        self.content_events > 0
            && !self.finished
            && PIECE.iter().all(|needle| memchr::memmem::find(data, needle).is_some())
            && self.extraordinary.iter().all(|needle| needle.find(data).is_none())
    }

    /// Every event counts anew what was used up to now.
    fn glance_at_usage(&mut self, data: &[u8]) {
        let Some(at) = self.usage_at.find(data) else { return };
        let after = data.get(at.saturating_add(self.usage_at.needle().len())..).unwrap_or_default();
        let Some(value) = after.trim_ascii_start().strip_prefix(b":") else { return };
        let mut values = serde_json::Deserializer::from_slice(value).into_iter::<&RawValue>();
        if let Some(Ok(block)) = values.next() {
            self.usage = usage::read(block).or(self.usage);
        }
    }

    fn study(&mut self, data: &[u8]) -> Seen {
        let Some(event) = std::str::from_utf8(data).ok().and_then(Glimpse::read) else {
            return Seen::Other;
        };
        self.usage = event.usage.or(self.usage);
        self.model = self.model.take().or(event.model);
        if event.failed {
            return Seen::Error(error::parse(data));
        }
        if let Some(reason) = event.gave_up.filter(|_| !event.content && self.content_events == 0) {
            return Seen::Error(response::gave_up(reason));
        }
        self.finished |= event.finish;
        if event.content {
            Seen::Content
        } else if event.finish {
            Seen::Finish
        } else {
            Seen::Other
        }
    }
}

/// One event, as far as it matters here.
struct Glimpse {
    content: bool,
    failed: bool,
    finish: bool,
    /// A reason to stop that is an error where nothing was said.
    gave_up: Option<&'static str>,
    usage: Option<Usage>,
    model: Option<String>,
}

impl Glimpse {
    fn read(text: &str) -> Option<Self> {
        let [candidates, usage, failure, feedback, model] =
            json::members(text, &EVENT, Reading::Lenient).ok()?;
        let candidates = list(candidates);
        let blocked = feedback.and_then(|feedback| member(feedback, "blockReason"));
        let mut glimpse = Self {
            content: false,
            failed: failure.is_some_and(json::is_telling),
            finish: candidates.is_empty() && blocked.is_some_and(json::is_telling),
            gave_up: None,
            usage: usage.and_then(usage::read),
            model: model.and_then(named),
        };
        for candidate in candidates {
            glimpse.look_at(candidate);
        }
        Some(glimpse)
    }

    fn look_at(&mut self, candidate: &RawValue) {
        let reason = member(candidate, "finishReason");
        self.finish |= reason.is_some_and(json::is_telling);
        let told = reason.and_then(json::string);
        let gave_up = response::GAVE_UP.into_iter().find(|it| Some(*it) == told.as_deref());
        self.gave_up = self.gave_up.or(gave_up);
        let parts = list(member(candidate, "content").and_then(|it| member(it, "parts")));
        self.content |= parts.into_iter().any(is_piece);
    }
}

/// Whether a part holds anything.
fn is_piece(part: &RawValue) -> bool {
    let pieces = json::members(part.get(), &PIECES, Reading::Lenient).unwrap_or_default();
    pieces.into_iter().flatten().any(json::is_telling)
}

fn member<'a>(object: &'a RawValue, name: &'static str) -> Option<&'a RawValue> {
    let [value] = json::members(object.get(), &[name], Reading::Lenient).ok()?;
    value
}

fn list(value: Option<&RawValue>) -> Vec<&RawValue> {
    value.and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

/// What an ordinary event has in it.
const PIECE: [&[u8]; 2] = [b"\"candidates\"", b"\"text\""];
const EVENT: [&str; 5] = ["candidates", "usageMetadata", "error", "promptFeedback", "modelVersion"];
const PIECES: [&str; 9] = [
    "text",
    "functionCall",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "thoughtSignature",
    "toolCall",
    "toolResponse",
];

#[cfg(test)]
mod tests;
