//! Sends the answer on as the bytes it was, metering while it flows. Three edits only: the usage chunk nobody asked for
//! is removed, the scrubber may act, and one receipt precedes the terminator.

mod events;
mod rate_limits;
mod raw;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use model::{MicroUsd, PicoUsd, Refusal};
use store::journal::Outcome;
use vault::Scrubber;
use wire::receipt::with_receipt;

use crate::attempt::{Answer, Content, Receipt};
use crate::record::{Recorder, Settlement, recorded};
use crate::{Body, Reply};

use events::EventBody;
use raw::RawBody;

pub async fn stream(
    answer: Result<Answer, Refusal>,
    mut recorder: Recorder,
) -> Result<Reply, Refusal> {
    let answer = answer?;
    let mut reply = http::Response::new(());
    let headers = reply.headers_mut();
    headers.reserve(HEADERS_USUAL);
    rate_limits::write(recorder.standing(), &answer.headers, headers);
    write_receipt(&answer.receipt, &answer.left_out, headers);
    match answer.content {
        Content::Plain { body, used } => {
            let body = scrub_cut(answer.scrubber.as_ref(), body);
            // Never the provider's word for it: that may be HTML, or hold anything.
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let mut attempt = answer.attempt;
            attempt.content_seen();
            let Settlement { ack, usage, cost } =
                recorder.settle(&mut attempt, Outcome::Completed, &used, None);
            // Not written down, not answered: the record is what the owner is told of their spending.
            recorded(ack, answer.limits.record_max).await?;
            write_cost(cost, headers);
            let body = match recorder.client_wants_receipt() {
                true => with_receipt(&body, &FinalReceipt::new(&answer.receipt, usage, cost)),
                false => body,
            };
            *reply.status_mut() = answer.status;
            Ok(reply.map(|()| full(body)))
        }
        Content::Raw { body, content_type } => {
            let kind = content_type.unwrap_or(HeaderValue::from_static(OCTETS));
            headers.insert(header::CONTENT_TYPE, kind);
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            *reply.status_mut() = answer.status;
            let body = RawBody::new(
                body,
                answer.attempt,
                recorder,
                answer.scrubber,
                answer.deadline,
                &answer.limits,
            );
            Ok(reply.map(|()| body.boxed_unsync()))
        }
        Content::Stream(flow) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let body = EventBody::new(
                flow,
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

/// Ours, those of the limits, and what is added on the way out.
const HEADERS_USUAL: usize = 24;
const OCTETS: &str = "application/octet-stream";

/// What the comment before the terminator says, and `usage.keystile`.
#[derive(serde::Serialize)]
struct FinalReceipt<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    usage: model::Usage,
    /// Null where no price is known.
    cost_micro_usd: Option<MicroUsd>,
}

impl<'a> FinalReceipt<'a> {
    fn new(receipt: &'a Receipt, usage: model::Usage, cost: Option<PicoUsd>) -> Self {
        Self { receipt, usage, cost_micro_usd: cost.map(PicoUsd::rounded) }
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

fn write_cost(cost: Option<PicoUsd>, headers: &mut HeaderMap) {
    if let Some(cost) = cost {
        headers.insert(COST, HeaderValue::from(cost.rounded().0));
    }
}

fn write_receipt(receipt: &Receipt, left_out: &[String], headers: &mut HeaderMap) {
    let Receipt { request_id, provider, model, payer, provider_key, attempts } = receipt;
    let fields = [
        (REQUEST_ID, HeaderValue::try_from(request_id.to_string())),
        (PROVIDER, HeaderValue::from_str(provider.as_str())),
        (MODEL, HeaderValue::from_str(model)),
        (PAYER, Ok(HeaderValue::from_static(payer))),
        (PROVIDER_KEY, HeaderValue::try_from(provider_key.to_string())),
        (ATTEMPTS, Ok(HeaderValue::from(*attempts))),
    ];
    for (name, value) in fields {
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
    // What the provider could not be told, and the answer does without.
    if !left_out.is_empty()
        && let Ok(value) = HeaderValue::try_from(left_out.join(", "))
    {
        headers.insert(LEFT_OUT, value);
    }
}

const ATTEMPTS: HeaderName = HeaderName::from_static("x-keystile-attempts");
const COST: HeaderName = HeaderName::from_static("x-keystile-cost-micro-usd");
const LEFT_OUT: HeaderName = HeaderName::from_static("x-keystile-left-out");
const MODEL: HeaderName = HeaderName::from_static("x-keystile-model");
const PAYER: HeaderName = HeaderName::from_static("x-keystile-payer");
const PROVIDER: HeaderName = HeaderName::from_static("x-keystile-provider");
const PROVIDER_KEY: HeaderName = HeaderName::from_static("x-keystile-provider-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-keystile-request-id");
