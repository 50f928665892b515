//! What a provider may tell our caller of its rate limits, in headers. Everything else it says there stays here.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use store::rate::Standing;

const ALLOWED: [&str; 19] = [
    "retry-after",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
];

/// Ours where the gateway key has limits, in OpenAI's words; else the provider's.
pub fn write(ours: Standing, theirs: &HeaderMap, to: &mut HeaderMap) {
    if ours == Standing::default() {
        copy(theirs, to);
        return;
    }
    for (left, [limit, remaining, reset]) in [(ours.requests, REQUESTS), (ours.tokens, TOKENS)] {
        let Some(left) = left else { continue };
        to.insert(limit, HeaderValue::from(left.limit));
        to.insert(remaining, HeaderValue::from(left.remaining));
        if let Ok(value) = HeaderValue::try_from(format!("{}ms", left.reset.as_millis())) {
            to.insert(reset, value);
        }
    }
}

/// Limit, what is left of it, and when it is whole again.
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Numbers, durations and times only, so that no header of a provider's can carry anything else to the client.
fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    for name in ALLOWED {
        let Some(value) = from.get(name) else { continue };
        if is_plain(value) {
            to.insert(HeaderName::from_static(name), value.clone());
        }
    }
}

fn is_plain(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let plain = |byte: &u8| {
        byte.is_ascii_digit()
            || matches!(byte, b'.' | b'm' | b's' | b'h' | b'-' | b':' | b'T' | b'Z' | b'+')
    };
    bytes.len() <= 32 && bytes.first().is_some_and(u8::is_ascii_digit) && bytes.iter().all(plain)
}
