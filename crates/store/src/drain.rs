//! Folds the journal into the database: records and the offset they were read up to, in one transaction.

use std::time::Duration;

use model::{NodeId, Timestamp};
use tokio::sync::watch;

use crate::db::{Tx, args};
use crate::journal::{Journal, JournalError, Position, Reader, Record};
use crate::system::{Batch, Folded, OpenAttempts, settle_orphans};
use crate::{Result, Store, StoreError};

/// One per node: reads this node's journal, writes its share of the ledger.
pub struct Drainer {
    store: Store,
    journal: Journal,
    node: NodeId,
    /// Absent until the first batch and after every failure: then the database says where to go on.
    reader: Option<Reader>,
    open: OpenAttempts,
}

/// What keeps others from writing for some hundredths of a second.
const BATCH_RECORDS_MAX: usize = 4000;
/// Lets a batch grow with the load, so that a busy node makes few transactions. Whoever waits for the ledger ends it.
const LINGER: Duration = Duration::from_millis(100);
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Drainer {
    pub fn new(store: Store, journal: Journal, node: NodeId) -> Self {
        Self { store, journal, node, reader: None, open: OpenAttempts::default() }
    }

    /// At start: everything a former process wrote, then what it left open. Returns how many it left.
    pub async fn replay(&mut self, now: Timestamp) -> Result<u64> {
        self.catch_up().await?;
        let mut tx = self.store.db().begin().await?;
        let orphans = settle_orphans(&mut tx, self.node, now).await?;
        tx.commit().await?;
        self.open.forget();
        Ok(orphans)
    }

    /// Until `stop` says so or its sender is gone, and then once more, so that a calm end leaves nothing behind.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut written = self.journal.written();
        loop {
            let stopping = *stop.borrow_and_update() || stop.has_changed().is_err();
            let drained = self.catch_up().await;
            if let Err(error) = &drained {
                tracing::warn!(error = %error, "the journal could not be drained, trying again");
            }
            if stopping {
                return;
            }
            let wait = async {
                match drained {
                    Ok(()) if written.changed().await.is_ok() => tokio::select! {
                        () = tokio::time::sleep(LINGER) => {}
                        () = self.journal.is_awaited() => {}
                    },
                    _ => tokio::time::sleep(RETRY_AFTER).await,
                }
            };
            tokio::select! {
                () = wait => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Everything that is written by now. After a failure the next call goes on where the database is.
    pub async fn catch_up(&mut self) -> Result<()> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                self.open.forget();
                self.resume().await?
            }
        };
        loop {
            let (records, ends): (Vec<_>, Vec<_>) =
                reader.next_batch(BATCH_RECORDS_MAX)?.into_iter().unzip();
            let Some(&end) = ends.last() else { break };
            self.fold(&records, end).await?;
            self.open.follow(records);
            self.journal.drained(end);
        }
        self.reader = Some(reader);
        Ok(())
    }

    async fn fold(&self, records: &[Record], end: Position) -> Result<()> {
        let batch = Batch::new(records);
        let mut tx = self.store.db().begin().await?;
        if batch.fold(&mut tx, self.node, &self.open).await? == Folded::NotAllNew {
            drop(tx);
            tx = self.store.db().begin().await?;
            batch.fold_one_by_one(&mut tx, self.node).await?;
        }
        store_position(&mut tx, self.node, end).await?;
        tx.commit().await
    }

    async fn resume(&self) -> Result<Reader> {
        let stored = stored_position(&self.store, self.node).await?;
        match self.journal.reader(stored) {
            Ok(reader) => {
                // A process that died between the commit and this left segments behind. Said only of a position the
                // journal knows: of a replaced one it would delete what nobody has read.
                self.journal.drained(stored);
                Ok(reader)
            }
            Err(JournalError::UnknownPosition { segment, offset }) => {
                tracing::warn!(
                    journal.segment = segment,
                    journal.offset = offset,
                    "the journal's folder is not the one that was drained before, reading all of it"
                );
                // Folding a record again changes nothing. The old position must go at once: when the new journal has
                // grown past it, nothing would tell that it points into other files.
                let mut tx = self.store.db().begin().await?;
                store_position(&mut tx, self.node, Position::START).await?;
                tx.commit().await?;
                Ok(self.journal.reader(Position::START)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn stored_position(store: &Store, node: NodeId) -> Result<Position> {
    let Some(row) = store.db().one(POSITION, args![node]).await? else {
        return Ok(Position::START);
    };
    let number = |column| -> Result<u64> {
        let number: i64 = row.get(column)?;
        u64::try_from(number).map_err(|_| StoreError::Corrupt { column })
    };
    Ok(Position { segment: number("segment")?, offset: number("offset_bytes")? })
}

async fn store_position(tx: &mut Tx, node: NodeId, position: Position) -> Result<()> {
    tx.run(STORE_POSITION, args![node, position.segment, position.offset]).await?;
    Ok(())
}

const POSITION: &str = "select segment, offset_bytes
    from journal_offsets
    where node_id = $1";

const STORE_POSITION: &str = "insert into journal_offsets (node_id, segment, offset_bytes)
    values ($1, $2, $3)
    on conflict (node_id) do update set segment = excluded.segment, offset_bytes = excluded.offset_bytes";
