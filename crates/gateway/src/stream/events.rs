//! The body of a streamed answer: whole events in, the same events out, and a record before the last one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use model::settings::OnDisconnect;
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
use crate::record::{OpenAttempt, Recorder, Settlement};
use crate::upstream::quotable;
use crate::{BoxError, Limits};

/// Dropped before its end, the client hung up: the upstream call goes with it, and what was seen is written down. Or it is
/// read to its end, where the key's owner wants to know what the provider bills.
pub struct EventBody(Option<Box<Streaming>>);

/// A stream that nobody may be listening to any more.
struct Streaming {
    flow: Box<Flow>,
    scrubber: Option<Scrubber>,
    attempt: OpenAttempt,
    recorder: Recorder,
    receipt: Receipt,
    idle_max: Duration,
    record_max: Duration,
    /// Runs out when the provider is silent for too long, and later when the journal is. Not set anew by every event:
    /// whether the silence was one is looked at when it has run out.
    patience: Pin<Box<Sleep>>,
    /// When the caller is told that the silence is none, in the one dialect that has a word for it.
    ping: Option<Pin<Box<Sleep>>>,
    /// The provider's last word.
    heard_at: Instant,
    deadline: Instant,
    /// When what was used so far is written down again.
    checkpoint_at: Instant,
    /// The client has hung up.
    is_alone: bool,
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
/// What a killed process may lose of a stream's count.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5);
/// How long a stream without a listener is read on.
const ALONE_MAX: Duration = Duration::from_secs(60);
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
        Self(Some(Box::new(Streaming {
            flow,
            scrubber,
            attempt,
            recorder,
            receipt,
            idle_max: limits.idle_max,
            record_max: limits.record_max,
            patience: Box::pin(sleep_until(deadline.min(now + limits.idle_max))),
            ping: pings.then(|| Box::pin(sleep_until(now + PING_EVERY))),
            heard_at: now,
            deadline,
            checkpoint_at: now + CHECKPOINT_EVERY,
            is_alone: false,
            ready: VecDeque::new(),
            state: State::Flowing,
        })))
    }
}

impl Streaming {
    /// One event: passed on, held back, or the last one.
    fn take(&mut self, event: Bytes, seen: Seen) {
        match seen {
            Seen::Content => {
                self.attempt.content_seen();
                if self.attempt.funds.is_passed_by(&self.flow.usage()) {
                    return self.stop_spending();
                }
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

    /// The provider writes on beyond the limit that it was given, and that money is held for.
    fn stop_spending(&mut self) {
        let public = "the answer was cut: it passed what a spending cap held for it";
        self.break_off(Outcome::Cut, Refusal::new(Code::SpendCapExceeded, public));
    }

    fn pass(&mut self, event: Bytes) {
        if !self.flow.is_translated() {
            return self.give(event);
        }
        let mut told = Vec::new();
        self.flow.told(event, &mut told);
        for event in told {
            self.give(event);
        }
        if self.flow.has_failed() {
            self.give_up();
        }
    }

    fn give(&mut self, event: Bytes) {
        let event = self.receipted(event);
        self.ready.push_back(scrub(self.scrubber.as_ref(), event));
    }

    /// The answer cannot be told in the caller's dialect, which has been said.
    fn give_up(&mut self) {
        self.flow.close();
        let code = Code::UpstreamError.as_str();
        let settled = self.settle(Outcome::Failed, Some(code));
        self.recorder.metrics().broken_stream(code);
        self.await_record(settled.ack, Vec::new());
    }

    /// With the receipt inside, where the caller wants it there and the event says what was used.
    fn receipted(&self, event: Bytes) -> Bytes {
        if !self.recorder.client_wants_receipt() {
            return event;
        }
        let used = self.flow.used();
        let cost = self.attempt.cost(&used);
        let receipt = FinalReceipt::new(&self.receipt, used.usage, cost);
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
        let outcome = if self.is_alone { Outcome::Aborted } else { Outcome::Completed };
        let Settlement { ack, usage, cost } = self.settle(outcome, None);
        let last: Vec<_> = last.into_iter().map(|event| self.receipted(event)).collect();
        let (mut last, end) = match last.split_last() {
            Some((end, before)) => (before.to_vec(), Some(end.clone())),
            None => (Vec::new(), None),
        };
        if self.recorder.comments() {
            last.push(receipt_comment(&FinalReceipt::new(&self.receipt, usage, cost)));
        }
        last.extend(end);
        self.await_record(ack, last);
    }

    /// The provider did not end well: the client must not mistake that for an end.
    fn break_off(&mut self, outcome: Outcome, refusal: Refusal) {
        self.flow.close();
        let code = refusal.code.as_str();
        let settled = self.settle(outcome, Some(code));
        self.recorder.metrics().broken_stream(code);
        let mut last = Vec::new();
        self.flow.fail(&refusal, &mut last);
        if last.is_empty() {
            let dialect = self.recorder.dialect();
            let request_id = self.receipt.request_id.to_string();
            last.push(error_event(dialect, &refusal, Some(&request_id)));
        }
        self.await_record(settled.ack, last);
    }

    fn settle(&mut self, outcome: Outcome, code: Option<&str>) -> Settlement {
        let used = self.flow.used();
        self.recorder.settle(&mut self.attempt, outcome, &used, code)
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

    fn end_silence(&mut self) {
        if Instant::now() >= self.deadline {
            self.end_late();
        } else if self.is_told_whole() {
            self.flow.close();
            self.complete(None);
        } else {
            let public = "the provider fell silent in the middle of its answer";
            self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamTimeout, public));
        }
    }

    fn end_late(&mut self) {
        let public = "the provider did not end its answer in time";
        self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamTimeout, public));
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
        match self.flow.poll_step(cx) {
            Poll::Pending => {
                if self.poll_silence(cx).is_ready() {
                    self.end_silence();
                    return Poll::Ready(());
                }
                ready!(self.poll_ping(cx));
                self.ready.push_back(Bytes::from_static(PING));
            }
            Poll::Ready(step) => {
                let now = Instant::now();
                // A provider that never pauses is late all the same.
                if now >= self.deadline {
                    self.end_late();
                    return Poll::Ready(());
                }
                if now >= self.checkpoint_at {
                    self.checkpoint_at = now + CHECKPOINT_EVERY;
                    self.recorder.checkpoint(&self.attempt, &self.flow.used());
                }
                self.heard_at = now;
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

    /// Ready once the provider has been silent for too long, or is late.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.patience.as_mut().poll(cx));
            let until = self.silent_at();
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            self.patience.as_mut().reset(until);
        }
    }

    fn silent_at(&self) -> Instant {
        self.deadline.min(self.heard_at + self.idle_max)
    }

    /// Ready when a word is due.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ping) = &mut self.ping else { return Poll::Pending };
        loop {
            ready!(ping.as_mut().poll(cx));
            let now = Instant::now();
            let due_at = self.heard_at + PING_EVERY;
            let is_due = due_at <= now;
            // The next one, should the silence go on.
            ping.as_mut().reset(if is_due { now + PING_EVERY } else { due_at });
            if is_due {
                return Poll::Ready(());
            }
        }
    }
}

impl Streaming {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(event))));
            }
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Flowing => ready!(self.poll_flow(cx)),
                State::Settling { ack, last } => match Pin::new(ack).poll(cx) {
                    Poll::Ready(Ok(())) => {
                        let last = std::mem::take(last);
                        self.flow.drain(cx);
                        self.state = State::Over;
                        let scrubber = self.scrubber.as_ref();
                        self.ready.extend(last.into_iter().map(|b| scrub(scrubber, b)));
                    }
                    Poll::Ready(Err(lost)) => {
                        self.state = State::Over;
                        return Poll::Ready(Some(Err(lost.into())));
                    }
                    Poll::Pending => {
                        self.flow.drain(cx);
                        ready!(self.patience.as_mut().poll(cx));
                        self.state = State::Over;
                        return Poll::Ready(Some(Err("the record was not written in time".into())));
                    }
                },
            }
        }
    }

    /// Reads on for the count alone, not for ever, and not beyond what is held.
    async fn read_on(mut self: Box<Self>) {
        self.is_alone = true;
        self.deadline = self.deadline.min(Instant::now() + ALONE_MAX);
        let until = self.silent_at();
        self.patience.as_mut().reset(until);
        std::future::poll_fn(|cx| {
            while matches!(self.state, State::Flowing) {
                ready!(self.poll_flow(cx));
                self.ready.clear();
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// However it ends: a task that is cut short settles what was seen.
impl Drop for Streaming {
    fn drop(&mut self) {
        if matches!(self.state, State::Flowing) {
            self.flow.close();
            // The acknowledgement has nobody left to wait for it.
            drop(self.settle(Outcome::Aborted, None));
        }
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Some(streaming) => streaming.poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_over = |it: &Streaming| matches!(it.state, State::Over) && it.ready.is_empty();
        self.0.as_deref().is_none_or(is_over)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        let Some(streaming) = self.0.take() else { return };
        let is_flowing = matches!(streaming.state, State::Flowing);
        if is_flowing && streaming.recorder.on_disconnect() == OnDisconnect::Drain {
            let stragglers = streaming.recorder.stragglers().clone();
            stragglers.follow(streaming.read_on());
        }
    }
}
