//! The usage journal: what every attempt used, in files of this node, before any database hears of it.
//! Knows no SQL, no HTTP and no prices: whoever drains it decides what a record means.

mod batch;
mod desk;
mod error;
mod node;
mod reader;
mod record;
mod segment;
mod shelf;
mod writer;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tracing::error;

pub use error::{JournalError, JournalLost};
pub use node::{Locked, NodeLock, known_node_id, node_id};
pub use reader::Reader;
pub use record::{Checkpoint, Outcome, Record, Settled, Started};
pub use shelf::undrained_on_disk;
pub use writer::JournalWriter;

use desk::{Desk, Entry, Pen};
use shelf::Shelf;

/// Where a record ends. The drainer stores it beside what it folded in, in the same transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub segment: u64,
    pub offset: u64,
}

impl Position {
    /// Before the first record of any journal.
    pub const START: Self = Self { segment: 0, offset: 0 };
}

/// When written records are forced to the disk. A killed process loses nothing under any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before each acknowledgement.
    Always,
    /// At most this long after a write: what a power cut may take.
    Interval(Duration),
    /// When the operating system likes.
    Never,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub sync: Sync,
    pub segment_bytes_max: u64,
    /// Records reserved and not yet written.
    pub queue_records_max: u32,
    /// Written and not yet drained: how far the journal grows while the database is away.
    pub bytes_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sync: Sync::Interval(Duration::from_millis(50)),
            segment_bytes_max: 16 << 20,
            queue_records_max: 65_536,
            bytes_max: 1 << 30,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalStats {
    pub undrained_bytes: u64,
    pub queued_records: u64,
    pub segments: u64,
    /// The last write failed and is being retried; nothing new is reserved meanwhile.
    pub failed: bool,
}

/// A handle on the one journal of this process.
#[derive(Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

/// What all handles share; with the last of them the writer thread ends.
struct Handle {
    state: Arc<State>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.state.close();
    }
}

impl Journal {
    /// Repairs what a crash tore and starts a fresh segment. The caller holds the folder's [`NodeLock`].
    pub fn open(folder: &Path, options: Options) -> Result<(Self, JournalWriter), JournalError> {
        let (shelf, segment) = shelf::open(folder)?;
        let state = Arc::new(State {
            folder: folder.to_owned(),
            options,
            reserved: AtomicU32::new(0),
            queued: AtomicU64::new(0),
            undrained_bytes: AtomicU64::new(shelf.undrained_bytes()),
            failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            written: watch::Sender::new(segment.end()),
            // What a former process left is drained before anybody asks.
            drained: watch::Sender::new(segment.end()),
            awaited: Notify::new(),
            shelf: Mutex::new(shelf),
            desk: Mutex::new(Desk::new(segment)),
            bell: Condvar::new(),
        });
        let journal = Self { handle: Arc::new(Handle { state }) };
        let writer = JournalWriter::start(&journal)?;
        Ok((journal, writer))
    }

    /// Room for that many records, or `None`: then nothing may be dispatched. Never blocks.
    pub fn reserve(&self, records: u32) -> Option<Reservation> {
        if !self.state().take(records) {
            return None;
        }
        Some(Reservation {
            journal: self.clone(),
            remaining: AtomicU32::new(records),
            overdrawn: AtomicBool::new(false),
        })
    }

    pub fn stats(&self) -> JournalStats {
        JournalStats {
            undrained_bytes: self.state().undrained_bytes.load(Ordering::Relaxed),
            queued_records: self.state().queued.load(Ordering::Relaxed),
            segments: self.state().shelf().segments(),
            failed: self.state().failed.load(Ordering::Relaxed),
        }
    }

    /// The end of what is written: changes with every batch, which is what a drainer waits for.
    pub fn written(&self) -> watch::Receiver<Position> {
        self.state().written.subscribe()
    }

    /// Reads while the writer appends, never past what is written.
    pub fn reader(&self, from: Position) -> Result<Reader, JournalError> {
        Reader::live(&self.state().folder, from, self.written())
    }

    /// Everything up to here is in the database: older segments are deleted.
    pub fn drained(&self, up_to: Position) {
        let mut shelf = self.state().shelf();
        shelf.drain(&self.state().folder, up_to);
        self.state().count(&shelf);
        drop(shelf);
        self.state().drained.send_if_modified(|drained| {
            let is_news = *drained < up_to;
            *drained = up_to.max(*drained);
            is_news
        });
    }

    /// Waits, not for long, until the database has all that is written by now. `false`: it has not yet.
    pub async fn catch_up(&self, within: Duration) -> bool {
        let written = *self.state().written.borrow();
        let mut drained = self.state().drained.subscribe();
        if *drained.borrow() < written {
            self.state().awaited.notify_one();
        }
        let there = drained.wait_for(|drained| *drained >= written);
        tokio::time::timeout(within, there).await.is_ok_and(|there| there.is_ok())
    }

    /// Until somebody waits for what is not drained.
    pub(crate) async fn is_awaited(&self) {
        self.state().awaited.notified().await;
    }

    fn state(&self) -> &State {
        &self.handle.state
    }
}

/// The right to append so many records. Several attempts of one request share it; what is left over
/// goes back when it is dropped.
#[must_use = "dropping it gives the room back"]
pub struct Reservation {
    journal: Journal,
    remaining: AtomicU32,
    overdrawn: AtomicBool,
}

impl Reservation {
    /// Fire and forget. Neither waits nor fails, so a `Drop` may call it.
    pub fn append(&self, record: Record) {
        drop(self.append_acked(record));
    }

    /// One that nobody needs: written where there is room for it beside all that is reserved.
    pub fn append_if_there_is_room(&self, record: Record) {
        if let Some(room) = self.journal.reserve(1) {
            room.append(record);
        }
    }

    /// Gives back all room but for `records`, as soon as it is known that no more is needed.
    pub fn keep_only(&self, records: u32) {
        let had = self.remaining.fetch_min(records, Ordering::Relaxed);
        self.journal.state().give_back(had.saturating_sub(records));
    }

    /// Where nobody else is writing it is written when this returns.
    pub fn append_acked(&self, record: Record) -> Ack {
        let is_reserved = take_one(&self.remaining);
        if !is_reserved && !self.overdrawn.swap(true, Ordering::Relaxed) {
            error!(
                request.id = %record.request(),
                "more records than were reserved; they are kept, but this is a bug"
            );
        }
        self.journal.state().append(Entry { record, is_reserved })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let left = *self.remaining.get_mut();
        self.journal.state().give_back(left);
    }
}

/// Resolves when the record is as safe as [`Sync`] promises.
#[must_use = "without waiting nothing is known"]
pub struct Ack(Fate);

enum Fate {
    Known(Result<(), JournalLost>),
    Waiting(oneshot::Receiver<()>),
}

impl Ack {
    /// What became of the record, where that is known without waiting.
    pub const fn fate(&self) -> Option<Result<(), JournalLost>> {
        match self.0 {
            Fate::Known(fate) => Some(fate),
            Fate::Waiting(_) => None,
        }
    }

    const fn lost() -> Self {
        Self(Fate::Known(Err(JournalLost)))
    }

    const fn waiting(written: oneshot::Receiver<()>) -> Self {
        Self(Fate::Waiting(written))
    }

    const fn written() -> Self {
        Self(Fate::Known(Ok(())))
    }
}

impl Future for Ack {
    type Output = Result<(), JournalLost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Fate::Known(fate) => Poll::Ready(*fate),
            Fate::Waiting(written) => Pin::new(written).poll(context).map_err(|_| JournalLost),
        }
    }
}

/// What the handles and the writer share.
struct State {
    folder: PathBuf,
    options: Options,
    reserved: AtomicU32,
    queued: AtomicU64,
    undrained_bytes: AtomicU64,
    failed: AtomicBool,
    closed: AtomicBool,
    written: watch::Sender<Position>,
    drained: watch::Sender<Position>,
    awaited: Notify,
    shelf: Mutex<Shelf>,
    desk: Mutex<Desk>,
    /// Wakes the writer thread.
    bell: Condvar,
}

impl State {
    fn take(&self, records: u32) -> bool {
        if self.failed.load(Ordering::Relaxed) || self.closed.load(Ordering::Relaxed) {
            return false;
        }
        let on_disk = self.undrained_bytes.load(Ordering::Relaxed);
        let fits = |reserved: u32| {
            let after = reserved.checked_add(records)?;
            let bytes = on_disk.saturating_add(u64::from(after) * RECORD_BYTES_TYPICAL);
            (after <= self.options.queue_records_max && bytes <= self.options.bytes_max)
                .then_some(after)
        };
        self.reserved.fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits).is_ok()
    }

    fn give_back(&self, records: u32) {
        self.reserved.fetch_sub(records, Ordering::AcqRel);
    }

    /// What the pen had to write counts from now on.
    fn written(&self, pen: &mut Pen) {
        self.advance(pen.segment.end());
        self.give_back(pen.batch.reserved());
        self.queued.fetch_sub(pen.batch.records(), Ordering::Relaxed);
        pen.batch.acknowledge();
    }

    fn advance(&self, end: Position) {
        let mut shelf = self.shelf();
        shelf.grow(end);
        self.count(&shelf);
        drop(shelf);
        self.written.send_replace(end);
    }

    /// Called with the shelf locked, so that the newest count is the one that stays.
    fn count(&self, shelf: &Shelf) {
        self.undrained_bytes.store(shelf.undrained_bytes(), Ordering::Relaxed);
    }

    fn count_queued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing more is reserved; the writer thread ends when what is queued is written.
    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.desk().close();
        self.bell.notify_one();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_one(remaining: &AtomicU32) -> bool {
    remaining.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// What a reserved record is expected to take on the disk.
const RECORD_BYTES_TYPICAL: u64 = 512;

#[cfg(test)]
mod tests;
