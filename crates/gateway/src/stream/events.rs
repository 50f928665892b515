//! The body of a streamed answer: whole events in, the same events out, and a record before the last one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use model::{Code, Dialect, Refusal};
use store::journal::{Ack, Outcome};
use tokio::time::{Instant, Sleep, sleep_until};
use vault::Scrubber;
use wire::Seen;
use wire::dialect::error_event;
use wire::openai::render::receipt_comment;
use wire::receipt::event_with_receipt;

use super::{FinalReceipt, scrub};
use crate::attempt::Receipt;
use crate::flow::{Flow, Step};
use crate::plan::Payer;
use crate::record::{OpenAttempt, Recorder};
use crate::upstream::quotable;
use crate::{BoxError, Limits};

/// Dropped before its end, the client hung up: the upstream call goes with it, and what was seen is written down.
pub struct EventBody {
    flow: Box<Flow>,
    scrubber: Option<Scrubber>,
    attempt: OpenAttempt,
    recorder: Recorder,
    receipt: Receipt,
    idle_max: Duration,
    record_max: Duration,
    /// Runs out when the provider is silent for too long, and later when the journal is.
    patience: Pin<Box<Sleep>>,
    /// When the caller is told that the silence is none, in the one dialect that has a word for it.
    ping: Option<Pin<Box<Sleep>>>,
    deadline: Instant,
    ready: VecDeque<Bytes>,
    state: State,
}

enum State {
    Flowing,
    /// The attempt is settled; this goes out once that is on record.
    Settling {
        ack: Ack,
        last: Vec<Bytes>,
    },
    Over,
}

/// Clients give a silent connection up; Anthropic's SDKs are used to hearing something.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING: &[u8] = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";

impl EventBody {
    pub fn new(
        flow: Box<Flow>,
        attempt: OpenAttempt,
        recorder: Recorder,
        receipt: Receipt,
        scrubber: Option<Scrubber>,
        deadline: Instant,
        limits: &Limits,
    ) -> Self {
        let pings = flow.is_translated() && recorder.dialect() == Dialect::Anthropic;
        let now = Instant::now();
        Self {
            flow,
            scrubber,
            attempt,
            recorder,
            receipt,
            idle_max: limits.idle_max,
            record_max: limits.record_max,
            patience: Box::pin(sleep_until(deadline.min(now + limits.idle_max))),
            ping: pings.then(|| Box::pin(sleep_until(now + PING_EVERY))),
            deadline,
            ready: VecDeque::new(),
            state: State::Flowing,
        }
    }

    /// One event: passed on, held back, or the last one.
    fn take(&mut self, event: Bytes, seen: Seen) {
        match seen {
            Seen::Content => {
                self.attempt.content_seen();
                self.pass(event);
            }
            Seen::Done => self.complete(Some(event)),
            Seen::Error(error) => {
                // What the operator's account is told is nobody else's business.
                let is_own = self.receipt.payer == Payer::Byok.as_str();
                let words = quotable(&error, self.scrubber.as_ref()).filter(|_| is_own);
                let public = match words {
                    Some(words) => format!("the provider broke off: {words}"),
                    None => "the provider broke off in the middle of its answer".to_owned(),
                };
                self.break_off(Outcome::Failed, Refusal::new(Code::UpstreamError, public));
            }
            Seen::UsageOnly if !self.flow.is_translated() => {
                if self.recorder.client_wants_usage() {
                    self.pass(event);
                }
            }
            Seen::Finish | Seen::Other | Seen::UsageOnly => self.pass(event),
        }
    }

    fn pass(&mut self, event: Bytes) {
        let mut told = Vec::new();
        self.flow.told(event, &mut told);
        for event in told {
            let event = self.receipted(event);
            self.ready.push_back(scrub(self.scrubber.as_ref(), event));
        }
        if self.flow.has_failed() {
            self.give_up();
        }
    }

    /// The answer cannot be told in the caller's dialect, which has been said.
    fn give_up(&mut self) {
        self.flow.close();
        let code = Code::UpstreamError.as_str();
        let usage = self.flow.usage();
        let ack = self.recorder.settle(&self.attempt, Outcome::Failed, usage, Some(code));
        self.recorder.metrics().broken_stream(code);
        self.await_record(ack, Vec::new());
    }

    /// With the receipt inside, where the caller wants it there and the event says what was used.
    fn receipted(&self, event: Bytes) -> Bytes {
        if !self.recorder.client_wants_receipt() {
            return event;
        }
        let receipt = FinalReceipt { receipt: &self.receipt, usage: self.flow.usage() };
        event_with_receipt(&event, &receipt).unwrap_or(event)
    }

    /// The provider ended well: settle, then the receipt and what came last.
    fn complete(&mut self, terminator: Option<Bytes>) {
        let mut last = Vec::new();
        self.flow.assume(&mut last);
        match terminator {
            Some(event) => self.flow.told(event, &mut last),
            None => self.flow.finish(&mut last),
        }
        let usage = self.flow.usage();
        let last: Vec<_> = last.into_iter().map(|event| self.receipted(event)).collect();
        let (mut last, end) = match last.split_last() {
            Some((end, before)) => (before.to_vec(), Some(end.clone())),
            None => (Vec::new(), None),
        };
        if self.recorder.comments() {
            last.push(receipt_comment(&FinalReceipt { receipt: &self.receipt, usage }));
        }
        last.extend(end);
        let ack = self.recorder.settle(&self.attempt, Outcome::Completed, usage, None);
        self.await_record(ack, last);
    }

    /// The provider did not end well: the client must not mistake that for an end.
    fn break_off(&mut self, outcome: Outcome, refusal: Refusal) {
        self.flow.close();
        let code = refusal.code.as_str();
        let usage = self.flow.usage();
        let ack = self.recorder.settle(&self.attempt, outcome, usage, Some(code));
        self.recorder.metrics().broken_stream(code);
        let mut last = Vec::new();
        self.flow.fail(&refusal, &mut last);
        if last.is_empty() {
            let dialect = self.recorder.dialect();
            last.push(error_event(dialect, &refusal, Some(&self.receipt.request_id)));
        }
        self.await_record(ack, last);
    }

    fn await_record(&mut self, ack: Ack, last: Vec<Bytes>) {
        self.patience.as_mut().reset(Instant::now() + self.record_max);
        self.state = State::Settling { ack, last };
    }

    fn upstream_ended(&mut self, tail: Option<Bytes>) {
        if let Some(tail) = tail {
            self.take_tail(tail);
        }
        if !matches!(self.state, State::Flowing) {
            return;
        }
        if self.flow.finished() {
            self.complete(None);
        } else {
            self.cut();
        }
    }

    /// Once it is said why the answer stopped, a translation needs nothing more; whoever reads the provider's own words may.
    fn is_told_whole(&self) -> bool {
        self.flow.is_translated() && self.flow.finished()
    }

    fn cut(&mut self) {
        let public = "the provider's stream ended before its answer was complete";
        self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamError, public));
    }

    /// The last event may lack its blank line. Half an event is worth nothing, to the client or to us.
    fn take_tail(&mut self, tail: Bytes) {
        let had_finished = self.flow.finished();
        let seen = self.flow.see(&tail);
        if seen == Seen::Done {
            self.complete(Some(tail));
        } else if matches!(seen, Seen::Error(_)) {
            self.cut();
        } else if self.flow.finished() && !had_finished {
            self.pass([&tail, b"\n\n".as_slice()].concat().into());
        }
    }

    /// Reads on until there is something to say. `Pending` with the waker registered otherwise.
    fn poll_flow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A provider that never pauses is late all the same.
        if Instant::now() >= self.deadline {
            let public = "the provider did not end its answer in time";
            self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamTimeout, public));
            return Poll::Ready(());
        }
        match self.flow.poll_step(cx) {
            Poll::Pending => {
                if self.patience.as_mut().poll(cx).is_ready() {
                    if self.is_told_whole() {
                        self.flow.close();
                        self.complete(None);
                        return Poll::Ready(());
                    }
                    let public = "the provider fell silent in the middle of its answer";
                    let refusal = Refusal::new(Code::UpstreamTimeout, public);
                    self.break_off(Outcome::Cut, refusal);
                    return Poll::Ready(());
                }
                let Some(ping) = &mut self.ping else { return Poll::Pending };
                ready!(ping.as_mut().poll(cx));
                ping.as_mut().reset(Instant::now() + PING_EVERY);
                self.ready.push_back(Bytes::from_static(PING));
            }
            Poll::Ready(step) => {
                let now = Instant::now();
                self.patience.as_mut().reset(self.deadline.min(now + self.idle_max));
                if let Some(ping) = &mut self.ping {
                    ping.as_mut().reset(now + PING_EVERY);
                }
                match step {
                    Step::Event(event, seen) => self.take(event, seen),
                    Step::End(tail) => self.upstream_ended(tail),
                    Step::Broken(error) => {
                        tracing::info!(request.id = %self.recorder.request(), error = %error,
                            "a provider cut its stream");
                        match self.is_told_whole() {
                            true => self.complete(None),
                            false => self.cut(),
                        }
                    }
                    Step::TooMuch if self.is_told_whole() => self.complete(None),
                    Step::TooMuch => {
                        let public = "the provider's stream is larger than this gateway carries";
                        self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamError, public));
                    }
                    Step::TooLong => {
                        let public = "the provider sent an event larger than this gateway carries";
                        self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamError, public));
                    }
                }
            }
        }
        Poll::Ready(())
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(event))));
            }
            match &mut this.state {
                State::Over => return Poll::Ready(None),
                State::Flowing => ready!(this.poll_flow(cx)),
                State::Settling { ack, last } => match Pin::new(ack).poll(cx) {
                    Poll::Ready(Ok(())) => {
                        let last = std::mem::take(last);
                        this.flow.drain(cx);
                        this.state = State::Over;
                        let scrubber = this.scrubber.as_ref();
                        this.ready.extend(last.into_iter().map(|b| scrub(scrubber, b)));
                    }
                    Poll::Ready(Err(lost)) => {
                        this.state = State::Over;
                        return Poll::Ready(Some(Err(lost.into())));
                    }
                    Poll::Pending => {
                        this.flow.drain(cx);
                        ready!(this.patience.as_mut().poll(cx));
                        this.state = State::Over;
                        return Poll::Ready(Some(Err("the record was not written in time".into())));
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Over) && self.ready.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        if matches!(self.state, State::Flowing) {
            // The acknowledgement has nobody left to wait for it.
            drop(self.recorder.settle(&self.attempt, Outcome::Aborted, self.flow.usage(), None));
        }
    }
}
