//! The body of an answer that is no JSON: sound, or whatever a provider's other routes give. Passed on as it comes, but for the
//! key; its end waits for the record.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use model::{Code, Usage};
use store::journal::{Ack, Outcome};
use tokio::time::{Instant, Sleep, sleep_until};
use vault::Scrubber;

use super::scrub_cut;
use crate::record::{OpenAttempt, Recorder, Settlement};
use crate::upstream::UpstreamBody;
use crate::used::Used;
use crate::{BoxError, Limits};

pub struct RawBody {
    upstream: UpstreamBody,
    scrubber: Option<Scrubber>,
    /// How much more may come.
    bytes_left: usize,
    /// The end of what came, in which a key may begin.
    carried: BytesMut,
    attempt: OpenAttempt,
    recorder: Recorder,
    idle_max: Duration,
    record_max: Duration,
    patience: Pin<Box<Sleep>>,
    deadline: Instant,
    state: State,
}

enum State {
    Flowing,
    Settling(Ack, Result<Bytes, &'static str>),
    Over,
}

impl RawBody {
    pub fn new(
        upstream: UpstreamBody,
        attempt: OpenAttempt,
        recorder: Recorder,
        scrubber: Option<Scrubber>,
        deadline: Instant,
        limits: &Limits,
    ) -> Self {
        Self {
            upstream,
            scrubber,
            bytes_left: limits.stream_bytes_max,
            carried: BytesMut::new(),
            attempt,
            recorder,
            idle_max: limits.idle_max,
            record_max: limits.record_max,
            patience: Box::pin(sleep_until(deadline.min(Instant::now() + limits.idle_max))),
            deadline,
            state: State::Flowing,
        }
    }

    /// What can be given out of what came: all but the bytes in which a key may have begun.
    fn take(&mut self, chunk: &Bytes) -> Bytes {
        self.attempt.content_seen();
        let Some(scrubber) = &self.scrubber else { return chunk.clone() };
        self.carried.extend_from_slice(chunk);
        let scrubbed = scrubber.scrub(&self.carried).into_owned();
        let given = scrubbed.len().saturating_sub(scrubber.carry());
        self.carried = BytesMut::from(scrubbed.get(given..).unwrap_or_default());
        Bytes::from(scrubbed).slice(..given)
    }

    fn settle(&mut self, outcome: Outcome, code: Option<Code>, end: Result<Bytes, &'static str>) {
        let code = code.map(Code::as_str);
        let Settlement { ack, .. } =
            self.recorder.settle(&mut self.attempt, outcome, &used(outcome), code);
        self.patience.as_mut().reset(Instant::now() + self.record_max);
        self.state = State::Settling(ack, end);
    }

    /// `None` when there is nothing to give yet and the state has changed.
    fn poll_upstream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // A provider that never pauses is late all the same.
        if Instant::now() >= self.deadline {
            let late = Err("the provider did not end its answer in time");
            self.settle(Outcome::Cut, Some(Code::UpstreamTimeout), late);
            return Poll::Ready(None);
        }
        match http_body::Body::poll_frame(Pin::new(&mut self.upstream), cx) {
            Poll::Pending => {
                ready!(self.patience.as_mut().poll(cx));
                let silent = Err("the provider fell silent in the middle of its answer");
                self.settle(Outcome::Cut, Some(Code::UpstreamTimeout), silent);
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                let rest = scrub_cut(self.scrubber.as_ref(), self.carried.split().freeze());
                self.settle(Outcome::Completed, None, Ok(rest));
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => {
                let cut = Err("the provider's answer ended before it was complete");
                self.settle(Outcome::Cut, Some(Code::UpstreamError), cut);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                let until = self.deadline.min(Instant::now() + self.idle_max);
                self.patience.as_mut().reset(until);
                let Ok(chunk) = frame.into_data() else { return Poll::Ready(None) };
                let Some(left) = self.bytes_left.checked_sub(chunk.len()) else {
                    let large = Err("the provider's answer is larger than this gateway carries");
                    self.settle(Outcome::Cut, Some(Code::UpstreamError), large);
                    return Poll::Ready(None);
                };
                self.bytes_left = left;
                Poll::Ready(Some(self.take(&chunk)).filter(|given| !given.is_empty()))
            }
        }
    }
}

impl http_body::Body for RawBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Over => return Poll::Ready(None),
                State::Flowing => {
                    if let Some(given) = ready!(this.poll_upstream(cx)) {
                        return Poll::Ready(Some(Ok(Frame::data(given))));
                    }
                }
                State::Settling(ack, end) => {
                    let acked = match Pin::new(ack).poll(cx) {
                        Poll::Ready(acked) => acked.map_err(BoxError::from),
                        Poll::Pending => {
                            ready!(this.patience.as_mut().poll(cx));
                            Err("the record was not written in time".into())
                        }
                    };
                    let end = std::mem::replace(end, Ok(Bytes::new()));
                    this.state = State::Over;
                    return Poll::Ready(match (acked, end) {
                        (Err(lost), _) => Some(Err(lost)),
                        (Ok(()), Err(why)) => Some(Err(why.into())),
                        (Ok(()), Ok(rest)) if rest.is_empty() => None,
                        (Ok(()), Ok(rest)) => Some(Ok(Frame::data(rest))),
                    });
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for RawBody {
    fn drop(&mut self) {
        if matches!(self.state, State::Flowing) {
            // The acknowledgement has nobody left to wait for it.
            let outcome = Outcome::Aborted;
            drop(self.recorder.settle(&mut self.attempt, outcome, &used(outcome), None));
        }
    }
}

/// Nothing is known of it either way. What was cut short may be billed nevertheless.
fn used(outcome: Outcome) -> Used {
    let usage = Usage { estimated: outcome != Outcome::Completed, ..Usage::default() };
    Used { usage, answered_by: None }
}
