//! A provider's stream on its way through: cut into whole events, watched, translated where the caller speaks another dialect.
//! Knows no record and no receipt.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use model::{Refusal, Usage};
use tokio::time::Instant;
use wire::sse::Frames;
use wire::translate::StreamTranslator;
use wire::{Meter, Seen};

use crate::Limits;
use crate::upstream::UpstreamBody;
use crate::used::Used;

/// The events of one answer, in order.
pub struct Flow {
    upstream: Option<UpstreamBody>,
    /// How much more may come.
    bytes_left: usize,
    frames: Frames,
    /// Absent for events that nobody here can read: they are passed on as they come.
    meter: Option<Meter>,
    translator: Option<StreamTranslator>,
    /// Taken in while it was not yet decided that this answer is the one.
    held: VecDeque<(Bytes, Seen)>,
}

/// What comes next.
pub enum Step {
    /// A whole event as the provider sent it, and what it is.
    Event(Bytes, Seen),
    /// What is left when the stream has ended: perhaps an event without its blank line.
    End(Option<Bytes>),
    /// The connection broke.
    Broken(hyper::Error),
    /// An event longer than is carried.
    TooLong,
    /// More than is carried of one answer.
    TooMuch,
}

/// How much of an answer may be held back until its first content comes, and for how long.
#[derive(Clone, Copy)]
pub struct Patience {
    pub bytes_max: usize,
    /// When what came is given out, content or not.
    pub until: Instant,
    /// Between two pieces.
    pub idle_max: Duration,
    /// Of the whole request.
    pub deadline: Instant,
}

/// Why an answer is none, before anything of it was given out.
pub enum Unbegun {
    Broken,
    Ended,
    Error(wire::UpstreamErrorBody),
    Silent,
    TooLong,
}

impl Flow {
    pub fn new(
        upstream: UpstreamBody,
        limits: &Limits,
        meter: Option<Meter>,
        translator: Option<StreamTranslator>,
    ) -> Self {
        Self {
            upstream: Some(upstream),
            bytes_left: limits.stream_bytes_max,
            frames: Frames::new(limits.event_bytes_max),
            meter,
            translator,
            held: VecDeque::new(),
        }
    }

    /// Waits for the first piece of the answer. Until it comes, a failure is one that another attempt may mend.
    pub async fn begin(&mut self, patience: Patience) -> Result<(), Unbegun> {
        if self.meter.is_none() {
            return Ok(());
        }
        let mut held_bytes = 0_usize;
        let mut heard_at = Instant::now();
        loop {
            let silent_at = heard_at + patience.idle_max;
            let until = patience.until.min(silent_at).min(patience.deadline);
            let step = std::future::poll_fn(|cx| self.poll_fresh(cx));
            let Ok(step) = tokio::time::timeout_at(until, step).await else {
                let now = Instant::now();
                let gave_up = now >= silent_at || now >= patience.deadline;
                return if gave_up { Err(Unbegun::Silent) } else { Ok(()) };
            };
            heard_at = Instant::now();
            let (event, seen) = match step {
                Step::Event(_, Seen::Error(error)) => return Err(Unbegun::Error(error)),
                Step::Event(event, seen) => (event, seen),
                Step::End(tail) => {
                    // A provider may leave out the last blank line.
                    let Some(tail) = tail else { return Err(Unbegun::Ended) };
                    match self.see(&tail) {
                        Seen::Error(error) => return Err(Unbegun::Error(error)),
                        _ if !self.finished() => return Err(Unbegun::Ended),
                        seen => ([&tail, b"\n\n".as_slice()].concat().into(), seen),
                    }
                }
                Step::Broken(_) => return Err(Unbegun::Broken),
                Step::TooLong | Step::TooMuch => return Err(Unbegun::TooLong),
            };
            held_bytes = held_bytes.saturating_add(event.len());
            let begun = matches!(seen, Seen::Content | Seen::Done | Seen::Finish);
            self.held.push_back((event, seen));
            if begun || held_bytes > patience.bytes_max {
                return Ok(());
            }
        }
    }

    /// After `End`, `Broken`, `TooLong` and `TooMuch` nothing follows.
    pub fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        match self.held.pop_front() {
            Some((event, seen)) => Poll::Ready(Step::Event(event, seen)),
            None => self.poll_fresh(cx),
        }
    }

    fn poll_fresh(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            match self.frames.next() {
                Some(Ok(event)) => {
                    let seen = self.see(&event);
                    return Poll::Ready(Step::Event(event, seen));
                }
                Some(Err(_too_long)) => {
                    self.close();
                    return Poll::Ready(Step::TooLong);
                }
                None => {}
            }
            let Some(upstream) = &mut self.upstream else {
                return Poll::Ready(Step::End(self.frames.rest()));
            };
            match std::task::ready!(Pin::new(upstream).poll_frame(cx)) {
                None => self.upstream = None,
                Some(Err(error)) => {
                    self.upstream = None;
                    return Poll::Ready(Step::Broken(error));
                }
                Some(Ok(frame)) => {
                    let Ok(chunk) = frame.into_data() else { continue };
                    let Some(left) = self.bytes_left.checked_sub(chunk.len()) else {
                        self.close();
                        return Poll::Ready(Step::TooMuch);
                    };
                    self.bytes_left = left;
                    self.frames.push(chunk);
                }
            }
        }
    }

    /// What the caller gets of an event: itself, or what it means in the caller's dialect.
    pub fn told(&mut self, event: Bytes, out: &mut Vec<Bytes>) {
        match &mut self.translator {
            Some(translator) => translator.push(&event, out),
            None => out.push(event),
        }
    }

    /// What the caller's dialect still needs at a good end.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) {
        if let Some(translator) = &mut self.translator {
            translator.finish(out);
        }
    }

    /// Where the provider counted nothing, what was counted here: the caller's dialect may have to name a number.
    pub fn assume(&mut self, out: &mut Vec<Bytes>) {
        let usage = self.usage();
        if let Some(translator) = &mut self.translator {
            translator.assume(usage, out);
        }
    }

    /// A bad end as the caller's dialect tells it. Nothing, where the events are the provider's own.
    pub fn fail(&mut self, refusal: &Refusal, out: &mut Vec<Bytes>) {
        if let Some(translator) = &mut self.translator {
            translator.fail(refusal, out);
        }
    }

    /// Whether the translation gave up, and has said so to the caller.
    pub fn has_failed(&self) -> bool {
        self.translator.as_ref().is_some_and(StreamTranslator::has_failed)
    }

    /// What an event is, or the tail of a stream that ended without its blank line.
    pub fn see(&mut self, event: &[u8]) -> Seen {
        self.meter.as_mut().map_or(Seen::Other, |meter| meter.see(event))
    }

    pub fn usage(&self) -> Usage {
        self.meter.as_ref().map(Meter::usage).unwrap_or_default()
    }

    pub fn used(&self) -> Used {
        let answered_by = self.meter.as_ref().and_then(Meter::answered_by);
        Used { usage: self.usage(), answered_by: answered_by.map(str::to_owned) }
    }

    pub fn finished(&self) -> bool {
        self.meter.as_ref().is_none_or(Meter::finished)
    }

    pub const fn is_translated(&self) -> bool {
        self.translator.is_some()
    }

    pub fn close(&mut self) {
        self.upstream = None;
    }

    /// Whatever follows the terminator is read and forgotten, so that the connection can be used again.
    pub fn drain(&mut self, cx: &mut Context<'_>) {
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

/// A provider that goes on after its terminator is not listened to for long.
const DRAINED_FRAMES_MAX: usize = 16;
