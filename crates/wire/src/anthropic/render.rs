//! What we say in this dialect's shapes: our refusals.

use bytes::Bytes;
use model::Refusal;
use serde::Serialize;

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    error: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    message: &'a str,
    /// Ours; their dialect knows none.
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'static str>,
}

/// `{"type":"error","error":{"type","message","code"},"request_id"}`.
pub fn envelope(refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    let envelope = Envelope {
        r#type: "error",
        error: Body {
            r#type: kind(refusal.status()),
            message: &refusal.public,
            code: refusal.code.as_str(),
            param: refusal.param,
        },
        request_id,
    };
    // Texts always serialise.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// The same as an event of a stream whose status has long been sent.
pub fn error_event(refusal: &Refusal, request_id: Option<&str>) -> Bytes {
    [b"event: error\ndata: ", envelope(refusal, request_id).as_slice(), b"\n\n"].concat().into()
}

/// The dialect's name for a status.
const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use model::{Code, Refusal};
    use serde_json::{Value, json};

    use super::{envelope, error_event};

    #[test]
    fn a_refusal_is_anthropics_envelope_with_our_code() {
        let refusal = Refusal::invalid("tool_choice", "`tool_choice` is\n\"odd\"").because("log");

        let body: Value = serde_json::from_slice(&envelope(&refusal, Some("req_1"))).expect("JSON");

        assert_eq!(
            body,
            json!({
                "type": "error",
                "error": {
                    "type": "invalid_request_error",
                    "message": "`tool_choice` is\n\"odd\"",
                    "code": "invalid_request",
                    "param": "tool_choice",
                },
                "request_id": "req_1",
            })
        );
    }

    #[test]
    fn each_status_has_the_type_the_sdks_know() {
        for (code, kind) in [
            (Code::InvalidApiKey, "authentication_error"),
            (Code::SpendCapExceeded, "billing_error"),
            (Code::ModelNotAllowed, "permission_error"),
            (Code::ModelNotFound, "not_found_error"),
            (Code::RequestTooLarge, "request_too_large"),
            (Code::RateLimited, "rate_limit_error"),
            (Code::UpstreamUnavailable, "overloaded_error"),
            (Code::UpstreamTimeout, "timeout_error"),
            (Code::Internal, "api_error"),
        ] {
            let body: Value =
                serde_json::from_slice(&envelope(&Refusal::new(code, "no"), None)).expect("JSON");

            assert_eq!(body["error"]["type"], kind);
            assert_eq!(body.get("request_id"), None);
        }
    }

    #[test]
    fn an_error_event_is_one_event_named_error() {
        let refusal = Refusal::new(Code::UpstreamError, "a\n\nb\r\n\r\n");

        let event = error_event(&refusal, None);

        let mut frames = crate::sse::Frames::default();
        frames.push(event.clone());
        assert_eq!(frames.next(), Some(Ok(event.clone())));
        assert_eq!(crate::sse::event(&event), Some(&b"error"[..]));
        assert_eq!(crate::sse::data(&event).expect("data").as_ref(), envelope(&refusal, None));
    }
}
