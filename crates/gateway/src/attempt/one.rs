//! One call with one key: opened, sent, and the answer's beginning judged.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use model::settings::FallbackCause;
use model::{Code, Dialect, Operation};
use store::workspace::PROVIDER_KEY_FIELD;
use tokio::time::Instant;
use vault::{Place, ProviderKey, Scrubber, header_of};
use wire::dialect::{answer, usage as usage_of};
use wire::hub::Echo;
use wire::translate::{StreamTranslator, reply};
use wire::{Answer, Meter, refuse_excess};

use super::Content;
use super::outgoing::{Prepared, Translation, answers_json};
use super::told::Told;
use crate::Gateway;
use crate::accept::conversation_at;
use crate::authorize::Permit;
use crate::body::Bounds;
use crate::flow::{Flow, Patience, Unbegun};
use crate::parse::Call;
use crate::plan::Candidate;
use crate::record::InFlight;
use crate::upstream::{
    Blame, EVENT_STREAM, Outgoing, Retry, UpstreamBody, UpstreamError, read_answer,
};
use crate::used::Used;

/// What one call gave before anything of it went to the caller.
pub struct Begun {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub scrubber: Option<Scrubber>,
    pub content: Content,
    pub left_out: Vec<String>,
}

/// One candidate's turn.
pub struct Attempt<'a> {
    pub gw: &'a Gateway,
    pub permit: &'a Permit,
    pub call: &'a Call<'a>,
    pub candidate: &'a Candidate<'a>,
    /// Of the whole request.
    pub deadline: Instant,
}

pub async fn one(
    attempt: &Attempt<'_>,
    prepared: Prepared,
    in_flight: &mut InFlight<'_>,
) -> Result<Begun, UpstreamError> {
    let Attempt { gw, permit, call, candidate, .. } = *attempt;
    let told = Told { gw, permit, candidate };
    let begun = begin(attempt, prepared, in_flight, &told).await;
    match &begun {
        Ok(_) => told.works(),
        Err(error) => told.failed(error),
    }
    let may_repeat = matches!(call.method, Method::GET | Method::HEAD);
    match call.asked.passthrough {
        Some(_) => begun.map_err(|error| error.passed_through(may_repeat)),
        None => begun,
    }
}

async fn begin(
    attempt: &Attempt<'_>,
    prepared: Prepared,
    in_flight: &mut InFlight<'_>,
    told: &Told<'_>,
) -> Result<Begun, UpstreamError> {
    let Attempt { gw, permit, call, candidate, deadline } = *attempt;
    let key = resolve(gw, candidate).inspect_err(|_| told.closed())?;
    told.begins();
    let scrubber = key.as_ref().map(Scrubber::new);
    in_flight.dispatch();
    let outgoing = Outgoing {
        provider: candidate.provider,
        method: prepared.method,
        url: prepared.url,
        auth: prepared.auth,
        key: key.as_ref(),
        body: prepared.body,
        content_type: prepared.content_type,
        accept: prepared.accept,
        forwarded: &prepared.forwarded,
        headers_by: deadline.min(Instant::now() + gw.limits.first_byte_max),
    };
    let answer = gw.upstream.call(permit, outgoing).await?;
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
        return Err(error.until(&parts.headers, gw.clock.now()));
    }
    refuse_compressed(&parts.headers)?;
    let answered = Answered { gw, call, candidate, deadline, scrubber: scrubber.as_ref() };
    let content = answered.content(&parts.headers, body, prepared.translation).await?;
    let left_out = prepared.left_out;
    Ok(Begun { status: parts.status, headers: parts.headers, scrubber, content, left_out })
}

const ERROR_BODY_MAX: Duration = Duration::from_secs(5);

/// An answer whose head is a success.
struct Answered<'a> {
    gw: &'a Gateway,
    call: &'a Call<'a>,
    candidate: &'a Candidate<'a>,
    deadline: Instant,
    scrubber: Option<&'a Scrubber>,
}

impl Answered<'_> {
    async fn content(
        &self,
        headers: &HeaderMap,
        body: UpstreamBody,
        translation: Option<Translation>,
    ) -> Result<Content, UpstreamError> {
        let operation = self.call.asked.operation;
        let is_stream = is_kind(headers, "text/event-stream");
        if !answers_json(operation) && !is_stream && !is_kind(headers, "application/json") {
            return Ok(Content::Raw { body, content_type: harmless_type(headers, operation) });
        }
        // Sound and pictures come in events of their own, which nobody here reads.
        if is_stream && self.dialect().is_none() && streams_its_own(operation) {
            let content_type = Some(HeaderValue::from_static(EVENT_STREAM));
            return Ok(Content::Raw { body, content_type });
        }
        let wants_stream = self.call.asked.stream;
        if is_stream && !wants_stream && operation != Operation::Passthrough {
            return Err(garbled("the provider streamed an answer that was not to be streamed"));
        }
        if is_stream {
            return self.stream(body, translation).await;
        }
        let limits = &self.gw.limits;
        let bounds = Bounds {
            bytes_max: limits.answer_bytes_max,
            idle_max: limits.idle_max,
            deadline: self.deadline,
        };
        let body = read_answer(body, bounds).await?;
        let dialect = self.dialect();
        let read = answer(dialect.unwrap_or(Dialect::Chat), &body);
        let is_object = read.is_some();
        let Answer { error, usage, answered_by } = read.unwrap_or_default();
        // What is passed through may tell of an error, as that of a job, and be no error itself.
        if let Some(error) = error.filter(|_| operation != Operation::Passthrough) {
            return Err(self.told(&error));
        }
        let usage = match dialect {
            Some(_) => usage,
            None => usage
                .filter(|used| used.input_tokens.is_some())
                .or_else(|| usage_of(Dialect::Responses, &body)),
        };
        let used = Used { usage: usage.unwrap_or_default(), answered_by };
        if wants_stream && operation != Operation::Passthrough {
            let public = "the provider did not stream an answer that was to be streamed";
            return Err(garbled(public).having(used));
        }
        if operation != Operation::Passthrough && !is_object {
            return Err(garbled("the provider's answer is no JSON object").having(used));
        }
        let Some(Translation { from, to, ask }) = translation else {
            return Ok(Content::Plain { body, used });
        };
        // Reading it whole costs a multiple of its bytes, as with a request.
        let is_readable = std::str::from_utf8(&body).is_ok_and(|it| refuse_excess(it).is_ok());
        if !is_readable {
            let public = "the provider's answer is nested too deep or holds too much";
            return Err(garbled(public).having(used));
        }
        let request_id = self.call.id.to_string();
        let Some(body) = reply(from, to, &body, &self.echo(&ask, &request_id)) else {
            let public = "the provider's answer is not what its dialect promises";
            return Err(garbled(public).having(used));
        };
        Ok(Content::Plain { body, used })
    }

    /// An error event inside a success is still an error, as long as nothing of the answer has come.
    async fn stream(
        &self,
        body: UpstreamBody,
        translation: Option<Translation>,
    ) -> Result<Content, UpstreamError> {
        let limits = &self.gw.limits;
        let request_id = self.call.id.to_string();
        let translator = translation.map(|Translation { from, to, ask }| {
            StreamTranslator::new(from, to, &self.echo(&ask, &request_id))
        });
        // Events of a format that nobody here knows are passed on, and that is all.
        let is_foreign = self.dialect().is_none() && self.call.asked.passthrough.is_some();
        let meter = Meter::new(self.dialect().unwrap_or(Dialect::Chat));
        let meter = Some(meter).filter(|_| !is_foreign);
        let mut flow = Flow::new(body, limits, meter, translator);
        let patience = Patience {
            bytes_max: limits.held_bytes_max,
            until: Instant::now() + limits.held_max,
            idle_max: limits.idle_max,
            deadline: self.deadline,
        };
        match flow.begin(patience).await {
            Ok(()) => Ok(Content::Stream(Box::new(flow))),
            Err(unbegun) => Err(self.unbegun(&unbegun).having(flow.used())),
        }
    }

    /// The provider's, where it is a conversation's.
    fn dialect(&self) -> Option<Dialect> {
        let passed_through = || self.call.path.as_deref().and_then(conversation_at);
        self.candidate.way.operation.dialect().or_else(passed_through)
    }

    fn unbegun(&self, unbegun: &Unbegun) -> UpstreamError {
        let (code, public) = match unbegun {
            Unbegun::Error(error) => return self.told(error),
            Unbegun::Broken | Unbegun::Ended => {
                (Code::UpstreamError, "the provider's stream ended before its answer began")
            }
            Unbegun::Silent => {
                (Code::UpstreamTimeout, "the provider fell silent before its answer began")
            }
            Unbegun::TooLong => {
                (Code::UpstreamError, "the provider sent an event larger than this gateway carries")
            }
        };
        let error = UpstreamError::new(Blame::Provider, Retry::Next, code, public);
        UpstreamError { dispatched: true, ..error }
    }

    /// It says that it did nothing: there is nothing to bill.
    fn told(&self, error: &wire::UpstreamErrorBody) -> UpstreamError {
        let told = UpstreamError::told(self.candidate.provider, 200, error, self.scrubber);
        UpstreamError { dispatched: false, ..told }
    }

    fn echo<'e>(&self, ask: &'e wire::hub::Ask, request_id: &'e str) -> Echo<'e> {
        Echo { ask, request_id, now: self.gw.clock.now().unix_ms().div_euclid(1000) }
    }
}

const fn streams_its_own(operation: Operation) -> bool {
    use Operation as Op;
    matches!(
        operation,
        Op::ImageEdits | Op::Images | Op::Speech | Op::Transcriptions | Op::Translations
    )
}

fn refuse_compressed(headers: &HeaderMap) -> Result<(), UpstreamError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding.as_bytes() != b"identity" => {
            Err(garbled("the provider compressed its answer although it was asked not to"))
        }
        _ => Ok(()),
    }
}

/// A success that is none: it was worked on and will be billed, so that no other key is asked.
fn garbled(public: &str) -> UpstreamError {
    let error = UpstreamError::new(Blame::Provider, Retry::Never, Code::UpstreamError, public);
    UpstreamError { dispatched: true, ..error }
}

/// Opens the key for this one attempt. `None` for an endpoint that needs none.
fn resolve(gw: &Gateway, candidate: &Candidate<'_>) -> Result<Option<ProviderKey>, UpstreamError> {
    let row = &candidate.key.row;
    let Some(sealed) = &row.sealed else { return Ok(None) };
    let owner = &candidate.owner;
    let secret_id = row.id.to_string();
    let place = Place {
        workspace: owner.id,
        salt: &owner.salt,
        secret_id: &secret_id,
        field: PROVIDER_KEY_FIELD,
        sealed_version: row.sealed_version,
        origin: candidate.key.base_url.origin(),
    };
    // What is sealed anew under a new master key says so itself; the row's word for it may be a moment older.
    let version = header_of(sealed).ok().map(|header| header.version);
    let opened = match version.and_then(|version| owner.derived(version)) {
        Some(key) => gw.vault.open_provider_key_with(key, sealed, &place),
        None => gw.vault.open_provider_key(sealed, &place),
    };
    opened.map(Some).map_err(|error| {
        tracing::error!(provider_key = %row.id, error = %error, "a stored key does not open");
        let closed = UpstreamError::new(
            Blame::Us,
            Retry::Next,
            Code::NoProviderKey,
            "the stored key could not be opened: replace it, or ask the operator to run \
             `keystile vault doctor`",
        );
        UpstreamError { cause: FallbackCause::Unavailable, ..closed }
    })
}

fn is_kind(headers: &HeaderMap, wanted: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// A page of a provider's must not become a page of ours, and its own bytes, which may hold a key, no header.
fn harmless_type(headers: &HeaderMap, operation: Operation) -> Option<HeaderValue> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kinds = match operation {
        Operation::Passthrough => [SOUND, DATA].concat(),
        _ => SOUND.to_vec(),
    };
    let known = kinds
        .into_iter()
        .find(|known| known.split(';').next().is_some_and(|name| name.eq_ignore_ascii_case(kind)));
    known.map(HeaderValue::from_static)
}

/// Sound, and what is written down of it.
const SOUND: &[&str] = &[
    "audio/aac",
    "audio/basic",
    "audio/flac",
    "audio/l16",
    "audio/mp3",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/pcm",
    "audio/wav",
    "audio/wave",
    "audio/webm",
    "audio/x-wav",
    "text/plain; charset=utf-8",
];
const DATA: &[&str] = &[
    "application/jsonl",
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/webm",
];
