//! Watches the events of a chat stream pass: what each one is, and what was used in the end. Changes nothing, and
//! parses only what a glance cannot settle.

use memchr::memmem::Finder;
use model::{ServiceTier, Usage};
use serde_json::value::RawValue;

use super::answer;
use crate::json::{self, Reading};
use crate::provider_error::{self as error, UpstreamErrorBody};
use crate::{Seen, sse};

/// Follows one stream. Feed it every whole event, in order.
pub struct ChatMeter {
    finders: [(Finder<'static>, Calm); 4],
    usage: Option<Usage>,
    tier: Option<ServiceTier>,
    model: Option<String>,
    finished: bool,
    content_events: u64,
    content_bytes: u64,
}

/// When a needle is found and there is still nothing to parse for.
#[derive(Clone, Copy)]
enum Calm {
    /// It is no member's name, or its value is `null`.
    NotAMember,
    /// Its value is `null`; as a value itself it matters too (`"object":"error"`).
    NullOnly,
}

impl Default for ChatMeter {
    fn default() -> Self {
        Self::new()
    }
}

impl ChatMeter {
    pub fn new() -> Self {
        // Quotes included: inside a JSON string they would be escaped, so text of the model's hardly ever matches.
        Self {
            finders: [
                (Finder::new(b"\"finish_reason\""), Calm::NotAMember),
                (Finder::new(b"\"usage\""), Calm::NotAMember),
                (Finder::new(b"\"error\""), Calm::NullOnly),
                (Finder::new(b"\"base_resp\""), Calm::NotAMember),
            ],
            usage: None,
            tier: None,
            model: None,
            finished: false,
            content_events: 0,
            content_bytes: 0,
        }
    }

    pub fn see(&mut self, frame: &[u8]) -> Seen {
        let Some(data) = sse::data(frame) else {
            return Seen::Other;
        };
        let data = data.trim_ascii();
        let seen = if data == DONE {
            Seen::Done
        } else if !frame.starts_with(b"data") && sse::event(frame) == Some(b"error") {
            Seen::Error(error::parse(data))
        } else if self.is_ordinary(data) {
            Seen::Content
        } else {
            self.study(data)
        };
        if seen == Seen::Content {
            self.content_events = self.content_events.saturating_add(1);
            let bytes = u64::try_from(frame.len()).unwrap_or(u64::MAX);
            self.content_bytes = self.content_bytes.saturating_add(bytes);
        }
        seen
    }

    /// The provider's own count, the last one that came; without any, one token for each piece of the answer.
    pub fn usage(&self) -> Usage {
        let used = self.usage.unwrap_or_else(|| Usage::counted(self.content_events));
        Usage { tier: self.tier, ..used }
    }

    /// The model that answers, as soon as a chunk has said it.
    pub fn answered_by(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// A reason to stop was given, so that an end without `[DONE]` is a good end.
    pub fn finished(&self) -> bool {
        self.finished
    }

    pub fn content_events(&self) -> u64 {
        self.content_events
    }

    /// Bytes of the events that carried content, as they came: more than the text in them.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// One of the many events between the first piece of the answer and its end.
    fn is_ordinary(&self, data: &[u8]) -> bool {
        self.content_events > 0
            && !self.finished
            && self.finders.iter().all(|(needle, calm)| finds_nothing(data, needle, *calm))
    }

    fn study(&mut self, data: &[u8]) -> Seen {
        let Some(chunk) = std::str::from_utf8(data).ok().and_then(Chunk::read) else {
            // Some put even this into a list.
            let error = error::parse(data);
            let listed = data.starts_with(b"[") && error != UpstreamErrorBody::default();
            return if listed { Seen::Error(error) } else { Seen::Other };
        };
        if chunk.usage.is_some() {
            self.usage = chunk.usage;
        }
        if let Some(named) = chunk.tier {
            self.tier = answer::tier(named);
        }
        if self.model.is_none() {
            self.model = chunk.model.and_then(answer::named);
        }
        if chunk.failed {
            return Seen::Error(error::parse(data));
        }
        let after_finish = self.finished;
        self.finished |= chunk.finish;
        if chunk.content {
            Seen::Content
        } else if chunk.finish {
            Seen::Finish
        } else if chunk.plain_usage && (chunk.choices == 0 || (chunk.choices == 1 && after_finish))
        {
            Seen::UsageOnly
        } else {
            Seen::Other
        }
    }
}

fn finds_nothing(mut data: &[u8], needle: &Finder<'_>, calm: Calm) -> bool {
    while let Some(at) = needle.find(data) {
        data = data.get(at.saturating_add(needle.needle().len())..).unwrap_or_default();
        let after = data.trim_ascii_start();
        let is_calm = match (after.strip_prefix(b":"), calm) {
            (Some(value), _) => value.trim_ascii_start().starts_with(b"null"),
            (None, Calm::NotAMember) => true,
            (None, Calm::NullOnly) => false,
        };
        if !is_calm {
            return false;
        }
    }
    true
}

/// One chunk, as far as it matters here.
struct Chunk<'a> {
    choices: usize,
    content: bool,
    failed: bool,
    finish: bool,
    model: Option<&'a RawValue>,
    tier: Option<&'a RawValue>,
    usage: Option<Usage>,
    /// The usage stood at the top, where `include_usage` puts it.
    plain_usage: bool,
}

impl<'a> Chunk<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let [choices, usage, x_groq, error, object, base_resp, model, tier] =
            json::members(text, &CHUNK, Reading::Lenient).ok()?;
        let choices: Vec<&RawValue> = choices
            .and_then(|choices| serde_json::from_str(choices.get()).ok())
            .unwrap_or_default();
        let mut chunk = Self {
            choices: choices.len(),
            content: false,
            failed: error.is_some_and(json::is_telling)
                || object.is_some_and(|object| object.get() == "\"error\"")
                || base_resp.is_some_and(answer::is_refusal),
            finish: false,
            model,
            tier: tier.filter(|tier| json::is_telling(tier)),
            usage: answer::reported(usage, x_groq),
            plain_usage: usage.is_some_and(json::is_telling),
        };
        for choice in choices {
            chunk.look_at(choice);
        }
        Some(chunk)
    }

    fn look_at(&mut self, choice: &RawValue) {
        let Ok([delta, finish_reason, text, usage, error]) =
            json::members(choice.get(), &CHOICE, Reading::Lenient)
        else {
            return;
        };
        let pieces = delta
            .and_then(|delta| json::members(delta.get(), &PIECES, Reading::Lenient).ok())
            .unwrap_or_default();
        self.content |= pieces.into_iter().chain([text]).flatten().any(json::is_telling);
        // Moonshot's older models count inside the choice.
        self.usage = self.usage.or_else(|| answer::reported(usage, None));
        match finish_reason.filter(|reason| json::is_telling(reason)) {
            Some(reason) if reason.get() == "\"error\"" => self.failed = true,
            Some(_) => self.finish = true,
            None => {}
        }
        self.failed |= error.is_some_and(json::is_telling);
    }
}

const DONE: &[u8] = b"[DONE]";
const CHUNK: [&str; 8] =
    ["choices", "usage", "x_groq", "error", "object", "base_resp", "model", "service_tier"];
const CHOICE: [&str; 5] = ["delta", "finish_reason", "text", "usage", "error"];
/// Where pieces of the answer appear in a delta, under every name providers use.
const PIECES: [&str; 9] = [
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "tool_calls",
    "function_call",
    "refusal",
    "audio",
    "images",
];

#[cfg(test)]
mod tests;
