//! Where records wait, and the pen that writes them. Whoever finds the pen there writes what waits at once, on its own
//! thread; whoever does not leaves its record to the one who has it. What takes long and what failed is the writer thread's.

use std::mem;
use std::time::{Duration, Instant};

use super::batch::{Batch, Name};
use super::segment::{Segment, Unsynced};
use super::{Ack, JournalError, Record, State, Sync};

/// Locked for moments, and never while something is written. Records wait here only while somebody has the pen, and nobody
/// lays it down without looking for more.
pub(super) struct Desk {
    waiting: Batch,
    pen: PenAt,
    /// What a power cut would take, and since when.
    unsynced: Option<(Unsynced, Instant)>,
    is_closing: bool,
    has_ended: bool,
}

enum PenAt {
    /// In somebody's hand, or gone with the writer thread.
    Away,
    Desk(Box<Pen>),
    /// The writer thread takes it from there.
    Tray(Box<Pen>),
}

/// The right to write: there is one.
pub(super) struct Pen {
    pub segment: Segment,
    /// What was taken to be written, and is not yet.
    pub batch: Batch,
}

pub(super) struct Entry {
    pub record: Record,
    pub is_reserved: bool,
}

/// What there is to do for the writer thread.
pub(super) enum Task {
    /// Nothing more comes.
    End(Box<Pen>),
    Sync(Unsynced),
    Wait(Option<Duration>),
    Write(Box<Pen>),
}

impl State {
    /// Written when this returns, unless somebody else is writing or the writer thread has to: then it soon is.
    pub fn append(&self, entry: Entry) -> Ack {
        let Entry { mut record, is_reserved } = entry;
        let name = Name::of(&record);
        let mut body = Vec::with_capacity(BODY_BYTES_TYPICAL);
        record.encode(&mut body);
        let mut desk = self.desk();
        if desk.has_ended {
            name.report_lost("the journal is closed");
            return Ack::lost();
        }
        if !desk.waiting.push(&body, name, is_reserved) {
            self.give_back(u32::from(is_reserved));
            name.report_lost("it cannot be encoded");
            return Ack::lost();
        }
        self.count_queued();
        match mem::replace(&mut desk.pen, PenAt::Away) {
            PenAt::Desk(mut pen) if self.options.sync != Sync::Always => {
                mem::swap(&mut desk.waiting, &mut pen.batch);
                drop(desk);
                Writing { state: self, pen: Some(pen) }.write()
            }
            PenAt::Desk(pen) => {
                desk.pen = PenAt::Tray(pen);
                self.bell.notify_one();
                desk.waiting.ack()
            }
            elsewhere => {
                desk.pen = elsewhere;
                desk.waiting.ack()
            }
        }
    }

    /// What waits goes to whoever has the pen; where nothing does, the pen is laid down.
    fn take_more(&self, mut pen: Box<Pen>) -> Option<Box<Pen>> {
        let mut desk = self.desk();
        let is_first = desk.note_unsynced(&pen, self.options.sync);
        let more = if desk.waiting.is_empty() {
            desk.pen = PenAt::Desk(pen);
            None
        } else {
            mem::swap(&mut desk.waiting, &mut pen.batch);
            Some(pen)
        };
        if is_first || desk.is_closing {
            self.bell.notify_one();
        }
        more
    }

    /// The writer thread lays the pen down, or into its own tray: a sync that is due comes between two writes.
    pub fn go_on_later(&self, pen: Box<Pen>) {
        if let Some(pen) = self.take_more(pen) {
            self.desk().pen = PenAt::Tray(pen);
        }
    }
}

/// The pen in the hand of somebody who has other things to do. Dropped with it, by a panic too, the writer thread goes on.
struct Writing<'a> {
    state: &'a State,
    pen: Option<Box<Pen>>,
}

impl Writing<'_> {
    /// The first round has one's own record in it. With everybody else's it has to end somewhere.
    fn write(mut self) -> Ack {
        if !self.write_once() {
            return self.pen.as_mut().map_or_else(Ack::lost, |pen| pen.batch.ack());
        }
        for _ in 0..ROUNDS_FOR_OTHERS_MAX {
            self.pen = self.pen.take().and_then(|pen| self.state.take_more(pen));
            if !self.write_once() {
                break;
            }
        }
        Ack::written()
    }

    /// `false` where nothing is left to write, and where it is the writer thread's: to begin a segment takes long, and what
    /// failed is tried again there, and reported.
    fn write_once(&mut self) -> bool {
        let Some(pen) = &mut self.pen else { return false };
        let is_written = pen.has_room(self.state) && pen.write(self.state).is_ok();
        if is_written {
            self.state.written(pen);
        }
        is_written
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(mut pen) = self.pen.take() {
            let mut desk = self.state.desk();
            if desk.has_ended {
                pen.batch.report_lost("the journal is closed");
            }
            desk.pen = PenAt::Tray(pen);
            self.state.bell.notify_one();
        }
    }
}

impl Pen {
    pub fn has_room(&self, state: &State) -> bool {
        let after = self.segment.end().offset.saturating_add(self.batch.frames().len() as u64);
        after <= state.options.segment_bytes_max || self.segment.is_empty()
    }

    pub fn write(&mut self, state: &State) -> Result<(), JournalError> {
        self.segment.append(self.batch.frames(), state.options.sync == Sync::Always)
    }

    /// The full segment must be safe before anything that follows it can be.
    pub fn turn_page(&mut self, state: &State) -> Result<(), JournalError> {
        if matches!(state.options.sync, Sync::Interval(_)) {
            self.segment.unsynced().sync()?;
            state.desk().unsynced = None;
        }
        let next = self.segment.sequence().saturating_add(1);
        self.segment = Segment::create(&state.folder, next)?;
        Ok(())
    }
}

impl Desk {
    pub fn new(segment: Segment) -> Self {
        Self {
            waiting: Batch::default(),
            pen: PenAt::Desk(Box::new(Pen { segment, batch: Batch::default() })),
            unsynced: None,
            is_closing: false,
            has_ended: false,
        }
    }

    /// Asks the writer thread to end.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    /// Whatever ended the writer thread: nobody is left whom a failure could be handed to.
    pub fn end(&mut self) {
        self.has_ended = true;
        self.waiting.report_lost("the journal is closed");
        if let PenAt::Tray(pen) = &mut self.pen {
            pen.batch.report_lost("the journal is closed");
        }
    }

    /// Asked by the writer thread alone.
    pub fn task(&mut self, sync: Sync) -> Task {
        let sync_due_in = self.sync_due_in(sync);
        if sync_due_in == Some(Duration::ZERO)
            && let Some((unsynced, _)) = self.unsynced.take()
        {
            return Task::Sync(unsynced);
        }
        match mem::replace(&mut self.pen, PenAt::Away) {
            PenAt::Tray(mut pen) => {
                if pen.batch.is_empty() {
                    mem::swap(&mut self.waiting, &mut pen.batch);
                }
                Task::Write(pen)
            }
            PenAt::Desk(pen) if self.is_closing => {
                self.has_ended = true;
                Task::End(pen)
            }
            elsewhere => {
                self.pen = elsewhere;
                Task::Wait(sync_due_in)
            }
        }
    }

    fn sync_due_in(&self, sync: Sync) -> Option<Duration> {
        let Sync::Interval(interval) = sync else { return None };
        let (_, since) = self.unsynced.as_ref()?;
        Some(interval.saturating_sub(since.elapsed()))
    }

    /// Whether it is the first since the last sync.
    fn note_unsynced(&mut self, pen: &Pen, sync: Sync) -> bool {
        let is_first = self.unsynced.is_none() && matches!(sync, Sync::Interval(_));
        if is_first {
            self.unsynced = Some((pen.segment.unsynced(), Instant::now()));
        }
        is_first
    }
}

/// What one request writes of others, before the writer thread does.
const ROUNDS_FOR_OTHERS_MAX: usize = 8;
const BODY_BYTES_TYPICAL: usize = 512;

#[cfg(test)]
mod tests;
