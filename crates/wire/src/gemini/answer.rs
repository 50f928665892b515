//! Plain answers, looked at but never changed.

use memchr::memmem;
use model::Usage;

use super::response::{self, Response};
use super::usage as block;
use crate::Answer;
use crate::json::{self, Reading};
use crate::openai::answer::named;
use crate::provider_error::{self as error, UpstreamErrorBody};

/// All of it in one pass, but for an answer that may have been given up.
pub fn read(body: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(body).ok()?;
    let [candidates, failure, usage, model] = json::members(text, &NAMES, Reading::Lenient).ok()?;
    let error = match candidates.is_some_and(json::is_telling) {
        true => gave_up(body),
        false => failure.is_some_and(json::is_telling).then(|| error::parse(body)),
    };
    let usage = usage.and_then(block::read);
    Some(Answer { error, usage, answered_by: model.and_then(named) })
}

pub fn usage(body: &[u8]) -> Option<Usage> {
    read(body)?.usage
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(body: &[u8]) -> Option<UpstreamErrorBody> {
    read(body)?.error
}

/// An answer that holds nothing but a bad reason to stop. Few are worth a closer look.
fn gave_up(body: &[u8]) -> Option<UpstreamErrorBody> {
    response::GAVE_UP.iter().find(|reason| memmem::find(body, reason.as_bytes()).is_some())?;
    Some(response::gave_up(Response::parse(body)?.gave_up()?))
}

const NAMES: [&str; 4] = ["candidates", "error", "usageMetadata", "modelVersion"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_stands_beside_the_candidates() {
        let body = br#"{"candidates":[{"content":{"parts":[{"text":"hi"}]}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1,"totalTokenCount":5}}"#;

        let usage = usage(body).expect("usage");

        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(4), Some(1)));
        assert_eq!(embedded_error(body), None);
        assert_eq!(super::usage(b"[]"), None);
    }

    #[test]
    fn an_error_may_come_with_a_good_status() {
        let error = embedded_error(
            br#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#,
        );

        let error = error.expect("an error");
        assert_eq!(error.code.as_deref(), Some("503"));
        assert_eq!(error.reasons, ["UNAVAILABLE"]);
        for body in [&b"{}"[..], br#"{"error":null}"#, b"<html>", b"\xff"] {
            assert_eq!(embedded_error(body), None);
        }
    }

    #[test]
    fn a_call_nobody_understands_is_an_error_where_nothing_was_said() {
        for reason in ["MALFORMED_FUNCTION_CALL", "OTHER", "UNEXPECTED_TOOL_CALL"] {
            let bare =
                format!(r#"{{"candidates":[{{"content":{{}},"finishReason":"{reason}"}}]}}"#);
            let error = embedded_error(bare.as_bytes()).expect("an error");
            assert_eq!(error.reasons, [reason]);
            let said = bare.replace("{}", r#"{"parts":[{"text":"OTHER"}]}"#);
            assert_eq!(embedded_error(said.as_bytes()), None);
        }
        let good = br#"{"candidates":[{"content":{},"finishReason":"STOP","note":"OTHER"}]}"#;
        assert_eq!(embedded_error(good), None);
    }
}
