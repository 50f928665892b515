//! The body of a streamed answer: whole events in, the same events out, and a record before the last one.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use model::{Code, Refusal};
use store::journal::{Ack, Outcome};
use tokio::time::{Instant, Sleep, sleep_until};
use vault::Scrubber;
use wire::openai::error::error_event;
use wire::openai::render::receipt_comment;
use wire::openai::stream::{ChatMeter, Seen};
use wire::sse::Frames;

use super::scrub;
use crate::attempt::Receipt;
use crate::record::{OpenAttempt, Recorder};
use crate::upstream::quotable;
use crate::{BoxError, Limits};

/// A provider that goes on after its terminator is not listened to for long.
const DRAINED_FRAMES_MAX: usize = 16;

/// Dropped before its end, the client hung up: the upstream call goes with it, and what was seen is written down.
pub struct EventBody {
    upstream: Option<Incoming>,
    frames: Frames,
    meter: ChatMeter,
    scrubber: Option<Scrubber>,
    attempt: OpenAttempt,
    recorder: Recorder,
    receipt: Receipt,
    idle_max: Duration,
    record_max: Duration,
    /// Runs out when the provider is silent for too long, and later when the journal is.
    patience: Pin<Box<Sleep>>,
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

impl EventBody {
    pub fn new(
        upstream: Incoming,
        attempt: OpenAttempt,
        recorder: Recorder,
        receipt: Receipt,
        scrubber: Option<Scrubber>,
        deadline: Instant,
        limits: &Limits,
    ) -> Self {
        Self {
            upstream: Some(upstream),
            frames: Frames::new(limits.event_bytes_max),
            meter: ChatMeter::new(),
            scrubber,
            attempt,
            recorder,
            receipt,
            idle_max: limits.idle_max,
            record_max: limits.record_max,
            patience: Box::pin(sleep_until(deadline.min(Instant::now() + limits.idle_max))),
            deadline,
            ready: VecDeque::new(),
            state: State::Flowing,
        }
    }

    /// One event: passed on, held back, or the last one.
    fn take(&mut self, event: Bytes) {
        match self.meter.see(&event) {
            Seen::Content => {
                self.attempt.content_seen();
                self.pass(event);
            }
            Seen::Done => self.complete(vec![event]),
            Seen::Error(error) => {
                let public = match quotable(&error, self.scrubber.as_ref()) {
                    Some(words) => format!("the provider broke off: {words}"),
                    None => "the provider broke off in the middle of its answer".to_owned(),
                };
                self.break_off(Outcome::Failed, Refusal::new(Code::UpstreamError, public));
            }
            Seen::UsageOnly if !self.recorder.client_wants_usage() => {}
            Seen::Finish | Seen::Other | Seen::UsageOnly => self.pass(event),
        }
    }

    fn pass(&mut self, event: Bytes) {
        self.ready.push_back(scrub(self.scrubber.as_ref(), event));
    }

    /// The provider ended well: settle, then the receipt and what came last.
    fn complete(&mut self, mut last: Vec<Bytes>) {
        let usage = self.meter.usage();
        last.insert(0, receipt_comment(&FinalReceipt { receipt: &self.receipt, usage }));
        let ack = self.recorder.settle(&self.attempt, Outcome::Completed, usage, None);
        self.await_record(ack, last);
    }

    /// The provider did not end well: the client must not mistake that for an end.
    fn break_off(&mut self, outcome: Outcome, refusal: Refusal) {
        self.upstream = None;
        let code = refusal.code.as_str();
        let usage = self.meter.usage();
        let ack = self.recorder.settle(&self.attempt, outcome, usage, Some(code));
        let event = error_event(&refusal, Some(&self.receipt.request_id));
        self.recorder.metrics().broken_stream(code);
        self.await_record(ack, vec![event]);
    }

    fn await_record(&mut self, ack: Ack, last: Vec<Bytes>) {
        self.patience.as_mut().reset(Instant::now() + self.record_max);
        self.state = State::Settling { ack, last };
    }

    fn upstream_ended(&mut self) {
        self.upstream = None;
        if let Some(tail) = self.frames.rest() {
            self.take_tail(tail);
        }
        if !matches!(self.state, State::Flowing) {
            return;
        }
        if self.meter.finished() {
            self.complete(Vec::new());
        } else {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let public = "the provider's stream ended before its answer was complete";
        self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamError, public));
    }

    /// The last event may lack its blank line. Half an event is worth nothing, to the client or to us.
    fn take_tail(&mut self, tail: Bytes) {
        let had_finished = self.meter.finished();
        let seen = self.meter.see(&tail);
        if seen == Seen::Done {
            self.complete(vec![tail]);
        } else if matches!(seen, Seen::Error(_)) {
            self.cut();
        } else if self.meter.finished() && !had_finished {
            self.pass([&tail, b"\n\n".as_slice()].concat().into());
        }
    }

    /// Reads on until there is something to say. `Pending` with the waker registered otherwise.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else {
            self.upstream_ended();
            return Poll::Ready(());
        };
        match Pin::new(upstream).poll_frame(cx) {
            Poll::Pending => {
                ready!(self.patience.as_mut().poll(cx));
                let public = "the provider fell silent in the middle of its answer";
                let refusal = Refusal::new(Code::UpstreamTimeout, public);
                self.break_off(Outcome::Cut, refusal);
            }
            Poll::Ready(None) => self.upstream_ended(),
            Poll::Ready(Some(Err(error))) => {
                tracing::info!(request.id = %self.recorder.request(), error = %error,
                    "a provider cut its stream");
                self.cut();
            }
            Poll::Ready(Some(Ok(frame))) => {
                let until = self.deadline.min(Instant::now() + self.idle_max);
                self.patience.as_mut().reset(until);
                if let Ok(chunk) = frame.into_data() {
                    self.frames.push(chunk);
                    self.take_whole_events();
                }
            }
        }
        Poll::Ready(())
    }

    fn take_whole_events(&mut self) {
        while matches!(self.state, State::Flowing) {
            match self.frames.next() {
                None => return,
                Some(Ok(event)) => self.take(event),
                Some(Err(_too_long)) => {
                    let public = "the provider sent an event larger than this gateway carries";
                    self.break_off(Outcome::Cut, Refusal::new(Code::UpstreamError, public));
                }
            }
        }
    }

    /// Whatever follows the terminator is read and forgotten, so that the connection can be used again.
    fn drain(&mut self, cx: &mut Context<'_>) {
        for _ in 0..DRAINED_FRAMES_MAX {
            let Some(upstream) = &mut self.upstream else { return };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None | Some(Err(_))) => self.upstream = None,
                Poll::Pending => return,
            }
        }
        self.upstream = None;
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
                State::Flowing => ready!(this.poll_upstream(cx)),
                State::Settling { ack, last } => match Pin::new(ack).poll(cx) {
                    Poll::Ready(Ok(())) => {
                        let last = std::mem::take(last);
                        this.drain(cx);
                        this.state = State::Over;
                        let scrubber = this.scrubber.as_ref();
                        this.ready.extend(last.into_iter().map(|b| scrub(scrubber, b)));
                    }
                    Poll::Ready(Err(lost)) => {
                        this.state = State::Over;
                        return Poll::Ready(Some(Err(lost.into())));
                    }
                    Poll::Pending => {
                        this.drain(cx);
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
            drop(self.recorder.settle(&self.attempt, Outcome::Aborted, self.meter.usage(), None));
        }
    }
}

/// What the comment before the terminator says.
#[derive(serde::Serialize)]
struct FinalReceipt<'a> {
    #[serde(flatten)]
    receipt: &'a Receipt,
    usage: model::Usage,
}
