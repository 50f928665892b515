//! Makes the calls of a plan, one after the other: each opens its key, sends, and waits for the first of the answer.
//! Obeys the blame and the retry that a failure carries; holds no status codes.

mod account;
mod budget;
mod one;
mod outgoing;
mod told;

use http::HeaderMap;
use model::settings::FallbackCause;
use model::{Code, ProviderId, ProviderKeyId, Refusal, RequestId};
use tokio::time::Instant;
use vault::Scrubber;

use crate::Gateway;
use crate::authorize::Permit;
use crate::flow::Flow;
use crate::funds::Funds;
use crate::parse::Call;
use crate::plan::{Candidate, Payer, Plan};
use crate::record::{InFlight, OpenAttempt};
use crate::upstream::{Retry, UpstreamBody, UpstreamError};
use crate::used::Used;

use budget::Budget;
use one::{Attempt, Begun, one};
use outgoing::prepare;

/// A provider has begun to answer. From here on nothing is tried again.
#[must_use]
pub struct Answer {
    pub(crate) attempt: OpenAttempt,
    pub(crate) receipt: Receipt,
    pub(crate) status: http::StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) scrubber: Option<Scrubber>,
    pub(crate) content: Content,
    pub(crate) deadline: Instant,
    pub(crate) limits: crate::Limits,
    /// What was asked and could not be told to the provider.
    pub(crate) left_out: Vec<String>,
}

pub enum Content {
    /// JSON, whole, as the caller gets it but for the scrubber, and what was used.
    Plain {
        body: bytes::Bytes,
        used: Used,
    },
    /// Anything else, as it comes.
    Raw {
        body: UpstreamBody,
        content_type: Option<http::HeaderValue>,
    },
    Stream(Box<Flow>),
}

/// Who answered and on whose account.
#[derive(Clone, serde::Serialize)]
pub struct Receipt {
    pub(crate) request_id: RequestId,
    pub(crate) provider: ProviderId,
    pub(crate) model: String,
    pub(crate) payer: &'static str,
    pub(crate) provider_key: ProviderKeyId,
    pub(crate) attempts: u32,
}

pub async fn attempt(
    gw: &Gateway,
    permit: &Permit,
    plan: Plan<'_>,
    call: &Call<'_>,
) -> Result<Answer, Refusal> {
    plan.tell(&gw.key_news);
    if plan.attempts.is_empty() {
        return Err(plan.refusal(permit.acting().workspace().id));
    }
    let mut budget = Budget::new(&gw.limits);
    let mut failures = Failures::default();
    let mut candidates = plan.attempts.iter();
    while let Some(candidate) = candidates.next() {
        if !failures.let_answer(candidate) {
            continue;
        }
        loop {
            let funds = match Funds::reserve(gw, permit, call, candidate).await {
                Ok(funds) => funds,
                // Another model, or another's key, may be within what is left.
                Err(refusal) if is_too_dear(&refusal) => {
                    failures.unpaid(refusal);
                    break;
                }
                Err(refusal) => return Err(refusal),
            };
            // What a provider cannot be told costs neither an attempt nor a record.
            let prepared = match prepare(gw, call, candidate, &funds) {
                Ok(prepared) => prepared,
                Err(error) => {
                    failures.unsaid(candidate, error);
                    break;
                }
            };
            let Some(number) = budget.next() else { return Err(failures.into_refusal()) };
            let mut in_flight = InFlight::begin(gw, permit, call, candidate, number, funds).await?;
            let attempt = Attempt { gw, permit, call, candidate, deadline: budget.deadline() };
            let error = match one(&attempt, prepared, &mut in_flight).await {
                Ok(begun) => {
                    gw.metrics.attempt(candidate.provider.id.as_str(), "answered");
                    permit.reservation().keep_only(RECORDS_OF_AN_ANSWER);
                    let attempt = in_flight.keep().ok_or_else(|| Refusal::internal(TAKEN))?;
                    return Ok(answer(gw, call, candidate, begun, attempt, &budget));
                }
                Err(error) => error,
            };
            note(gw, call, candidate, number, &error);
            in_flight.fail(&error);
            let retry = error.retry;
            let error = failures.note(candidate, error);
            let again = error.again;
            let after = error.retry_after_seconds;
            if retry == Retry::Never {
                return Err(failures.into_refusal());
            }
            // Whoever else may answer is asked first: waiting is for those who have nobody else.
            let others = candidates.clone().any(|other| failures.let_answer(other));
            if !again || others {
                break;
            }
            match budget.wait_for(after, &*gw.random) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => break,
            }
        }
    }
    Err(failures.into_refusal())
}

/// An attempt is ended once.
const TAKEN: &str = "an attempt was ended before its answer";
/// Its end. No further attempt follows, so that the rest of the reserved places go back to others at once.
const RECORDS_OF_AN_ANSWER: u32 = 1;

fn answer(
    gw: &Gateway,
    call: &Call<'_>,
    candidate: &Candidate<'_>,
    begun: Begun,
    attempt: OpenAttempt,
    budget: &Budget,
) -> Answer {
    let receipt = Receipt {
        request_id: call.id,
        provider: candidate.provider.id.clone(),
        model: candidate.model.clone(),
        payer: candidate.payer.as_str(),
        provider_key: candidate.key.row.id,
        attempts: attempt.number,
    };
    Answer {
        attempt,
        receipt,
        status: begun.status,
        headers: begun.headers,
        scrubber: begun.scrubber,
        content: begun.content,
        deadline: budget.deadline(),
        limits: gw.limits.clone(),
        left_out: begun.left_out,
    }
}

fn note(
    gw: &Gateway,
    call: &Call<'_>,
    candidate: &Candidate<'_>,
    number: u32,
    error: &UpstreamError,
) {
    gw.metrics.attempt(candidate.provider.id.as_str(), error.code.as_str());
    tracing::info!(
        request.id = %call.id,
        attempt.n = number,
        provider = %candidate.provider.id,
        provider_key = %candidate.key.row.id,
        error.code = error.code.as_str(),
        "an attempt failed"
    );
}

const fn is_too_dear(refusal: &Refusal) -> bool {
    matches!(refusal.code, Code::QuotaExceeded | Code::SpendCapExceeded)
}

/// What became of the attempts so far.
#[derive(Default)]
struct Failures {
    /// Of the caller's own keys: the model's rank, and the cause for which a platform key may answer instead.
    own: Vec<(usize, FallbackCause)>,
    last: Option<(UpstreamError, Option<String>)>,
    /// Of a candidate that no money was left for.
    unpaid: Option<Refusal>,
    /// Of a candidate that could not be asked; told only where none could.
    unsaid: Option<(UpstreamError, Option<String>)>,
}

impl Failures {
    fn note(&mut self, candidate: &Candidate<'_>, error: UpstreamError) -> &UpstreamError {
        if candidate.payer == Payer::Byok {
            self.own.push((candidate.rank, error.cause));
        }
        &self.last.insert((error, key_to_name(candidate))).0
    }

    fn unsaid(&mut self, candidate: &Candidate<'_>, error: UpstreamError) {
        self.unsaid = Some((error, key_to_name(candidate)));
    }

    /// A platform key behind own ones answers only for the causes its owner's policy lists, all of them.
    fn let_answer(&self, candidate: &Candidate<'_>) -> bool {
        let mut causes =
            self.own.iter().filter(|(rank, _)| *rank == candidate.rank).map(|(_, cause)| cause);
        candidate.only_after.is_empty() || causes.all(|cause| candidate.only_after.contains(cause))
    }

    /// The first one is told, for it is about what was asked for.
    fn unpaid(&mut self, refusal: Refusal) {
        self.unpaid.get_or_insert(refusal);
    }

    fn into_refusal(self) -> Refusal {
        let told =
            |(error, key): (UpstreamError, Option<String>)| error.into_refusal(key.as_deref());
        let told = self.last.map(told).or(self.unpaid).or_else(|| self.unsaid.map(told));
        match told {
            Some(refusal) => refusal,
            None => Refusal::new(
                Code::UpstreamUnavailable,
                "no attempt could be made in the time that there was",
            ),
        }
    }
}

/// The operator's keys are not the caller's to mend.
fn key_to_name(candidate: &Candidate<'_>) -> Option<String> {
    (candidate.payer == Payer::Byok).then(|| candidate.key.row.id.to_string())
}
