//! Writes down what each attempt was and used, exactly once, however it ends. Never the prompt, never the key.

use model::{RequestId, Timestamp, Usage};
use store::journal::{Ack, Outcome, Record, Settled, Started};
use tokio::time::Instant;

use crate::Gateway;
use crate::authorize::Permit;
use crate::parse::Call;
use crate::plan::Candidate;
use crate::upstream::UpstreamError;

/// An attempt whose end is not written yet. Dropped like that, its caller hung up.
#[must_use]
pub struct OpenAttempt {
    pub(crate) number: u32,
    request: RequestId,
    started_at: Timestamp,
    started: Instant,
    first_content: Option<Instant>,
    http_status: Option<u16>,
}

impl OpenAttempt {
    /// Written before the first byte goes to the provider.
    pub fn begin(
        gw: &Gateway,
        permit: &Permit,
        call: &Call,
        candidate: &Candidate<'_>,
        number: u32,
    ) -> Self {
        let started_at = gw.clock.now();
        let caller = permit.caller();
        permit.reservation().append(Record::Started(Started {
            request: call.id,
            attempt: number,
            at: started_at,
            workspace: caller.workspace.id,
            project: permit.project(),
            gateway_key: caller.key.id,
            provider_key: Some(candidate.key.row.id),
            provider: candidate.provider.id.to_string(),
            model: candidate.model.clone(),
            dialect: call.dialect.as_str().to_owned(),
            streamed: call.request.stream,
            payer: PAYER.to_owned(),
        }));
        Self {
            number,
            request: call.id,
            started_at,
            started: Instant::now(),
            first_content: None,
            http_status: None,
        }
    }

    pub fn answered(&mut self, http_status: u16) {
        self.http_status = Some(http_status);
    }

    pub fn content_seen(&mut self) {
        self.first_content.get_or_insert_with(Instant::now);
    }

    /// The provider failed it.
    pub fn fail(self, permit: &Permit, error: &UpstreamError) {
        let settled = self.settled(Outcome::Failed, Usage::default(), Some(error.code.as_str()));
        let silent = self.http_status.is_none() && error.dispatched;
        let settled = Settled { billing_unknown: silent, ..settled };
        permit.reservation().append(Record::Settled(settled));
    }

    fn settled(&self, status: Outcome, usage: Usage, error_code: Option<&str>) -> Settled {
        let latency = self.started.elapsed();
        let ttft = self.first_content.map(|at| at.duration_since(self.started));
        let millis =
            |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Settled {
            request: self.request,
            attempt: self.number,
            at: self.started_at.plus(latency),
            status,
            http_status: self.http_status,
            error_code: error_code.map(str::to_owned),
            usage,
            billing_unknown: false,
            latency_ms: millis(latency),
            ttft_ms: ttft.map(millis),
        }
    }
}

/// Only callers' own keys exist so far.
pub const PAYER: &str = "byok";

/// Holds the permit until the answer has been sent, and settles the attempt that produced it.
pub struct Recorder {
    permit: Permit,
    request: RequestId,
    client_wants_usage: bool,
    metrics: crate::Metrics,
}

impl Recorder {
    pub fn new(gw: &Gateway, permit: Permit, call: &Call) -> Self {
        Self {
            permit,
            request: call.id,
            client_wants_usage: call.request.include_usage,
            metrics: gw.metrics.clone(),
        }
    }

    pub const fn request(&self) -> RequestId {
        self.request
    }

    pub const fn client_wants_usage(&self) -> bool {
        self.client_wants_usage
    }

    pub const fn metrics(&self) -> &crate::Metrics {
        &self.metrics
    }

    /// The record of a normal end is acknowledged before the client's last byte.
    pub fn settle(
        &self,
        attempt: &OpenAttempt,
        outcome: Outcome,
        usage: Usage,
        error_code: Option<&str>,
    ) -> Ack {
        let settled = attempt.settled(outcome, usage, error_code);
        self.permit.reservation().append_acked(Record::Settled(settled))
    }
}

/// The guard of an attempt in flight before its answer exists: if the caller goes away meanwhile, that is written.
pub struct InFlight<'a> {
    pub(crate) permit: &'a Permit,
    attempt: Option<OpenAttempt>,
}

impl<'a> InFlight<'a> {
    pub fn new(permit: &'a Permit, attempt: OpenAttempt) -> Self {
        Self { permit, attempt: Some(attempt) }
    }

    pub fn answered(&mut self, http_status: u16) {
        if let Some(attempt) = &mut self.attempt {
            attempt.answered(http_status);
        }
    }

    pub fn fail(mut self, error: &UpstreamError) {
        if let Some(attempt) = self.attempt.take() {
            attempt.fail(self.permit, error);
        }
    }

    /// The answer takes over.
    pub fn keep(mut self) -> Option<OpenAttempt> {
        self.attempt.take()
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            let settled = attempt.settled(Outcome::Aborted, Usage::default(), None);
            let settled = Settled { billing_unknown: true, ..settled };
            self.permit.reservation().append(Record::Settled(settled));
        }
    }
}
