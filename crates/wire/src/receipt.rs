//! `usage.keystile`: a receipt put into an answer's own usage block, every other byte as it was. Knows not what it says.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::{self, Reading};
use crate::sse;

/// A plain answer; the same one where it tells of no usage.
pub fn with_receipt(body: &Bytes, receipt: &impl Serialize) -> Bytes {
    let told = std::str::from_utf8(body).ok().and_then(|text| insert(text, receipt));
    told.map_or_else(|| body.clone(), Bytes::from)
}

/// One event of a stream; `None` where it tells of no usage.
pub fn event_with_receipt(event: &[u8], receipt: &impl Serialize) -> Option<Bytes> {
    // Most events are pieces of the answer: a glance is enough.
    memchr::memmem::find(event, b"\"usage\"")?;
    let data = sse::data(event)?;
    let text = std::str::from_utf8(&data).ok()?;
    let told = insert(text, receipt)?;
    let name = sse::event(event).map(|name| [b"event: ", name, b"\n"].concat()).unwrap_or_default();
    Some([&name, b"data: ".as_slice(), told.as_bytes(), b"\n\n"].concat().into())
}

/// In `usage`, or in `response.usage` where OpenAI's responses have it.
fn insert(text: &str, receipt: &impl Serialize) -> Option<String> {
    let [usage, response] = json::members(text, &["usage", "response"], Reading::Lenient).ok()?;
    let inner = |response: &RawValue| {
        let response: &str = response.get();
        let start = json::range_in(text, response).start;
        let [usage] = json::members(response, &["usage"], Reading::Lenient).ok()?;
        let at = json::range_in(response, usage?.get());
        Some((start.saturating_add(at.start), usage?.get().to_owned()))
    };
    let outer =
        usage.map(|usage| (json::range_in(text, usage.get()).start, usage.get().to_owned()));
    let (start, usage) = outer.or_else(|| inner(response?))?;
    let rest = usage.strip_prefix('{')?;
    let comma = if rest.trim_ascii_start().starts_with('}') { "" } else { "," };
    let inside = start.saturating_add(1);
    let (before, after) = (text.get(..inside)?, text.get(inside..)?);
    let receipt = serde_json::to_string(receipt).ok()?;
    Some(format!("{before}\"keystile\":{receipt}{comma}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Receipt {
        payer: &'static str,
    }

    const RECEIPT: Receipt = Receipt { payer: "byok" };

    #[test]
    fn a_receipt_goes_into_the_usage_and_nothing_else_changes() {
        for (body, expected) in [
            (
                "{\"a\": 1, \"usage\": {\"prompt_tokens\": 1}}",
                "{\"a\": 1, \"usage\": {\"keystile\":{\"payer\":\"byok\"},\"prompt_tokens\": 1}}",
            ),
            ("{\"usage\":{ }}", "{\"usage\":{\"keystile\":{\"payer\":\"byok\"} }}"),
            (
                "{\"response\":{\"x\":[],\"usage\":{\"y\":2}}}",
                "{\"response\":{\"x\":[],\"usage\":{\"keystile\":{\"payer\":\"byok\"},\"y\":2}}}",
            ),
            ("{\"usage\":null}", "{\"usage\":null}"),
            ("{\"a\":1}", "{\"a\":1}"),
            ("[]", "[]"),
        ] {
            let told = with_receipt(&Bytes::from_static(body.as_bytes()), &RECEIPT);
            assert_eq!(told, expected.as_bytes(), "{body}");
        }
    }

    #[test]
    fn an_event_keeps_its_name() {
        let event = b"event: message_delta\r\ndata: {\"usage\":{\"output_tokens\":3}}\r\n\r\n";

        let told = event_with_receipt(event, &RECEIPT).expect("it tells of usage");

        assert_eq!(
            &*told,
            b"event: message_delta\ndata: {\"usage\":{\"keystile\":{\"payer\":\"byok\"},\"output_tokens\":3}}\n\n"
        );
        assert_eq!(event_with_receipt(b"data: {\"usage\":null}\n\n", &RECEIPT), None);
        assert_eq!(event_with_receipt(b"data: {\"text\":\"\\\"usage\\\"\"}\n\n", &RECEIPT), None);
    }
}
