//! Watches a stream pass in whatever dialect: what each event is, and what was used in the end. Changes nothing.

use model::{Dialect, Usage};

use crate::openai::{ChatMeter, responses};
use crate::{Seen, anthropic, gemini};

/// Follows one stream. Feed it every whole event, in order.
pub enum Meter {
    Anthropic(anthropic::meter::Meter),
    Chat(ChatMeter),
    Gemini(gemini::meter::Meter),
    Responses(responses::meter::Meter),
}

impl Meter {
    pub fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic(anthropic::meter::Meter::new()),
            Dialect::Chat => Self::Chat(ChatMeter::new()),
            Dialect::Gemini => Self::Gemini(gemini::meter::Meter::new()),
            Dialect::Responses => Self::Responses(responses::meter::Meter::new()),
        }
    }

    pub fn see(&mut self, frame: &[u8]) -> Seen {
        match self {
            Self::Anthropic(meter) => meter.see(frame),
            Self::Chat(meter) => meter.see(frame),
            Self::Gemini(meter) => meter.see(frame),
            Self::Responses(meter) => meter.see(frame),
        }
    }

    /// The provider's own count, the last one that came; without any, one token for each piece of the answer.
    pub fn usage(&self) -> Usage {
        match self {
            Self::Anthropic(meter) => meter.usage(),
            Self::Chat(meter) => meter.usage(),
            Self::Gemini(meter) => meter.usage(),
            Self::Responses(meter) => meter.usage(),
        }
    }

    /// The model that answers, as it calls itself: what is billed. `None` as long as no event has said it.
    pub fn answered_by(&self) -> Option<&str> {
        match self {
            Self::Anthropic(meter) => meter.answered_by(),
            Self::Chat(meter) => meter.answered_by(),
            Self::Gemini(meter) => meter.answered_by(),
            Self::Responses(meter) => meter.answered_by(),
        }
    }

    /// A reason to stop was given, so that an end without a terminator is a good end.
    pub fn finished(&self) -> bool {
        match self {
            Self::Anthropic(meter) => meter.finished(),
            Self::Chat(meter) => meter.finished(),
            Self::Gemini(meter) => meter.finished(),
            Self::Responses(meter) => meter.finished(),
        }
    }
}
