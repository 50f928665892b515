//! A stream in one dialect becomes the same stream in another, event by event.

use bytes::Bytes;
use model::{Dialect, Refusal, Usage};

use super::names::Names;
use crate::hub::{Echo, Event};
use crate::openai::{chat, responses};
use crate::provider_error::UpstreamErrorBody;
use crate::{anthropic, gemini};

/// Follows one stream. Feed it every whole event, in order, then its end.
pub struct StreamTranslator {
    reader: Reader,
    writer: Writer,
    names: Names,
    events: Vec<Event>,
    /// What of the answer came up to now: some writers keep it all, to say it once more in the end.
    kept_bytes: usize,
    has_usage: bool,
    has_failed: bool,
}

enum Reader {
    Anthropic(anthropic::events::Reader),
    Chat(chat::events::Reader),
    Gemini(gemini::events::Reader),
    Responses(responses::events::Reader),
}

enum Writer {
    Anthropic(anthropic::events::Writer),
    Chat(chat::events::Writer),
    Gemini(gemini::events::Writer),
    Responses(responses::events::Writer),
}

impl StreamTranslator {
    pub fn new(from: Dialect, to: Dialect, echo: &Echo<'_>) -> Self {
        let reader = match from {
            Dialect::Anthropic => Reader::Anthropic(anthropic::events::Reader::new()),
            Dialect::Chat => Reader::Chat(chat::events::Reader::new()),
            Dialect::Gemini => Reader::Gemini(gemini::events::Reader::new()),
            Dialect::Responses => Reader::Responses(responses::events::Reader::new()),
        };
        let writer = match to {
            Dialect::Anthropic => Writer::Anthropic(anthropic::events::Writer::new(echo)),
            Dialect::Chat => Writer::Chat(chat::events::Writer::new(echo)),
            Dialect::Gemini => Writer::Gemini(gemini::events::Writer::new(echo)),
            Dialect::Responses => Writer::Responses(responses::events::Writer::new(echo)),
        };
        Self {
            reader,
            writer,
            names: Names::told(echo.ask, from),
            events: Vec::new(),
            kept_bytes: 0,
            has_usage: false,
            has_failed: false,
        }
    }

    /// What an event of the provider's means to the caller: nothing, one event, or several.
    pub fn push(&mut self, frame: &[u8], out: &mut Vec<Bytes>) {
        match &mut self.reader {
            Reader::Anthropic(reader) => reader.read(frame, &mut self.events),
            Reader::Chat(reader) => reader.read(frame, &mut self.events),
            Reader::Gemini(reader) => reader.read(frame, &mut self.events),
            Reader::Responses(reader) => reader.read(frame, &mut self.events),
        }
        self.write(out);
    }

    /// Our own count of what was used, for a provider that gave none. Only before the end.
    pub fn assume(&mut self, usage: Usage, out: &mut Vec<Bytes>) {
        if !self.has_usage {
            self.events.push(Event::Usage(usage));
            self.write(out);
        }
    }

    /// The provider's stream ended well, with or without a terminator: what the caller's dialect still needs.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) {
        self.events.push(Event::End);
        self.write(out);
    }

    /// The stream cannot go on: ends it as its dialect ends one, in words that are fit for the caller. Says nothing where it
    /// is over already.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        self.has_failed = true;
        match &mut self.writer {
            Writer::Anthropic(writer) => writer.fail(refusal, out),
            Writer::Chat(writer) => writer.fail(refusal, out),
            Writer::Gemini(writer) => writer.fail(refusal, out),
            Writer::Responses(writer) => writer.fail(refusal, out),
        }
    }

    /// The caller was told of an error, or would have been if the stream had not ended before.
    pub const fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn write(&mut self, out: &mut Vec<Bytes>) {
        for mut event in std::mem::take(&mut self.events) {
            if self.has_failed {
                return;
            }
            self.kept_bytes = self.kept_bytes.saturating_add(weight(&event));
            if self.kept_bytes > KEPT_BYTES_MAX {
                event = Event::Error(UpstreamErrorBody::default());
            }
            self.has_usage |= matches!(event, Event::Usage(_));
            self.has_failed |= matches!(event, Event::Error(_));
            self.names.restore_in_event(&mut event);
            match &mut self.writer {
                Writer::Anthropic(writer) => writer.write(event, out),
                Writer::Chat(writer) => writer.write(event, out),
                Writer::Gemini(writer) => writer.write(event, out),
                Writer::Responses(writer) => writer.write(event, out),
            }
        }
    }
}

/// What an event may leave in memory until the end, with what lies around it.
fn weight(event: &Event) -> usize {
    let text = match event {
        Event::Arguments { json: text, .. }
        | Event::Refusal(text)
        | Event::SealedThought(text)
        | Event::Signature(text)
        | Event::Text(text)
        | Event::Thought(text) => text.len(),
        Event::ToolCall { id, name, signature, .. } => {
            let optional = [id, signature].into_iter().flatten().map(String::len).sum::<usize>();
            name.len().saturating_add(optional)
        }
        Event::Image(source) => source.weight(),
        Event::End
        | Event::Error(_)
        | Event::Ping
        | Event::Start { .. }
        | Event::Stop(_)
        | Event::Usage(_) => return 0,
    };
    text.saturating_add(EVENT_BYTES)
}

const EVENT_BYTES: usize = 32;
/// More than any model says in one answer.
const KEPT_BYTES_MAX: usize = 32 << 20;

#[cfg(test)]
mod tests;
