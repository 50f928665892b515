//! What each dialect's plain answers and errors look like, by the dialect's name.

use bytes::Bytes;
use model::{Dialect, Refusal, Usage};

use crate::openai::{self, responses};
use crate::{Answer, anthropic, gemini};

/// What a plain answer says of itself, in one pass; `None` where it is no JSON object. OpenAI's other operations answer as its
/// chat does.
pub fn answer(dialect: Dialect, body: &[u8]) -> Option<Answer> {
    match dialect {
        Dialect::Anthropic => anthropic::answer::read(body),
        Dialect::Chat => openai::answer::read(body),
        Dialect::Gemini => gemini::answer::read(body),
        Dialect::Responses => responses::answer::read(body),
    }
}

/// What a plain answer says was used.
pub fn usage(dialect: Dialect, body: &[u8]) -> Option<Usage> {
    answer(dialect, body)?.usage
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
            let answered_by = answer(dialect, body.as_bytes()).and_then(|it| it.answered_by);
            assert_eq!(answered_by.as_deref(), model, "{body}");
        }
    }
}
