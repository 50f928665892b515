//! Watches the events of a stream pass. Changes nothing, and parses only what a glance cannot settle.

use memchr::memmem::Finder;
use model::Usage;
use serde_json::value::RawValue;

use super::answer;
use super::usage::Counts;
use crate::json::{self, Reading};
use crate::openai::answer::named;
use crate::provider_error as error;
use crate::{Seen, sse};

/// Follows one stream. Feed it every whole event, in order.
pub struct Meter {
    delta: Finder<'static>,
    /// What must not stand in an event for it to be a piece of the answer and nothing else.
    more: [Finder<'static>; 4],
    counts: Counts,
    model: Option<String>,
    /// The count at the end of the answer came, not only the one at its beginning.
    counted: bool,
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
        // Quotes included: inside a JSON string they would be escaped, so text of the model's hardly ever matches.
        let more: [&[u8]; 4] = [b"\"usage\"", b"\"error\"", b"\"base_resp\"", b"\"message_"];
        Self {
            delta: Finder::new(b"\"content_block_delta\""),
            more: more.map(Finder::new),
            counts: Counts::default(),
            model: None,
            counted: false,
            finished: false,
            content_events: 0,
        }
    }

    pub fn see(&mut self, frame: &[u8]) -> Seen {
        let Some(data) = sse::data(frame) else {
            return Seen::Other;
        };
        let data = data.trim_ascii();
        let seen = if self.is_ordinary(data) {
            Seen::Content
        } else {
            self.study(data, sse::event(frame).unwrap_or_default())
        };
        if seen == Seen::Content {
            self.content_events = self.content_events.saturating_add(1);
        }
        seen
    }

    /// The provider's own count. Where its last one did not come, one token for each piece of the answer.
    pub fn usage(&self) -> Usage {
        let told = self.counts.usage().unwrap_or_default();
        if self.counted {
            return told;
        }
        let output_tokens = told.output_tokens.max(Some(self.content_events));
        Usage { output_tokens, estimated: true, ..told }
    }

    /// The model that answers, as the first event says it.
    pub fn answered_by(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// A reason to stop was given, so that an end without `message_stop` is a good end.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// One of the many events between the first piece of the answer and its end.
    fn is_ordinary(&self, data: &[u8]) -> bool {
        self.content_events > 0
            && self.delta.find(data).is_some()
            && self.more.iter().all(|needle| needle.find(data).is_none())
    }

    fn study(&mut self, data: &[u8], event: &[u8]) -> Seen {
        let members = std::str::from_utf8(data)
            .ok()
            .and_then(|text| json::members(text, &EVENT, Reading::Lenient).ok());
        let Some([kind, message, delta, block, usage, error, base_resp]) = members else {
            return if event == b"error" { Seen::Error(error::parse(data)) } else { Seen::Other };
        };
        let kind = kind.and_then(json::string);
        let kind = kind.as_deref().map_or(event, str::as_bytes);
        if kind == b"error"
            || error.is_some_and(json::is_telling)
            || base_resp.is_some_and(answer::is_refusal)
        {
            return Seen::Error(error::parse(data));
        }
        match kind {
            b"content_block_delta" => Seen::Content,
            b"content_block_start" if block.is_some_and(is_content) => Seen::Content,
            b"message_delta" => self.see_end(delta, usage),
            b"message_start" => {
                let usage = message.and_then(|message| member(message, "usage"));
                self.counts.update(usage.map(Counts::read).unwrap_or_default());
                self.model = message.and_then(|message| member(message, "model")).and_then(named);
                Seen::Other
            }
            b"message_stop" => Seen::Done,
            _ => Seen::Other,
        }
    }

    fn see_end(&mut self, delta: Option<&RawValue>, usage: Option<&RawValue>) -> Seen {
        if let Some(counts) = usage.map(Counts::read).filter(|counts| counts.usage().is_some()) {
            self.counts.update(counts);
            self.counted = true;
        }
        let reason = delta.and_then(|delta| member(delta, "stop_reason"));
        if reason.is_some_and(json::is_telling) {
            self.finished = true;
            return Seen::Finish;
        }
        Seen::Other
    }
}

/// Blocks of text and thought begin empty; all others say something with their beginning.
fn is_content(block: &RawValue) -> bool {
    let kind = member(block, "type").and_then(json::string);
    !matches!(kind.as_deref(), None | Some("text" | "thinking"))
}

fn member<'a>(object: &'a RawValue, name: &'static str) -> Option<&'a RawValue> {
    let [member] = json::members(object.get(), &[name], Reading::Lenient).ok()?;
    member
}

const EVENT: [&str; 7] =
    ["type", "message", "delta", "content_block", "usage", "error", "base_resp"];

#[cfg(test)]
mod tests;
