//! Folds the journal into the database: records and the offset they were read up to, in one transaction.

use std::time::Duration;

use model::{NodeId, Timestamp};
use tokio::sync::watch;

use crate::db::args;
use crate::journal::{Journal, Position, Reader};
use crate::system::{fold, settle_orphans};
use crate::{Result, Store, StoreError};

/// One per node: reads this node's journal, writes its share of the ledger.
pub struct Drainer {
    store: Store,
    journal: Journal,
    node: NodeId,
    /// Absent until the first batch and after every failure: then the database says where to go on.
    reader: Option<Reader>,
}

const BATCH_RECORDS_MAX: usize = 500;
/// Lets a batch grow a little, so that a busy node makes few transactions.
const LINGER: Duration = Duration::from_millis(20);
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Drainer {
    pub fn new(store: Store, journal: Journal, node: NodeId) -> Self {
        Self { store, journal, node, reader: None }
    }

    /// At start: everything a former process wrote, then what it left open. Returns how many it left.
    pub async fn replay(&mut self, now: Timestamp) -> Result<u64> {
        self.catch_up().await?;
        let mut tx = self.store.db().begin().await?;
        let orphans = settle_orphans(&mut tx, self.node, now).await?;
        tx.commit().await?;
        Ok(orphans)
    }

    /// Until `stop` says so, and then once more, so that a calm end leaves nothing behind.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut written = self.journal.written();
        loop {
            let stopping = *stop.borrow_and_update();
            let drained = self.catch_up().await;
            if let Err(error) = &drained {
                tracing::warn!(error = %error, "the journal could not be drained, trying again");
            }
            if stopping {
                return;
            }
            let wait = async {
                match drained {
                    Ok(()) if written.changed().await.is_ok() => tokio::time::sleep(LINGER).await,
                    _ => tokio::time::sleep(RETRY_AFTER).await,
                }
            };
            tokio::select! {
                () = wait => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn catch_up(&mut self) -> Result<()> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.journal.reader(stored_position(&self.store, self.node).await?)?,
        };
        loop {
            let batch = reader.next_batch(BATCH_RECORDS_MAX)?;
            let Some(&(_, end)) = batch.last() else { break };
            let mut tx = self.store.db().begin().await?;
            for (record, _) in &batch {
                fold(&mut tx, self.node, record).await?;
            }
            tx.run(STORE_POSITION, args![self.node, end.segment, end.offset]).await?;
            tx.commit().await?;
            self.journal.drained(end);
        }
        self.reader = Some(reader);
        Ok(())
    }
}

async fn stored_position(store: &Store, node: NodeId) -> Result<Position> {
    let Some(row) = store.db().one(POSITION, args![node]).await? else {
        return Ok(Position::default());
    };
    let number = |column| -> Result<u64> {
        let number: i64 = row.get(column)?;
        u64::try_from(number).map_err(|_| StoreError::Corrupt { column })
    };
    Ok(Position { segment: number("segment")?, offset: number("offset_bytes")? })
}

const POSITION: &str = "select segment, offset_bytes
    from journal_offsets
    where node_id = $1";

const STORE_POSITION: &str = "insert into journal_offsets (node_id, segment, offset_bytes)
    values ($1, $2, $3)
    on conflict (node_id) do update set segment = excluded.segment, offset_bytes = excluded.offset_bytes";
