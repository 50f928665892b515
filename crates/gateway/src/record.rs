//! Writes down what each attempt was and used, exactly once, however it ends. Never the prompt, never the key.

use std::time::Duration;

use model::settings::OnDisconnect;
use model::{Code, Dialect, PicoUsd, Refusal, RequestId, Timestamp, Usage};
use store::journal::{Ack, Checkpoint, Outcome, Record, Settled, Started};
use store::rate::Standing;
use tokio::time::Instant;

use crate::Gateway;
use crate::authorize::Permit;
use crate::funds::{self, Funds};
use crate::parse::{Call, Payload};
use crate::plan::Candidate;
use crate::stragglers::Stragglers;
use crate::upstream::UpstreamError;
use crate::used::Used;

/// An attempt whose end is not written yet, and the money that is held for it.
#[must_use]
pub struct OpenAttempt {
    pub(crate) number: u32,
    pub(crate) funds: Funds,
    request: RequestId,
    started_at: Timestamp,
    started: Instant,
    is_dispatched: bool,
    first_content: Option<Instant>,
    http_status: Option<u16>,
}

impl OpenAttempt {
    pub fn content_seen(&mut self) {
        self.first_content.get_or_insert_with(Instant::now);
    }

    /// Whether the provider may bill what we never heard the end of: it got the request, and refused nothing.
    fn may_be_billed(&self) -> bool {
        self.is_dispatched && self.http_status.is_none_or(|status| (200..300).contains(&status))
    }

    /// What so much costs, should it end now.
    pub fn cost(&self, used: &Used) -> Option<PicoUsd> {
        let at = self.started_at.plus(self.started.elapsed());
        self.funds.cost(&used.usage, used.answered_by.as_deref(), at).amount
    }

    /// Ends it: what is held is settled, and what is to be written is returned.
    fn settled(&mut self, end: Ended<'_>) -> Settled {
        let Ended { status, usage, answered_by, error_code, may_be_billed } = end;
        let latency = self.started.elapsed();
        let at = self.started_at.plus(latency);
        let money = funds::End { outcome: status, at, may_be_billed };
        let (usage, cost) = self.funds.settle(&usage, answered_by, money);
        let ttft = self.first_content.map(|at| at.duration_since(self.started));
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Settled {
            request: self.request,
            attempt: self.number,
            at,
            status,
            http_status: self.http_status,
            error_code: error_code.map(str::to_owned),
            usage,
            cost_pico_usd: cost.amount.map(PicoUsd::saturating_u64),
            price: cost.price,
            billing_unknown: false,
            latency_ms: millis(latency),
            ttft_ms: ttft.map(millis),
        }
    }
}

/// How an attempt ended.
struct Ended<'a> {
    status: Outcome,
    usage: Usage,
    answered_by: Option<&'a str>,
    error_code: Option<&'a str>,
    may_be_billed: bool,
}

/// What is on its way to the journal, and what it came to.
#[must_use]
pub struct Settlement {
    pub ack: Ack,
    pub usage: Usage,
    pub cost: Option<PicoUsd>,
}

/// Holds the permit until the answer has been sent, and settles the attempt that produced it.
#[must_use]
pub struct Recorder {
    permit: Permit,
    request: RequestId,
    dialect: Dialect,
    comments: bool,
    client_wants_usage: bool,
    client_wants_receipt: bool,
    metrics: crate::Metrics,
    stragglers: Stragglers,
}

impl Recorder {
    pub fn new(gw: &Gateway, permit: Permit, call: &Call<'_>) -> Self {
        let asked = &call.asked;
        // A receipt goes where the usage is.
        let include_usage = match &call.payload {
            Payload::Json(request) => request.include_usage || asked.wishes.receipt,
            Payload::Multipart { .. } | Payload::Raw { .. } => true,
        };
        let dialect = asked.operation.dialect().unwrap_or(Dialect::Chat);
        Self {
            permit,
            request: call.id,
            dialect,
            // Gemini's SDK chokes on comments, and what is passed through stays as it is.
            comments: dialect != Dialect::Gemini && asked.passthrough.is_none(),
            client_wants_usage: include_usage,
            client_wants_receipt: asked.wishes.receipt,
            metrics: gw.metrics.clone(),
            stragglers: gw.stragglers.clone(),
        }
    }

    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// How the caller stands with its own limits.
    pub const fn standing(&self) -> Standing {
        self.permit.rates().standing()
    }

    /// The caller's.
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether a stream's receipt may stand in it as a comment.
    pub const fn comments(&self) -> bool {
        self.comments
    }

    pub const fn client_wants_receipt(&self) -> bool {
        self.client_wants_receipt
    }

    pub const fn client_wants_usage(&self) -> bool {
        self.client_wants_usage
    }

    pub const fn metrics(&self) -> &crate::Metrics {
        &self.metrics
    }

    pub const fn stragglers(&self) -> &Stragglers {
        &self.stragglers
    }

    /// The record of a normal end is acknowledged before the client's last byte.
    pub fn settle(
        &mut self,
        attempt: &mut OpenAttempt,
        outcome: Outcome,
        used: &Used,
        error_code: Option<&str>,
    ) -> Settlement {
        let settled = attempt.settled(Ended {
            status: outcome,
            usage: used.usage,
            answered_by: used.answered_by.as_deref(),
            error_code,
            may_be_billed: true,
        });
        // Cut short and never told: what was seen is a count of ours, and the bill may be longer.
        let billing_unknown = outcome != Outcome::Completed && used.usage.estimated;
        let settled = Settled { billing_unknown, ..settled };
        self.permit.used(&settled.usage);
        let usage = settled.usage;
        let cost = settled.cost_pico_usd.map(PicoUsd::from);
        let ack = self.permit.reservation().append_acked(Record::Settled(settled));
        Settlement { ack, usage, cost }
    }

    /// What a long answer came to so far, should this process not live to see its end.
    pub fn checkpoint(&self, attempt: &OpenAttempt, used: &Used) {
        self.permit.reservation().append_if_there_is_room(Record::Checkpoint(Checkpoint {
            request: attempt.request,
            attempt: attempt.number,
            usage: used.usage,
            cost_pico_usd: attempt.cost(used).map(PicoUsd::saturating_u64),
        }));
    }

    /// What becomes of the provider's call when the client hangs up.
    pub fn on_disconnect(&self) -> OnDisconnect {
        self.permit.acting().key().policy().on_disconnect
    }
}

/// The guard of an attempt in flight before its answer exists: if the caller goes away meanwhile, that is written.
#[must_use]
pub struct InFlight<'a> {
    permit: &'a Permit,
    /// Until it has ended or the answer has taken it over.
    attempt: Option<OpenAttempt>,
}

impl<'a> InFlight<'a> {
    /// On record before the first byte goes to the provider, so that no call is ever unknown to us.
    pub async fn begin(
        gw: &Gateway,
        permit: &'a Permit,
        call: &Call<'_>,
        candidate: &Candidate<'_>,
        number: u32,
        funds: Funds,
    ) -> Result<Self, Refusal> {
        let started_at = gw.clock.now();
        let acting = permit.acting();
        let ack = permit.reservation().append_acked(Record::Started(Started {
            request: call.id,
            attempt: number,
            at: started_at,
            workspace: acting.workspace().id,
            project: acting.project(),
            gateway_key: acting.key().id,
            provider_key: Some(candidate.key.row.id),
            provider: candidate.provider.id.to_string(),
            model: candidate.model.clone(),
            dialect: call.asked.operation.as_str().to_owned(),
            streamed: call.asked.stream,
            payer: candidate.payer.as_str().to_owned(),
            held_at: funds.held_at(),
            hold_pico_usd: funds.held(),
        }));
        let attempt = OpenAttempt {
            number,
            funds,
            request: call.id,
            started_at,
            started: Instant::now(),
            is_dispatched: false,
            first_content: None,
            http_status: None,
        };
        let in_flight = Self { permit, attempt: Some(attempt) };
        recorded(ack, gw.limits.record_max).await?;
        Ok(in_flight)
    }

    /// From here on bytes may go out: dialling is counted in, to be on the safe side.
    pub fn dispatch(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.is_dispatched = true;
        }
    }

    pub fn answered(&mut self, http_status: u16) {
        if let Some(attempt) = &mut self.attempt {
            attempt.http_status = Some(http_status);
        }
    }

    /// The provider failed it.
    pub fn fail(mut self, error: &UpstreamError) {
        let Some(attempt) = self.attempt.take() else { return };
        // Whoever says that it took too long may have worked on it.
        let may_be_billed = attempt.may_be_billed() || error.code == Code::UpstreamTimeout;
        let code = Some(error.code.as_str());
        let used = error.used.as_deref().cloned().unwrap_or_default();
        let may_be_billed = error.dispatched && may_be_billed;
        self.end(attempt, Outcome::Failed, &used, code, may_be_billed);
    }

    /// The answer takes over.
    pub fn keep(mut self) -> Option<OpenAttempt> {
        self.attempt.take()
    }

    fn end(
        &self,
        mut attempt: OpenAttempt,
        status: Outcome,
        used: &Used,
        error_code: Option<&str>,
        may_be_billed: bool,
    ) {
        let Used { usage, answered_by } = used;
        let answered_by = answered_by.as_deref();
        let ended = Ended { status, usage: *usage, answered_by, error_code, may_be_billed };
        // What its provider counted is known, whatever became of the answer.
        let billing_unknown = may_be_billed && (usage.output_tokens.is_none() || usage.estimated);
        let settled = Settled { billing_unknown, ..attempt.settled(ended) };
        self.permit.reservation().append(Record::Settled(settled));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            let may_be_billed = attempt.may_be_billed();
            self.end(attempt, Outcome::Aborted, &Used::default(), None, may_be_billed);
        }
    }
}

/// Waits until a record is written, and not for ever: nothing is sent or given that is not on record.
pub async fn recorded(ack: Ack, record_max: Duration) -> Result<(), Refusal> {
    let refusal = || {
        let public = "the usage journal cannot be written, and nothing is done without a record";
        Refusal::new(Code::JournalFull, public).retry_after(1)
    };
    // Nearly always: then there is no need of a clock.
    let fate = match ack.fate() {
        Some(fate) => Ok(fate),
        None => tokio::time::timeout(record_max, ack).await,
    };
    match fate {
        Ok(Ok(())) => Ok(()),
        Ok(Err(lost)) => Err(refusal().because(lost)),
        Err(_) => Err(refusal()),
    }
}
