//! News of changes: every node applies each committed change to its caches, its own before acknowledging it.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Timestamp, WorkspaceId};
use sqlx::postgres::PgListener;
use tokio::time::{sleep, timeout};

use crate::db::args;
use crate::{Result, Store};

/// What a cache must forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    pub workspace: Option<WorkspaceId>,
    /// For a gateway key: its hash in hex, under which it is cached.
    pub subject: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    GatewayKey,
    Keyring,
    Workspace,
}

impl ChangeKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::GatewayKey => "gateway_key",
            Self::Keyring => "keyring",
            Self::Workspace => "workspace",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChangeKind {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        [Self::GatewayKey, Self::Keyring, Self::Workspace]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(())
    }
}

type Subscriber = Box<dyn Fn(&Change) + Send + Sync>;

/// Who listens on this node. Subscribers only drop cache entries: they are quick and cannot fail.
#[derive(Default)]
pub struct Bus {
    subscribers: Mutex<Vec<Subscriber>>,
}

impl Bus {
    pub fn subscribe(&self, subscriber: impl Fn(&Change) + Send + Sync + 'static) {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(subscriber));
    }

    pub(crate) fn apply(&self, change: &Change) {
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.iter() {
            subscriber(change);
        }
    }
}

/// Follows what other nodes write. On one node's own database there is nothing to follow.
pub struct Follower {
    store: Store,
    seen: i64,
    listener: Option<PgListener>,
}

impl Follower {
    pub const POLL: Duration = Duration::from_millis(500);
    const BATCH_MAX: i64 = 1000;
    const KEPT: Duration = Duration::from_secs(3600);

    /// Starts at the newest change: caches are still empty.
    pub async fn new(store: Store) -> Result<Self> {
        let row = store.db().one("select seq from change_counter where one = 1", args![]).await?;
        let seen = row.map(|row| row.get("seq")).transpose()?.unwrap_or(0);
        Ok(Self { store, seen, listener: None })
    }

    /// Applies what is new; commits are numbered in their order, so nothing can appear behind us.
    pub async fn poll(&mut self) -> Result<()> {
        loop {
            let rows = self.store.db().all(NEWER, args![self.seen, Self::BATCH_MAX]).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let last_seq = last.get("seq")?;
            for row in &rows {
                // A newer node may tell of what this one does not know, and so does not cache. Stopping at it would
                // make this node deaf to all that follows.
                let Ok(kind) = row.parse("kind") else {
                    let kind: String = row.get("kind")?;
                    tracing::warn!(change.kind = %kind, "skipped news of a kind this version does not know");
                    continue;
                };
                self.store.bus().apply(&Change {
                    kind,
                    workspace: row.parse_opt("workspace_id")?,
                    subject: row.get("subject")?,
                });
            }
            self.seen = last_seq;
        }
    }

    /// Until it is time to look again, or somebody says that there is news. A database that cannot be listened to costs
    /// nothing but half a second.
    pub async fn wait(&mut self) {
        if self.listener.is_none() {
            self.listener = self.store.db().listener().await.unwrap_or_else(|error| {
                tracing::debug!(error = %error, "no hints of changes: looking on time");
                None
            });
        }
        let Some(listener) = &mut self.listener else { return sleep(Self::POLL).await };
        match timeout(Self::POLL, listener.recv()).await {
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "the hints of changes have ended");
                self.listener = None;
                sleep(Self::POLL).await;
            }
        }
    }

    /// Forgets news that every living node has long applied.
    pub async fn prune(&self, now: Timestamp) -> Result<()> {
        let kept_ms = i64::try_from(Self::KEPT.as_millis()).unwrap_or(i64::MAX);
        let mut tx = self.store.db().begin().await?;
        let oldest = now.unix_ms().saturating_sub(kept_ms);
        tx.run("delete from changes where at < $1", args![oldest]).await?;
        tx.commit().await
    }
}

const NEWER: &str = "select seq, kind, workspace_id, subject
    from changes
    where seq > $1
    order by seq
    limit $2";
