//! An answer's body, played step by step.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::connection::{Ending, EndingSlot, Gone};
use super::reply::Step;
use super::state::Underway;
use super::wire::Flushes;

pub(super) struct Scripted {
    steps: VecDeque<Step>,
    /// Some for a plain answer, which then carries a Content-Length; a stream is chunked.
    length: Option<u64>,
    now: Option<Pin<Box<dyn Future<Output = Turn> + Send>>>,
    flushes: Flushes,
    ending: EndingSlot,
    underway: Underway,
}

enum Turn {
    Break(Ending),
    Go,
    Send(Bytes),
}

impl Scripted {
    pub fn new(
        steps: Vec<Step>,
        streamed: bool,
        flushes: Flushes,
        ending: EndingSlot,
        mut underway: Underway,
    ) -> Self {
        if steps.is_empty() {
            underway.finish();
        }
        Self {
            length: (!streamed).then(|| length(&steps)).flatten(),
            steps: steps.into(),
            now: None,
            flushes,
            ending,
            underway,
        }
    }
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = Gone;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Gone>>> {
        let this = &mut *self;
        loop {
            if this.now.is_none() {
                let Some(step) = this.steps.pop_front() else {
                    return Poll::Ready(None);
                };
                if let Step::Drip(bytes, every) = &step {
                    this.steps.push_front(Step::Drip(bytes.clone(), *every));
                    this.steps.push_front(Step::Pause(*every));
                }
                this.now = Some(Box::pin(take(step, this.flushes.clone())));
            }
            let Some(now) = &mut this.now else { continue };
            let turn = ready!(now.as_mut().poll(cx));
            this.now = None;
            if this.steps.is_empty() {
                this.underway.finish();
            }
            match turn {
                Turn::Break(ending) => {
                    this.underway.finish();
                    this.ending.set(ending);
                    return Poll::Ready(Some(Err(Gone::default())));
                }
                Turn::Go => {}
                Turn::Send(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length),
            None => SizeHint::default(),
        }
    }
}

async fn take(step: Step, flushes: Flushes) -> Turn {
    // What came before is in the socket first: see wire.rs.
    flushes.next().await;
    match step {
        Step::Bytes(bytes) | Step::Drip(bytes, _) => Turn::Send(bytes),
        Step::Pause(length) => {
            tokio::time::sleep(length).await;
            Turn::Go
        }
        Step::Cut | Step::Refuse => Turn::Break(Ending::Close),
        Step::Reset => Turn::Break(Ending::Reset),
        Step::Stall => pending().await,
        Step::Wait(gate) => {
            gate.wait().await;
            Turn::Go
        }
    }
}

/// None when the steps do more than send.
fn length(steps: &[Step]) -> Option<u64> {
    let mut length = 0;
    for step in steps {
        let Step::Bytes(bytes) = step else {
            return None;
        };
        length += bytes.len() as u64;
    }
    Some(length)
}
