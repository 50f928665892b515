//! The one driver switch: the same SQL text on SQLite and PostgreSQL. Nothing above it knows which is there.

mod rows;
mod value;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use model::PicoUsd;
use sqlx::migrate::{Migrate, Migration, Migrator};
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Decode, Postgres, Row as _, Sqlite, Transaction, Type};
use tokio::time::Instant;

use crate::{Result, StoreError};

pub(crate) use rows::Insert;
pub(crate) use value::{Value, args};

/// Where the data lives. Not `Debug`: the URL may hold a password.
#[derive(Clone)]
pub enum Location {
    Postgres { url: String },
    Sqlite { file: PathBuf },
}

static SQLITE_MIGRATIONS: LazyLock<Migrator> =
    LazyLock::new(|| forgiving(sqlx::migrate!("../../migrations/sqlite")));
static POSTGRES_MIGRATIONS: LazyLock<Migrator> =
    LazyLock::new(|| forgiving(sqlx::migrate!("../../migrations/postgres")));

/// During an upgrade, and after one is taken back, an old binary meets migrations it does not know. They only ever
/// expand what it uses, so it goes on.
fn forgiving(mut migrator: Migrator) -> Migrator {
    migrator.set_ignore_missing(true);
    migrator
}

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
            if value.is_unstorable() {
                return Err(StoreError::Unstorable);
            }
            query = match value {
                Value::Blob(value) => query.bind(value),
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
            };
        }
        query.$method($executor).await?
    }};
}
use on;

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
                let write = sqlite_pool(1, options.clone()).await?;
                let read = sqlite_pool(SQLITE_READERS_MAX, options.read_only(true)).await?;
                Ok(Self::Lite { read, write })
            }
        }
    }

    /// Applies what is missing. Two processes that start together take turns: PostgreSQL has an advisory lock for it,
    /// SQLite its write lock, which one transaction around all of them holds.
    pub(crate) async fn migrate(&self) -> Result<()> {
        match self {
            Self::Lite { write, .. } => {
                let mut tx = write.begin_with("begin immediate").await?;
                // What `run` calls; its own signature takes no connection inside a transaction.
                SQLITE_MIGRATIONS.run_direct(None, &mut *tx, false).await?;
                tx.commit().await?;
            }
            Self::Pg(pool) => POSTGRES_MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// Only looks: whoever asks may not be allowed to change anything, or not yet.
    pub(crate) async fn pending_migrations(&self) -> Result<Vec<String>> {
        let (known, has_table) = match self {
            Self::Lite { .. } => (&SQLITE_MIGRATIONS, SQLITE_HAS_TABLE),
            Self::Pg(_) => (&POSTGRES_MIGRATIONS, POSTGRES_HAS_TABLE),
        };
        let table: &str = &known.table_name;
        let applied = match (self.one(has_table, args![table]).await?, self) {
            (None, _) => Vec::new(),
            (Some(_), Self::Lite { read, .. }) => {
                read.acquire().await?.list_applied_migrations(table).await?
            }
            (Some(_), Self::Pg(pool)) => {
                pool.acquire().await?.list_applied_migrations(table).await?
            }
        };
        let missing = known.iter().filter(|m| applied.iter().all(|a| a.version != m.version));
        Ok(missing.map(file_name).collect())
    }

    /// All that a new database needs.
    pub(crate) fn migrations(location: &Location) -> Vec<String> {
        let known = match location {
            Location::Postgres { .. } => &POSTGRES_MIGRATIONS,
            Location::Sqlite { .. } => &SQLITE_MIGRATIONS,
        };
        known.iter().map(file_name).collect()
    }

    /// No row holds what none can hold: looking for it finds nothing, and is no failure.
    pub(crate) async fn one(&self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>> {
        if args.iter().any(Value::is_unstorable) {
            return Ok(None);
        }
        Ok(match self {
            Self::Lite { read, .. } => on!(sql, args, read, fetch_optional).map(Row::Lite),
            Self::Pg(pool) => on!(sql, args, pool, fetch_optional).map(Row::Pg),
        })
    }

    pub(crate) async fn all(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>> {
        if args.iter().any(Value::is_unstorable) {
            return Ok(Vec::new());
        }
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

    /// Hears when another node has committed a change; `None` where there are no others.
    pub(crate) async fn listener(&self) -> Result<Option<PgListener>> {
        let Self::Pg(pool) = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANGES_CHANNEL).await?;
        Ok(Some(listener))
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

    pub(crate) async fn all(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Lite(tx) => {
                on!(sql, args, &mut **tx, fetch_all).into_iter().map(Row::Lite).collect()
            }
            Self::Pg(tx) => on!(sql, args, &mut **tx, fetch_all).into_iter().map(Row::Pg).collect(),
        })
    }

    /// Until the commit nobody else writes to the budgets, so that what is summed up for a new one misses nothing that is
    /// under way. SQLite has one writer in any case.
    pub(crate) async fn lock_budgets(&mut self) -> Result<()> {
        match self {
            Self::Lite(_) => Ok(()),
            Self::Pg(_) => self.run(LOCK_BUDGETS, Vec::new()).await.map(|_| ()),
        }
    }

    /// Wakes those who listen, once this is committed. Only a hint: they would find out by themselves.
    pub(crate) async fn notify(&mut self) -> Result<()> {
        match self {
            Self::Lite(_) => Ok(()),
            Self::Pg(_) => self.run(NOTIFY, args![CHANGES_CHANNEL]).await.map(|_| ()),
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Lite(tx) => tx.commit().await?,
            Self::Pg(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A new file becomes a WAL one at the first connection, which needs the file alone; SQLite's own busy timeout does not
/// cover that moment.
async fn sqlite_pool(connections_max: u32, options: SqliteConnectOptions) -> Result<SqlitePool> {
    let deadline = Instant::now() + ACQUIRE_TIMEOUT;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_TIMEOUT);
        match pool.connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            connected => return Ok(connected?),
        }
    }
}

const BUSY_PAUSE: Duration = Duration::from_millis(20);

fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == SQLITE_BUSY)
}

fn file_name(migration: &Migration) -> String {
    format!("{:04}_{}", migration.version, migration.description)
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

    /// Whole micro-USD and the rest, which is null where they are.
    pub(crate) fn money_opt(
        &self,
        micro: &'static str,
        rest: &'static str,
    ) -> Result<Option<PicoUsd>> {
        let (micro, rest): (Option<i64>, Option<i64>) = (self.get(micro)?, self.get(rest)?);
        Ok(micro.map(|micro| PicoUsd::joined(micro, rest.unwrap_or_default())))
    }

    pub(crate) fn money(&self, micro: &'static str, rest: &'static str) -> Result<PicoUsd> {
        Ok(PicoUsd::joined(self.get(micro)?, self.get(rest)?))
    }

    /// A column of JSON that this program wrote.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { column })
    }

    pub(crate) fn json_opt<T: serde::de::DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|_| StoreError::Corrupt { column })
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        let flag: i64 = self.get(column)?;
        Ok(flag != 0)
    }
}

const SQLITE_HAS_TABLE: &str = "select 1 as present
    from sqlite_master
    where type = 'table' and name = $1";

const POSTGRES_HAS_TABLE: &str = "select 1 as present
    from pg_tables
    where schemaname = any (current_schemas(false)) and tablename = $1";

const LOCK_BUDGETS: &str = "lock table budgets in share row exclusive mode";

const CHANGES_CHANNEL: &str = "keystile_changes";

const NOTIFY: &str = "select pg_notify($1, '')";
