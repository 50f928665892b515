//! The only SQL and the only journal. Moves sealed values, and cannot open one.

pub mod bus;
pub mod db;
pub mod drain;
mod error;
pub mod journal;
pub mod system;
pub mod workspace;
mod write;

use std::sync::Arc;

use model::WorkspaceId;

pub use bus::{Bus, Change, ChangeKind};
pub use db::{Db, Location};
pub use error::StoreError;
pub use system::System;
pub use workspace::Workspace;
pub use write::{WorkspaceWrite, Write};

pub type Result<T> = std::result::Result<T, StoreError>;

/// The database and the news of its changes. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    db: Db,
    bus: Arc<Bus>,
}

impl Store {
    /// Connects without changing anything; `migrate` comes next.
    pub async fn connect(location: &Location) -> Result<Self> {
        Ok(Self { db: Db::connect(location).await?, bus: Arc::new(Bus::default()) })
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
        Ok(Write::new(self.db.begin().await?, Arc::clone(&self.bus)))
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
