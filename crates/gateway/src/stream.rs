//! Sends the answer on as the bytes it was, metering while it flows. Three edits only: the usage chunk nobody asked for
//! is removed, the scrubber may act, and one receipt precedes the terminator.

mod events;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use model::Refusal;
use store::journal::Outcome;
use vault::Scrubber;
use wire::openai::answer;

use crate::attempt::{Answer, Content, Receipt};
use crate::record::{Recorder, recorded};
use crate::{Body, Reply};

use events::EventBody;

pub async fn stream(answer: Result<Answer, Refusal>, recorder: Recorder) -> Result<Reply, Refusal> {
    let answer = answer?;
    let mut reply = http::Response::new(());
    let headers = reply.headers_mut();
    copy_rate_limits(&answer.headers, headers);
    write_receipt(&answer.receipt, headers);
    match answer.content {
        Content::Plain(body) => {
            let usage = answer::usage(&body).unwrap_or_default();
            let body = scrub_cut(answer.scrubber.as_ref(), body);
            // Never the provider's word for it: that may be HTML, or hold anything.
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let mut attempt = answer.attempt;
            attempt.content_seen();
            let ack = recorder.settle(&attempt, Outcome::Completed, usage, None);
            // Not written down, not answered: the record is what the owner is told of their spending.
            recorded(ack, answer.limits.record_max).await?;
            Ok(reply.map(|()| full(body)))
        }
        Content::Stream(body) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let body = EventBody::new(
                body,
                answer.attempt,
                recorder,
                answer.receipt,
                answer.scrubber,
                answer.deadline,
                &answer.limits,
            );
            Ok(reply.map(|()| body.boxed_unsync()))
        }
    }
}

pub fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

fn scrub(scrubber: Option<&Scrubber>, bytes: Bytes) -> Bytes {
    match scrubber.map(|scrubber| scrubber.scrub(&bytes)) {
        Some(Cow::Owned(scrubbed)) => Bytes::from(scrubbed),
        Some(Cow::Borrowed(_)) | None => bytes,
    }
}

/// Nothing says that a whole body is whole JSON: it may end inside a key.
fn scrub_cut(scrubber: Option<&Scrubber>, bytes: Bytes) -> Bytes {
    match scrubber.map(|scrubber| scrubber.scrub_cut(&bytes)) {
        Some(Cow::Owned(scrubbed)) => Bytes::from(scrubbed),
        Some(Cow::Borrowed(_)) | None => bytes,
    }
}

fn write_receipt(receipt: &Receipt, headers: &mut HeaderMap) {
    let fields = [
        ("x-keystile-request-id", receipt.request_id.as_str()),
        ("x-keystile-provider", receipt.provider.as_str()),
        ("x-keystile-model", receipt.model.as_str()),
        ("x-keystile-payer", receipt.payer),
        ("x-keystile-provider-key", receipt.provider_key.as_str()),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers.insert(
        HeaderName::from_static("x-keystile-attempts"),
        HeaderValue::from(receipt.attempts),
    );
}

/// What a provider may tell our caller in headers, apart from what we write ourselves.
const RATE_LIMITS: [&str; 7] = [
    "retry-after",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

/// Numbers and durations only, so that no header of a provider's can carry anything else to the client.
fn copy_rate_limits(from: &HeaderMap, to: &mut HeaderMap) {
    for name in RATE_LIMITS {
        let Some(value) = from.get(name) else { continue };
        let plain = value.len() <= 24
            && value.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && value
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'm' | b's' | b'h'));
        if plain {
            to.insert(HeaderName::from_static(name), value.clone());
        }
    }
}
