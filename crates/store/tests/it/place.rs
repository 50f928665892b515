//! Where one test's data lives: a SQLite file in a folder of its own, or a database of the throwaway cluster.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock as _, Timestamp};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use store::{Location, Store, Write};
use tempfile::TempDir;
use testkit::clock::ManualClock;
use testkit::postgres::Postgres;
use testkit::random::SeededRandom;

use crate::chain::TestChain;

pub struct Place {
    pub location: Location,
    pub clock: ManualClock,
    pub random: SeededRandom,
    folder: TempDir,
}

/// A connection of the test's own, past the store: for what the store has no words for.
pub enum Raw {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

/// 2026-11-21, noon.
const NOON_MS: i64 = 1_795_262_400_000;

/// Long enough for a slow machine; reached only by a test that fails.
const SOON: Duration = Duration::from_secs(60);

impl Place {
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("keystile.db");
        Self::new(Location::Sqlite { file }, folder)
    }

    /// `None` where PostgreSQL is missing, which has been said by then.
    pub async fn postgres() -> Option<Self> {
        let url = Postgres::database().await?.url;
        let folder = TempDir::new().expect("a temporary folder");
        Some(Self::new(Location::Postgres { url }, folder))
    }

    fn new(location: Location, folder: TempDir) -> Self {
        let (clock, random) = (ManualClock::at(NOON_MS), SeededRandom::new(7));
        Self { location, clock, random, folder }
    }

    /// As another process would: a `Store` of its own on the same database.
    pub async fn connect(&self) -> Store {
        Store::connect(&self.location).await.expect("connected")
    }

    pub async fn store(&self) -> Store {
        let store = self.connect().await;
        store.set_chain(Arc::new(TestChain));
        store.migrate().await.expect("migrated");
        store
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn commit(&self, write: Write) {
        write.commit(self.now()).await.expect("committed");
    }

    pub async fn raw(&self) -> Raw {
        match &self.location {
            Location::Sqlite { file } => {
                let url = format!("sqlite://{}", file.display());
                Raw::Lite(SqliteConnection::connect(&url).await.expect("connected"))
            }
            Location::Postgres { url } => {
                Raw::Pg(PgConnection::connect(url).await.expect("connected"))
            }
        }
    }

    pub async fn run(&self, sql: &'static str) {
        self.raw().await.run(sql).await;
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        self.numbers(sql).await[0]
    }

    pub async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        let numbers = match self.raw().await {
            Raw::Lite(mut raw) => sqlx::query_scalar(sql).fetch_all(&mut raw).await,
            Raw::Pg(mut raw) => sqlx::query_scalar(sql).fetch_all(&mut raw).await,
        };
        numbers.expect(sql)
    }

    pub async fn texts(&self, sql: &'static str) -> Vec<Option<String>> {
        let texts = match self.raw().await {
            Raw::Lite(mut raw) => sqlx::query_scalar(sql).fetch_all(&mut raw).await,
            Raw::Pg(mut raw) => sqlx::query_scalar(sql).fetch_all(&mut raw).await,
        };
        texts.expect(sql)
    }
}

impl Raw {
    pub async fn run(&mut self, sql: &'static str) {
        self.try_run(sql).await.expect(sql);
    }

    pub async fn try_run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Lite(raw) => sqlx::raw_sql(sql).execute(raw).await.map(|_| ()),
            Self::Pg(raw) => sqlx::raw_sql(sql).execute(raw).await.map(|_| ()),
        }
    }
}

/// Waits for what must come, and fails loudly if it does not.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect(what);
}
