//! The thread behind the journal: what takes long or failed is handed to it. It syncs, begins segments, and tries a failed
//! write again until it succeeds; knows nothing of what the records mean.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::{error, info};

use super::desk::{Pen, Task};
use super::{Journal, JournalError, JournalLost, State};

/// Owns the writer thread. Dropped without [`close`](Self::close), the thread ends with the last [`Journal`].
#[must_use = "close it at shutdown"]
pub struct JournalWriter {
    journal: Journal,
    thread: JoinHandle<Result<(), JournalLost>>,
    ended: oneshot::Receiver<()>,
}

impl JournalWriter {
    pub(super) fn start(journal: &Journal) -> Result<Self, JournalError> {
        let state = Arc::clone(&journal.handle.state);
        let (ending, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // Dropped last, also by a panic: whoever closes is told.
                let _ending = ending;
                Writer { state }.run()
            })
            .map_err(JournalError::io(&journal.state().folder))?;
        Ok(Self { journal: journal.clone(), thread, ended })
    }

    /// Reserves nothing more, writes and syncs what is queued, and ends the thread. Call it when the last
    /// request has ended. A disk that stays full ends it too, after two seconds, with [`JournalLost`].
    pub async fn close(self) -> Result<(), JournalLost> {
        self.journal.state().close();
        self.thread.thread().unpark();
        // Nothing is ever sent: the sender's end is the thread's.
        self.ended.await.unwrap_or_default();
        self.thread.join().unwrap_or(Err(JournalLost))
    }
}

struct Writer {
    state: Arc<State>,
}

impl Writer {
    fn run(self) -> Result<(), JournalLost> {
        loop {
            match self.next() {
                Task::End(pen) => return self.insist(|| pen.segment.unsynced().sync()),
                Task::Sync(unsynced) => self.insist(|| unsynced.sync())?,
                Task::Wait(_) => {}
                Task::Write(pen) => self.write(pen)?,
            }
        }
    }

    fn next(&self) -> Task {
        let mut desk = self.state.desk();
        loop {
            let bell = &self.state.bell;
            desk = match desk.task(self.state.options.sync) {
                Task::Wait(None) => bell.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Task::Wait(Some(wait)) => {
                    bell.wait_timeout(desk, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                task => return task,
            };
        }
    }

    fn write(&self, mut pen: Box<Pen>) -> Result<(), JournalLost> {
        let written = self.insist(|| {
            if !pen.has_room(&self.state) {
                pen.turn_page(&self.state)?;
            }
            pen.write(&self.state)
        });
        if let Err(lost) = written {
            pen.batch.report_lost("the disk refused it until shutdown");
            return Err(lost);
        }
        self.state.written(&mut pen);
        self.state.go_on_later(pen);
        Ok(())
    }

    /// Until it succeeds; while closing only so often. Nothing is reserved meanwhile.
    fn insist(
        &self,
        mut attempt: impl FnMut() -> Result<(), JournalError>,
    ) -> Result<(), JournalLost> {
        let (mut pause, mut tries_closing) = (RETRY_PAUSE_MIN, 0);
        while let Err(error) = attempt() {
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
}

impl Drop for Writer {
    /// Without a writer nothing may be reserved, whatever ended it.
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::Relaxed);
        self.state.desk().end();
    }
}

const RETRY_PAUSE_MIN: Duration = Duration::from_millis(5);
const RETRY_PAUSE_MAX: Duration = Duration::from_millis(250);
/// About two seconds.
const CLOSING_TRIES_MAX: u32 = 12;
