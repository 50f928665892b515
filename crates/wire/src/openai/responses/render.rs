//! What we say in this dialect's shapes: our refusals.

use bytes::Bytes;
use model::Refusal;
use serde::Serialize;

#[derive(Serialize)]
struct ErrorEvent<'a> {
    r#type: &'static str,
    sequence_number: u64,
    code: &'static str,
    message: &'a str,
    param: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The last event of a stream whose status has long been sent. How many came before is not known here.
pub fn error_event(refusal: &Refusal, request_id: Option<&str>) -> Bytes {
    let event = ErrorEvent {
        r#type: "error",
        sequence_number: 0,
        code: refusal.code.as_str(),
        message: &refusal.public,
        param: refusal.param,
        request_id,
    };
    // Texts and numbers always serialise.
    let data = serde_json::to_vec(&event).unwrap_or_default();
    [b"event: error\ndata: ", data.as_slice(), b"\n\n"].concat().into()
}

#[cfg(test)]
mod tests;
