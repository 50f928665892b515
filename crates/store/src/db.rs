//! The one driver switch: the same SQL text on SQLite and PostgreSQL. Nothing above it knows which is there.

mod value;

use std::path::PathBuf;
use std::time::Duration;

use sqlx::migrate::{Migrate, Migrator};
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Transaction, Type};

use crate::{Result, StoreError};

pub(crate) use value::{Value, args};

/// Where the data lives.
#[derive(Clone, Debug)]
pub enum Location {
    Postgres { url: String },
    Sqlite { file: PathBuf },
}

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

const POSTGRES_CONNECTIONS_MAX: u32 = 16;
const SQLITE_READERS_MAX: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite has one writer whatever we do; one write connection makes writers queue here instead of failing there.
#[derive(Clone)]
pub enum Db {
    Lite { read: SqlitePool, write: SqlitePool },
    Pg(PgPool),
}

/// An open transaction, rolled back when dropped.
pub(crate) enum Tx {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

pub(crate) enum Row {
    Lite(SqliteRow),
    Pg(PgRow),
}

/// Runs one query on whichever driver is there: `$query` is what sqlx calls the terminal method.
macro_rules! on {
    ($sql:expr, $args:expr, $executor:expr, $method:ident) => {{
        let mut query = sqlx::query($sql);
        for value in $args {
            query = match value {
                Value::Blob(value) => query.bind(value),
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query.$method($executor).await?
    }};
}

impl Db {
    pub async fn connect(location: &Location) -> Result<Self> {
        match location {
            Location::Postgres { url } => {
                let options = PgPoolOptions::new()
                    .max_connections(POSTGRES_CONNECTIONS_MAX)
                    .acquire_timeout(ACQUIRE_TIMEOUT);
                Ok(Self::Pg(options.connect(url).await?))
            }
            Location::Sqlite { file } => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(ACQUIRE_TIMEOUT);
                let pool = |readers| {
                    SqlitePoolOptions::new()
                        .max_connections(readers)
                        .acquire_timeout(ACQUIRE_TIMEOUT)
                };
                let write = pool(1).connect_with(options.clone()).await?;
                let read = pool(SQLITE_READERS_MAX).connect_with(options.read_only(true)).await?;
                Ok(Self::Lite { read, write })
            }
        }
    }

    /// Applies what is missing. PostgreSQL is locked meanwhile by an advisory lock, SQLite by the data folder's.
    pub(crate) async fn migrate(&self) -> Result<()> {
        match self {
            Self::Lite { write, .. } => SQLITE_MIGRATIONS.run(write).await?,
            Self::Pg(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    pub(crate) async fn pending_migrations(&self) -> Result<Vec<String>> {
        let (known, applied) = match self {
            Self::Lite { write, .. } => {
                let mut connection = write.acquire().await?;
                connection.ensure_migrations_table(&SQLITE_MIGRATIONS.table_name).await?;
                let table = &SQLITE_MIGRATIONS.table_name;
                (&SQLITE_MIGRATIONS, connection.list_applied_migrations(table).await?)
            }
            Self::Pg(pool) => {
                let mut connection = pool.acquire().await?;
                connection.ensure_migrations_table(&POSTGRES_MIGRATIONS.table_name).await?;
                let table = &POSTGRES_MIGRATIONS.table_name;
                (&POSTGRES_MIGRATIONS, connection.list_applied_migrations(table).await?)
            }
        };
        let missing = known.iter().filter(|m| applied.iter().all(|a| a.version != m.version));
        Ok(missing.map(|m| format!("{:04}_{}", m.version, m.description)).collect())
    }

    pub(crate) async fn one(&self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>> {
        Ok(match self {
            Self::Lite { read, .. } => on!(sql, args, read, fetch_optional).map(Row::Lite),
            Self::Pg(pool) => on!(sql, args, pool, fetch_optional).map(Row::Pg),
        })
    }

    pub(crate) async fn all(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Lite { read, .. } => {
                on!(sql, args, read, fetch_all).into_iter().map(Row::Lite).collect()
            }
            Self::Pg(pool) => on!(sql, args, pool, fetch_all).into_iter().map(Row::Pg).collect(),
        })
    }

    /// On SQLite the write lock is taken at once: a transaction that starts as a reader may fail when it wants to write.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Lite { write, .. } => Tx::Lite(write.begin_with("begin immediate").await?),
            Self::Pg(pool) => Tx::Pg(pool.begin().await?),
        })
    }

    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Lite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Pg(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// How many rows it touched.
    pub(crate) async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64> {
        Ok(match self {
            Self::Lite(tx) => on!(sql, args, &mut **tx, execute).rows_affected(),
            Self::Pg(tx) => on!(sql, args, &mut **tx, execute).rows_affected(),
        })
    }

    pub(crate) async fn one(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>> {
        Ok(match self {
            Self::Lite(tx) => on!(sql, args, &mut **tx, fetch_optional).map(Row::Lite),
            Self::Pg(tx) => on!(sql, args, &mut **tx, fetch_optional).map(Row::Pg),
        })
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Lite(tx) => tx.commit().await?,
            Self::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Types both drivers decode alike.
pub(crate) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}
impl Column for i64 {}
impl Column for Option<i64> {}
impl Column for String {}
impl Column for Option<String> {}
impl Column for Vec<u8> {}
impl Column for Option<Vec<u8>> {}

impl Row {
    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T> {
        Ok(match self {
            Self::Lite(row) => row.try_get(column)?,
            Self::Pg(row) => row.try_get(column)?,
        })
    }

    /// An id, a role, a scope list: anything written with `Display` and read with `FromStr`.
    pub(crate) fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T> {
        let text: String = self.get(column)?;
        text.parse().map_err(|_| StoreError::Corrupt { column })
    }

    pub(crate) fn parse_opt<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| StoreError::Corrupt { column })).transpose()
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<model::Timestamp> {
        self.get(column).map(model::Timestamp::from_unix_ms)
    }

    pub(crate) fn time_opt(&self, column: &'static str) -> Result<Option<model::Timestamp>> {
        let time: Option<i64> = self.get(column)?;
        Ok(time.map(model::Timestamp::from_unix_ms))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        let flag: i64 = self.get(column)?;
        Ok(flag != 0)
    }
}
