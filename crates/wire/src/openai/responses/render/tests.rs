//! Our words in this dialect's shapes.

use model::Refusal;
use serde_json::{Value, json};

use super::error_event;
use crate::sse;

#[test]
fn a_refusal_in_a_stream_is_one_error_event() {
    let event = error_event(&Refusal::invalid("model", "no\n\nmodel"), Some("req_1"));

    assert_eq!(sse::event(&event), Some(&b"error"[..]));
    let data: Value = serde_json::from_slice(&sse::data(&event).expect("data")).expect("JSON");
    assert_eq!(
        data,
        json!({"type": "error", "sequence_number": 0, "code": "invalid_request", "message": "no\n\nmodel", "param": "model", "request_id": "req_1"})
    );
    assert!(event.ends_with(b"}\n\n"));
}
