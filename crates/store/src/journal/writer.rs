//! The one thread that owns the current segment: it batches what is queued, writes, syncs, acknowledges.
//! A failed write is kept and tried again; knows nothing of what the records mean.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{error, info};

use super::segment::{Segment, push_frame};
use super::{Journal, JournalError, JournalLost, Record, State, Sync};

/// Owns the writer. Dropped without [`close`](Self::close), the thread ends with the last [`Journal`].
#[must_use = "close it at shutdown"]
pub struct JournalWriter {
    journal: Journal,
    thread: JoinHandle<Result<(), JournalLost>>,
    ended: oneshot::Receiver<()>,
}

impl JournalWriter {
    pub(super) fn start(
        journal: &Journal,
        inbox: mpsc::Receiver<Message>,
        segment: Segment,
    ) -> Result<Self, JournalError> {
        let state = Arc::clone(&journal.state);
        let (ending, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // Dropped last, also by a panic: whoever closes is told.
                let _ending = ending;
                Writer::new(state, inbox, segment).run()
            })
            .map_err(JournalError::io(&journal.state.folder))?;
        Ok(Self { journal: journal.clone(), thread, ended })
    }

    /// Reserves nothing more, writes and syncs what is queued, and ends the thread. Call it when the last
    /// request has ended. A disk that stays full ends it too, after two seconds, with [`JournalLost`].
    pub async fn close(self) -> Result<(), JournalLost> {
        self.journal.state.closed.store(true, Ordering::Relaxed);
        self.journal.outbox.send(Message::Close).map_err(|_| JournalLost)?;
        self.thread.thread().unpark();
        // Nothing is ever sent: the sender's end is the thread's.
        self.ended.await.unwrap_or_default();
        self.thread.join().unwrap_or(Err(JournalLost))
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly every message is an entry, and a box would be one more allocation per record"
)]
pub(super) enum Message {
    Append(Entry),
    Close,
}

impl Message {
    pub fn report_lost(&self, reason: &str) {
        if let Self::Append(entry) = self {
            entry.report_lost(reason);
        }
    }
}

pub(super) struct Entry {
    pub record: Record,
    pub reserved: bool,
    pub ack: Option<oneshot::Sender<()>>,
}

impl Entry {
    fn report_lost(&self, reason: &str) {
        error!(
            request.id = %self.record.request(),
            attempt.n = self.record.attempt(),
            reason,
            "a usage record is lost"
        );
    }
}

struct Writer {
    state: Arc<State>,
    inbox: mpsc::Receiver<Message>,
    segment: Segment,
    closing: bool,
    /// When the oldest write since the last sync was made.
    unsynced_since: Option<Instant>,
    batch: Vec<Entry>,
    frames: Vec<u8>,
    body: Vec<u8>,
}

enum Wake {
    Batch,
    Ended,
    SyncDue,
}

impl Writer {
    fn new(state: Arc<State>, inbox: mpsc::Receiver<Message>, segment: Segment) -> Self {
        Self {
            state,
            inbox,
            segment,
            closing: false,
            unsynced_since: None,
            batch: Vec::new(),
            frames: Vec::new(),
            body: Vec::new(),
        }
    }

    fn run(mut self) -> Result<(), JournalLost> {
        loop {
            match self.receive() {
                Wake::Batch => self.commit()?,
                Wake::Ended => break,
                Wake::SyncDue => {}
            }
            if self.sync_due_in() == Some(Duration::ZERO) {
                self.insist(Self::sync)?;
            }
        }
        self.insist(Self::sync)
    }

    /// Waits for one message, then takes everything else that is there.
    fn receive(&mut self) -> Wake {
        use mpsc::RecvTimeoutError::{Disconnected, Timeout};
        let first = match (self.closing, self.sync_due_in()) {
            (true, _) => self.inbox.try_recv().map_err(|_| Disconnected),
            (false, Some(wait)) => self.inbox.recv_timeout(wait),
            (false, None) => self.inbox.recv().map_err(|_| Disconnected),
        };
        let mut next = match first {
            Ok(message) => Some(message),
            Err(Timeout) => return Wake::SyncDue,
            Err(Disconnected) => return Wake::Ended,
        };
        while let Some(message) = next {
            match message {
                Message::Append(entry) => self.batch.push(entry),
                Message::Close => self.closing = true,
            }
            let full = self.batch.len() >= BATCH_RECORDS_MAX;
            next = (!full).then(|| self.inbox.try_recv().ok()).flatten();
        }
        Wake::Batch
    }

    fn commit(&mut self) -> Result<(), JournalLost> {
        self.encode();
        if let Err(lost) = self.insist(Self::write) {
            for entry in self.batch.drain(..) {
                entry.report_lost("the disk refused it until shutdown");
            }
            return Err(lost);
        }
        self.state.advance(self.segment.end());
        let reserved = self.batch.iter().filter(|entry| entry.reserved).count();
        let queued = self.batch.len() as u64;
        self.state.give_back(u32::try_from(reserved).unwrap_or(0));
        self.state.queued.fetch_sub(queued, Ordering::Relaxed);
        for ack in self.batch.drain(..).filter_map(|entry| entry.ack) {
            // Nobody waits any more: the record is written all the same.
            ack.send(()).unwrap_or_default();
        }
        Ok(())
    }

    fn encode(&mut self) {
        self.frames.clear();
        for entry in &mut self.batch {
            self.body.clear();
            let encoded = entry.record.encode(&mut self.body);
            if encoded.is_err() || !push_frame(&self.body, &mut self.frames) {
                entry.report_lost("it cannot be encoded");
                entry.ack = None;
            }
        }
    }

    /// Until it succeeds; while closing only so often. Nothing is reserved meanwhile.
    fn insist(
        &mut self,
        attempt: fn(&mut Self) -> Result<(), JournalError>,
    ) -> Result<(), JournalLost> {
        let (mut pause, mut tries_closing) = (RETRY_PAUSE_MIN, 0);
        while let Err(error) = attempt(self) {
            if !self.state.failed.swap(true, Ordering::Relaxed) {
                error!(%error, "the journal cannot be written; requests are refused until it can");
            }
            tries_closing += u32::from(self.state.closed.load(Ordering::Relaxed));
            if tries_closing >= CLOSING_TRIES_MAX {
                return Err(JournalLost);
            }
            thread::park_timeout(pause);
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
        if self.state.failed.swap(false, Ordering::Relaxed) {
            info!("the journal can be written again");
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let after = self.segment.end().offset.saturating_add(self.frames.len() as u64);
        if after > self.state.options.segment_bytes_max && !self.segment.is_empty() {
            self.rotate()?;
        }
        self.segment.append(&self.frames, self.state.options.sync == Sync::Always)?;
        if matches!(self.state.options.sync, Sync::Interval(_)) {
            self.unsynced_since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), JournalError> {
        if self.unsynced_since.is_some() {
            self.sync()?;
        }
        let next = self.segment.sequence().saturating_add(1);
        self.segment = Segment::create(&self.state.folder, next)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.segment.sync()?;
        self.unsynced_since = None;
        Ok(())
    }

    fn sync_due_in(&self) -> Option<Duration> {
        let Sync::Interval(interval) = self.state.options.sync else {
            return None;
        };
        let waited = self.unsynced_since?.elapsed();
        Some(interval.saturating_sub(waited))
    }
}

impl Drop for Writer {
    /// Without a writer nothing may be reserved, whatever ended it.
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Relaxed);
        for message in self.inbox.try_iter() {
            message.report_lost("the journal is closed");
        }
    }
}

const BATCH_RECORDS_MAX: usize = 4096;
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(5);
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(250);
/// About two seconds.
const CLOSING_TRIES_MAX: u32 = 12;
