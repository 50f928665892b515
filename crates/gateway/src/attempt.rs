//! Makes the calls of a plan, one after the other: each opens its key, sends, and reads the head of the answer.
//! Obeys the blame and the retry that a failure carries; holds no status codes.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::Incoming;
use model::{Code, Refusal, TierSource};
use store::workspace::{Health, PROVIDER_KEY_FIELD};
use tokio::time::Instant;
use vault::{Place, ProviderKey, Scrubber, header_of};
use wire::openai::answer;

use crate::authorize::Permit;
use crate::body::Bounds;
use crate::parse::Call;
use crate::plan::{Candidate, Plan};
use crate::record::{InFlight, OpenAttempt};
use crate::upstream::{Blame, ChatCall, Retry, UpstreamError, read_answer};
use crate::{Gateway, KeyFinding, KeyReport, detect_tier};

/// A provider has begun to answer. From here on nothing is tried again.
#[must_use]
pub struct Answer {
    pub(crate) attempt: OpenAttempt,
    pub(crate) receipt: Receipt,
    pub(crate) headers: HeaderMap,
    pub(crate) scrubber: Option<Scrubber>,
    pub(crate) content: Content,
    pub(crate) deadline: Instant,
    pub(crate) limits: crate::Limits,
}

pub enum Content {
    /// Whole, not yet scrubbed.
    Plain(Bytes),
    Stream(Incoming),
}

/// Who answered and on whose account.
#[derive(Clone, serde::Serialize)]
pub struct Receipt {
    pub(crate) request_id: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) payer: &'static str,
    pub(crate) provider_key: String,
    pub(crate) attempts: u32,
}

pub async fn attempt(
    gw: &Gateway,
    permit: &Permit,
    plan: Plan<'_>,
    call: &Call,
) -> Result<Answer, Refusal> {
    let deadline = Instant::now() + gw.limits.total_max;
    let mut failed: Option<(UpstreamError, String)> = None;
    for (candidate, number) in plan.attempts.iter().zip(1..) {
        let mut in_flight = InFlight::begin(gw, permit, call, candidate, number).await?;
        match one(gw, permit, call, candidate, &mut in_flight, deadline).await {
            Ok(begun) => {
                gw.metrics.attempt(candidate.provider.id.as_str(), "answered");
                permit.reservation().keep_only(RECORDS_OF_AN_ANSWER);
                let attempt = in_flight.keep();
                return Ok(begun.into_answer(gw, call, candidate, attempt, deadline));
            }
            Err(error) => {
                gw.metrics.attempt(candidate.provider.id.as_str(), error.code.as_str());
                tracing::info!(
                    request.id = %call.id,
                    attempt.n = number,
                    provider = %candidate.provider.id,
                    provider_key = %candidate.key.row.id,
                    error.code = error.code.as_str(),
                    "an attempt failed"
                );
                in_flight.fail(&error);
                let retry = error.retry;
                failed = Some((error, candidate.key.row.id.to_string()));
                if matches!(retry, Retry::Never) {
                    break;
                }
            }
        }
    }
    Err(match failed {
        Some((error, key)) => error.into_refusal(&key),
        None => Refusal::internal("a plan without attempts was made"),
    })
}

/// Its end. No further attempt follows, so that the rest of the reserved places go back to others at once.
const RECORDS_OF_AN_ANSWER: u32 = 1;

/// What one call gave before its body was looked at.
struct Begun {
    headers: HeaderMap,
    scrubber: Option<Scrubber>,
    content: Content,
}

impl Begun {
    fn into_answer(
        self,
        gw: &Gateway,
        call: &Call,
        candidate: &Candidate<'_>,
        attempt: OpenAttempt,
        deadline: Instant,
    ) -> Answer {
        let receipt = Receipt {
            request_id: call.id.to_string(),
            provider: candidate.provider.id.to_string(),
            model: candidate.model.clone(),
            payer: crate::record::PAYER,
            provider_key: candidate.key.row.id.to_string(),
            attempts: attempt.number,
        };
        Answer {
            attempt,
            receipt,
            headers: self.headers,
            scrubber: self.scrubber,
            content: self.content,
            deadline,
            limits: gw.limits.clone(),
        }
    }
}

async fn one(
    gw: &Gateway,
    permit: &Permit,
    call: &Call,
    candidate: &Candidate<'_>,
    in_flight: &mut InFlight<'_>,
    deadline: Instant,
) -> Result<Begun, UpstreamError> {
    let told = Told { gw, permit, candidate };
    let key = resolve(gw, permit, candidate).inspect_err(|_| told.closed())?;
    told.used();
    let scrubber = key.as_ref().map(Scrubber::new);
    let include_usage = candidate.provider.include_usage;
    in_flight.dispatch();
    let answer = gw
        .upstream
        .chat(
            permit,
            ChatCall {
                provider: candidate.provider,
                base_url: &candidate.key.base_url,
                key: key.as_ref(),
                body: call.request.splice(&candidate.model, include_usage),
                streamed: call.request.stream,
                headers_by: deadline.min(Instant::now() + gw.limits.first_byte_max),
            },
        )
        .await?;
    // Written into a header by now; the rest of the attempt knows only what to scrub.
    drop(key);
    let (parts, body) = answer.into_parts();
    in_flight.answered(parts.status.as_u16());
    told.headers(&parts.headers);
    if !parts.status.is_success() {
        let bounds = Bounds {
            bytes_max: gw.limits.error_bytes_max,
            idle_max: ERROR_BODY_MAX,
            deadline: deadline.min(Instant::now() + ERROR_BODY_MAX),
        };
        // The status has said enough: words that do not come are not waited for.
        let body = read_answer(body, bounds).await.unwrap_or_default();
        let error = UpstreamError::refused(candidate.provider, &parts, &body, scrubber.as_ref());
        if error.code == Code::UpstreamKeyInvalid && error.blame == Blame::Key {
            told.tell(KeyFinding::Refused);
        }
        return Err(error);
    }
    if let Some(encoding) = parts.headers.get(http::header::CONTENT_ENCODING)
        && encoding.as_bytes() != b"identity"
    {
        return Err(garbled("the provider compressed its answer although it was asked not to"));
    }
    let is_stream = is_event_stream(&parts.headers);
    if is_stream && !call.request.stream {
        return Err(garbled("the provider streamed an answer that was not to be streamed"));
    }
    if is_stream {
        let content = Content::Stream(body);
        told.works();
        return Ok(Begun { headers: parts.headers, scrubber, content });
    }
    let bounds =
        Bounds { bytes_max: gw.limits.answer_bytes_max, idle_max: gw.limits.idle_max, deadline };
    let body = read_answer(body, bounds).await?;
    if let Some(error) = answer::embedded_error(&body) {
        let told = UpstreamError::told(candidate.provider, 200, &error, scrubber.as_ref());
        // It says that it did nothing: there is nothing to bill.
        return Err(UpstreamError { dispatched: false, ..told });
    }
    if call.request.stream {
        return Err(garbled("the provider did not stream an answer that was to be streamed"));
    }
    if !answer::is_object(&body) {
        return Err(garbled("the provider's answer is no JSON object"));
    }
    told.works();
    Ok(Begun { headers: parts.headers, scrubber, content: Content::Plain(body) })
}

/// What an attempt tells of its key, for others to write down.
struct Told<'a> {
    gw: &'a Gateway,
    permit: &'a Permit,
    candidate: &'a Candidate<'a>,
}

impl Told<'_> {
    fn used(&self) {
        let now = self.gw.clock.now();
        self.note(|report| report.used_at = Some(now));
    }

    /// A node without the master key that sealed it knows nothing of the key.
    fn closed(&self) {
        let version = self.candidate.key.row.key_version;
        if version.is_some_and(|version| self.gw.vault.has(version)) {
            self.tell(KeyFinding::Closed);
        }
    }

    fn tell(&self, finding: KeyFinding) {
        self.note(|report| report.finding = Some(finding));
    }

    /// An answer's rate limits: what is left, and for some providers the tier.
    fn headers(&self, headers: &HeaderMap) {
        let Candidate { provider, key, model } = self.candidate;
        let now = self.gw.clock.now();
        let Some(reading) = self.gw.headroom.note(key.row.id, model, provider, headers, now) else {
            return;
        };
        let by_hand = key.row.tier_source == Some(TierSource::UserSpecified);
        let tier = detect_tier(provider, Some(model), &reading).filter(|_| !by_hand);
        if tier.is_some() && tier != key.row.tier {
            self.note(|report| report.tier = tier);
        }
    }

    /// Only where it is news: keys that work are told of once.
    fn works(&self) {
        if self.candidate.key.row.health != Health::Healthy {
            self.tell(KeyFinding::Works);
        }
    }

    fn note(&self, tell: impl FnOnce(&mut KeyReport)) {
        let row = &self.candidate.key.row;
        let workspace = self.permit.caller().workspace.id;
        self.gw.key_news.note(row.id, workspace, row.sealed_version, tell);
    }
}

/// A success that is none: it was worked on and will be billed, so that no other key is asked.
fn garbled(public: &str) -> UpstreamError {
    let error = UpstreamError::new(Blame::Provider, Retry::Never, Code::UpstreamError, public);
    UpstreamError { dispatched: true, ..error }
}

const ERROR_BODY_MAX: Duration = Duration::from_secs(5);

/// Opens the key for this one attempt. `None` for an endpoint that needs none.
fn resolve(
    gw: &Gateway,
    permit: &Permit,
    candidate: &Candidate<'_>,
) -> Result<Option<ProviderKey>, UpstreamError> {
    let row = &candidate.key.row;
    let Some(sealed) = &row.sealed else { return Ok(None) };
    let workspace = &permit.caller().workspace;
    let secret_id = row.id.to_string();
    let place = Place {
        workspace: workspace.id,
        salt: &workspace.salt,
        secret_id: &secret_id,
        field: PROVIDER_KEY_FIELD,
        sealed_version: row.sealed_version,
        origin: candidate.key.base_url.origin(),
    };
    // What is sealed anew under a new master key says so itself; the row's word for it may be a moment older.
    let version = header_of(sealed).ok().map(|header| header.version);
    let opened = match version.and_then(|version| workspace.derived(version)) {
        Some(key) => gw.vault.open_provider_key_with(key, sealed, &place),
        None => gw.vault.open_provider_key(sealed, &place),
    };
    opened.map(Some).map_err(|error| {
        tracing::error!(provider_key = %row.id, error = %error, "a stored key does not open");
        UpstreamError::new(
            Blame::Us,
            Retry::Next,
            Code::NoProviderKey,
            "the stored key could not be opened: replace it, or ask the operator to run \
             `keystile vault doctor`",
        )
    })
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}
