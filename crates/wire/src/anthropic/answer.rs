//! Plain answers, looked at but never changed: what was used, and whether a 200 is an error in disguise.

use model::Usage;
use serde_json::value::RawValue;

use super::usage::Counts;
use crate::Answer;
use crate::json::{self, Reading};
use crate::openai::answer::named;
use crate::provider_error::{self as error, UpstreamErrorBody};

/// All of it in one pass.
pub fn read(body: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(body).ok()?;
    let [kind, content, error, base_resp, usage, model] =
        json::members(text, &NAMES, Reading::Lenient).ok()?;
    let answered = content.is_some_and(json::is_telling);
    let failed =
        error.is_some_and(json::is_telling) || kind.is_some_and(|kind| kind.get() == "\"error\"");
    let refused = base_resp.is_some_and(is_refusal);
    Some(Answer {
        error: (refused || (failed && !answered)).then(|| error::parse(body)),
        usage: usage.and_then(|usage| Counts::read(usage).usage()),
        answered_by: model.and_then(named),
    })
}

pub fn usage(body: &[u8]) -> Option<Usage> {
    read(body)?.usage
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(body: &[u8]) -> Option<UpstreamErrorBody> {
    read(body)?.error
}

/// MiniMax answers 200 to everything and means it only when this is 0.
pub(super) fn is_refusal(base_resp: &RawValue) -> bool {
    let status = json::members(base_resp.get(), &["status_code"], Reading::Lenient);
    let status = status.ok().and_then(|[code]| code);
    status.is_some_and(|code| !matches!(code.get(), "0" | "null" | "\"0\""))
}

const NAMES: [&str; 6] = ["type", "content", "error", "base_resp", "usage", "model"];

#[cfg(test)]
mod tests {
    use super::{embedded_error, usage};

    #[test]
    fn an_answer_tells_what_was_used() {
        let body = br#"{"type":"message","content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5}}"#;

        let usage = usage(body).expect("usage");

        assert_eq!(usage.input_tokens, Some(7));
        assert_eq!(usage.output_tokens, Some(5));
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        for body in ["", "[]", "{}", r#"{"usage":null}"#, r#"{"usage":{}}"#, "\u{0}"] {
            assert_eq!(usage(body.as_bytes()), None, "{body}");
            assert_eq!(embedded_error(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn an_error_hides_behind_a_200() {
        for (body, code) in [
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
                "overloaded_error",
            ),
            (r#"{"error":{"type":"api_error"}}"#, "api_error"),
            (r#"{"content":null,"base_resp":{"status_code":1008,"status_msg":"m"}}"#, "1008"),
        ] {
            let error = embedded_error(body.as_bytes()).expect(body);

            assert!(error.codes().any(|found| found == code), "{body}");
        }
    }

    #[test]
    fn an_answer_is_no_error() {
        let body = br#"{"type":"message","content":[{"type":"text","text":"error"}],"base_resp":{"status_code":0},"error":null}"#;

        assert_eq!(embedded_error(body), None);
    }
}
