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

/// The model that a plain answer says it is of: what is billed.
pub fn answered_by(dialect: Dialect, body: &[u8]) -> Option<String> {
    match dialect {
        Dialect::Anthropic | Dialect::Chat | Dialect::Responses => openai::answer::model(body),
        Dialect::Gemini => gemini::answer::model(body),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_model() {
        for (dialect, body, model) in [
            (
                Dialect::Chat,
                r#"{"id":"c","model":"gpt-4o-2024-08-06","choices":[]}"#,
                Some("gpt-4o-2024-08-06"),
            ),
            (
                Dialect::Anthropic,
                r#"{"type":"message","model":"claude-opus-5-5"}"#,
                Some("claude-opus-5-5"),
            ),
            (Dialect::Responses, r#"{"object":"response","model":"o3"}"#, Some("o3")),
            (
                Dialect::Gemini,
                r#"{"modelVersion":"gemini-2.5-pro","model":"x"}"#,
                Some("gemini-2.5-pro"),
            ),
            (Dialect::Chat, r#"{"model":""}"#, None),
            (Dialect::Chat, r#"{"model":7}"#, None),
            (Dialect::Gemini, "{}", None),
            (Dialect::Anthropic, "<html>", None),
        ] {
            assert_eq!(answered_by(dialect, body.as_bytes()).as_deref(), model, "{body}");
        }
    }
}
