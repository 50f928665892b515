//! The only SQL, the only Redis and the only journal. Moves sealed values, and cannot open one.

mod attempt;
pub mod audit;
pub mod budget;
pub mod bus;
pub mod db;
pub mod drain;
mod error;
pub mod journal;
pub mod rate;
pub mod system;
pub mod workspace;
mod write;

use std::sync::{Arc, OnceLock};

use model::WorkspaceId;

pub use audit::Chain;
pub use budget::Budgets;
pub use bus::{Bus, Change, ChangeKind};
pub use db::{Db, Location};
pub use error::StoreError;
pub use rate::RateLimits;
pub use system::System;
pub use workspace::Workspace;
pub use write::{WorkspaceWrite, Write};

pub type Result<T> = std::result::Result<T, StoreError>;

/// The database and the news of its changes. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
    bus: Arc<Bus>,
    /// Set once the vault is open; until then nothing that is audited can be written.
    chain: Arc<OnceLock<Arc<dyn Chain>>>,
}

impl Store {
    /// Connects without changing anything; `migrate` comes next.
    pub async fn connect(location: &Location) -> Result<Self> {
        let db = Db::connect(location).await?;
        Ok(Self { db, bus: Arc::new(Bus::default()), chain: Arc::new(OnceLock::new()) })
    }

    pub async fn migrate(&self) -> Result<()> {
        self.db.migrate().await
    }

    /// Migrations this binary knows and the database does not have.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        self.db.pending_migrations().await
    }

    /// All that a database made there would need.
    pub fn migrations(location: &Location) -> Vec<String> {
        Db::migrations(location)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.db.one("select 1 as alive", Vec::new()).await.map(|_| ())
    }

    /// What belongs to one tenant: every query below carries its id.
    pub fn workspace(&self, id: WorkspaceId) -> Workspace<'_> {
        Workspace { db: &self.db, id }
    }

    /// What belongs to no tenant or to all of them.
    pub fn system(&self) -> System<'_> {
        System { db: &self.db }
    }

    /// One unit of change: rows, their audit and the news of them, all or nothing.
    pub async fn write(&self) -> Result<Write> {
        let chain = self.chain.get().cloned();
        Ok(Write::new(self.db.begin().await?, Arc::clone(&self.bus), chain))
    }

    /// The first counts: a process has one audit key.
    pub fn set_chain(&self, chain: Arc<dyn Chain>) {
        self.chain.get_or_init(|| chain);
    }

    pub fn chain(&self) -> Option<Arc<dyn Chain>> {
        self.chain.get().cloned()
    }

    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Whether other nodes may write to the same database.
    pub fn is_shared(&self) -> bool {
        self.db.is_shared()
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub async fn close(&self) {
        self.db.close().await;
    }
}
