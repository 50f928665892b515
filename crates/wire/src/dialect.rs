//! What each dialect's plain answers and errors look like, by the dialect's name.

use bytes::Bytes;
use model::{Dialect, Refusal, Usage};

use crate::openai::{self, responses};
use crate::provider_error::UpstreamErrorBody;
use crate::{anthropic, gemini};

/// What a plain answer says was used. OpenAI's other operations count as its chat does.
pub fn usage(dialect: Dialect, body: &[u8]) -> Option<Usage> {
    match dialect {
        Dialect::Anthropic => anthropic::answer::usage(body),
        Dialect::Chat => openai::answer::usage(body),
        Dialect::Gemini => gemini::answer::usage(body),
        Dialect::Responses => responses::answer::usage(body),
    }
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(dialect: Dialect, body: &[u8]) -> Option<UpstreamErrorBody> {
    match dialect {
        Dialect::Anthropic => anthropic::answer::embedded_error(body),
        Dialect::Chat => openai::answer::embedded_error(body),
        Dialect::Gemini => gemini::answer::embedded_error(body),
        Dialect::Responses => responses::answer::embedded_error(body),
    }
}

/// A refusal of ours as the caller's SDK expects one.
pub fn envelope(dialect: Dialect, refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    match dialect {
        Dialect::Anthropic => anthropic::render::envelope(refusal, request_id),
        Dialect::Chat | Dialect::Responses => openai::render::envelope(refusal, request_id),
        Dialect::Gemini => gemini::render::envelope(refusal, request_id),
    }
}

/// The same as the last event of a stream whose status has long been sent.
pub fn error_event(dialect: Dialect, refusal: &Refusal, request_id: Option<&str>) -> Bytes {
    match dialect {
        Dialect::Anthropic => anthropic::render::error_event(refusal, request_id),
        Dialect::Chat => openai::render::error_event(refusal, request_id),
        Dialect::Gemini => gemini::render::error_event(refusal, request_id),
        Dialect::Responses => responses::render::error_event(refusal, request_id),
    }
}
