//! What we say in this dialect's shapes: our refusals.

use bytes::Bytes;
use model::Refusal;
use serde_json::{Map, Value, json};

/// `{"error":{"code","message","status","details"}}`. Our own code, the field and the request's id stand in the details.
pub fn envelope(refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    value(refusal, request_id).to_string().into_bytes()
}

/// The same as an event of a stream whose status has long been sent.
pub fn error_event(refusal: &Refusal, request_id: Option<&str>) -> Bytes {
    event(&value(refusal, request_id))
}

/// The end of a stream whose provider gave up.
pub(super) fn broken_off() -> Bytes {
    let message = "the provider broke off in the middle of its answer";
    event(&json!({"error": {"code": 502, "message": message, "status": status(502)}}))
}

/// Google ends its lines like HTTP does.
pub(super) fn event(value: &Value) -> Bytes {
    format!("data: {value}\r\n\r\n").into()
}

fn value(refusal: &Refusal, request_id: Option<&str>) -> Value {
    let notes = [("param", refusal.param), ("request_id", request_id)];
    let metadata: Map<String, Value> = notes
        .into_iter()
        .filter_map(|(name, note)| Some((name.to_owned(), note?.into())))
        .collect();
    let mut reason = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": refusal.code.as_str().to_ascii_uppercase(),
        "domain": "keystile",
    });
    if let (Value::Object(members), false) = (&mut reason, metadata.is_empty()) {
        members.insert("metadata".to_owned(), Value::Object(metadata));
    }
    let wait = refusal.retry_after_seconds.map(|seconds| {
        json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")})
    });
    let details: Vec<Value> = std::iter::once(reason).chain(wait).collect();
    let code = refusal.status();
    json!({"error": {
        "code": code,
        "message": refusal.public,
        "status": status(code),
        "details": details,
    }})
}

/// The name Google gives a status.
const fn status(code: u16) -> &'static str {
    match code {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        409 => "ABORTED",
        402 | 412 | 424 => "FAILED_PRECONDITION",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use model::Code;

    use super::*;

    #[test]
    fn a_refusal_is_googles_envelope() {
        let refusal =
            Refusal::invalid("contents", "`contents` is\n\"missing\"").because("the log's");

        let body: Value = serde_json::from_slice(&envelope(&refusal, Some("req_1"))).expect("JSON");

        assert_eq!(
            body,
            json!({"error": {
                "code": 400,
                "message": "`contents` is\n\"missing\"",
                "status": "INVALID_ARGUMENT",
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "INVALID_REQUEST",
                    "domain": "keystile",
                    "metadata": {"param": "contents", "request_id": "req_1"},
                }],
            }})
        );
    }

    #[test]
    fn how_long_to_wait_stands_where_googles_clients_look() {
        let refusal = Refusal::new(Code::RateLimited, "slow down").retry_after(46);

        let body: Value = serde_json::from_slice(&envelope(&refusal, None)).expect("JSON");

        assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(body["error"]["details"][0].get("metadata"), None);
        assert_eq!(
            body["error"]["details"][1],
            json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "46s"})
        );
    }

    #[test]
    fn an_error_event_is_one_event_with_one_data_line() {
        let refusal = Refusal::new(Code::UpstreamError, "a\n\nb\r\n\r\n");

        let event = error_event(&refusal, None);

        let mut frames = crate::sse::Frames::default();
        frames.push(event.clone());
        assert_eq!(frames.next(), Some(Ok(event.clone())));
        let data = crate::sse::data(&event).expect("data");
        assert_eq!(data.as_ref(), envelope(&refusal, None));
    }
}
