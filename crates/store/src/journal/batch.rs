//! Records on their way to the disk, as the bytes that are written, and who waits for them.

use model::RequestId;
use tokio::sync::oneshot;
use tracing::error;

use super::segment::push_frame;
use super::{Ack, Record};

/// Empties without letting go of its room, so that a record costs no allocation here.
#[derive(Default)]
pub(super) struct Batch {
    frames: Vec<u8>,
    names: Vec<Name>,
    /// How many of the records had room reserved for them.
    reserved: u32,
    acks: Vec<oneshot::Sender<()>>,
}

/// Which record it is: all that is left to say of one that is lost.
#[derive(Clone, Copy)]
pub(super) struct Name {
    request: RequestId,
    attempt: u32,
}

impl Name {
    pub const fn of(record: &Record) -> Self {
        Self { request: record.request(), attempt: record.attempt() }
    }

    pub fn report_lost(&self, reason: &str) {
        error!(
            request.id = %self.request,
            attempt.n = self.attempt,
            reason,
            "a usage record is lost"
        );
    }
}

impl Batch {
    /// `false`: no journal takes such a body.
    pub fn push(&mut self, body: &[u8], name: Name, is_reserved: bool) -> bool {
        if !push_frame(body, &mut self.frames) {
            return false;
        }
        self.names.push(name);
        self.reserved = self.reserved.saturating_add(u32::from(is_reserved));
        true
    }

    /// Resolves when all that is in here by now is written.
    pub fn ack(&mut self) -> Ack {
        let (ack, written) = oneshot::channel();
        self.acks.push(ack);
        Ack::waiting(written)
    }

    pub fn frames(&self) -> &[u8] {
        &self.frames
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn records(&self) -> u64 {
        self.names.len() as u64
    }

    pub const fn reserved(&self) -> u32 {
        self.reserved
    }

    /// It is written: whoever waits is told, and the next may be put here.
    pub fn acknowledge(&mut self) {
        for ack in self.acks.drain(..) {
            // Nobody waits any more: the record is written all the same.
            ack.send(()).unwrap_or_default();
        }
        self.names.clear();
        self.frames.clear();
        self.frames.shrink_to(FRAME_BYTES_KEPT);
        self.reserved = 0;
    }

    pub fn report_lost(&mut self, reason: &str) {
        self.names.drain(..).for_each(|name| name.report_lost(reason));
        self.acks.clear();
    }
}

/// What piled up while the disk was full need not stay in memory.
const FRAME_BYTES_KEPT: usize = 1 << 20;
