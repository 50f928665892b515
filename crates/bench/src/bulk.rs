//! Rows by the million, written past the gateway while it is away: what would take it days of traffic. One text for both
//! databases.

use anyhow::Context as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::Location;

pub enum Bulk {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

#[derive(Clone)]
pub enum Arg {
    Number(i64),
    Text(String),
}

impl Bulk {
    /// Nobody else has it open.
    pub async fn open(location: &Location) -> anyhow::Result<Self> {
        match location {
            Location::Postgres { url } => Ok(Self::Postgres(PgConnection::connect(url).await?)),
            Location::Sqlite { file } => {
                // What is lost in a crash is only a measurement.
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .foreign_keys(false)
                    .journal_mode(SqliteJournalMode::Off)
                    .synchronous(SqliteSynchronous::Off)
                    .pragma("cache_size", "-1000000")
                    .pragma("temp_store", "memory");
                Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await?))
            }
        }
    }

    /// `blob` and integers of 64 bits are named as SQLite names them.
    pub async fn run(&mut self, sql: &'static str, args: &[Arg]) -> anyhow::Result<()> {
        match self {
            Self::Postgres(connection) => {
                let sql = sql.replace(" as blob)", " as bytea)");
                let query =
                    args.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, arg| {
                        match arg.clone() {
                            Arg::Number(number) => query.bind(number),
                            Arg::Text(text) => query.bind(text),
                        }
                    });
                query.execute(connection).await.context("PostgreSQL")?;
            }
            Self::Sqlite(connection) => {
                let query = args.iter().fold(sqlx::query(sql), |query, arg| match arg.clone() {
                    Arg::Number(number) => query.bind(number),
                    Arg::Text(text) => query.bind(text),
                });
                query.execute(connection).await.context("SQLite")?;
            }
        }
        Ok(())
    }

    /// In steps, so that no one statement has to hold all of it: `$1` is the first number, `$2` the last.
    pub async fn run_in_steps(
        &mut self,
        sql: &'static str,
        rows: i64,
        args: &[Arg],
    ) -> anyhow::Result<()> {
        let mut first = 0;
        while first < rows {
            let last = rows.min(first.saturating_add(STEP)).saturating_sub(1);
            let span = [Arg::Number(first), Arg::Number(last)];
            self.run(sql, &[&span, args].concat()).await?;
            first = last.saturating_add(1);
        }
        Ok(())
    }

    /// Leaves the file as the gateway wants it, and PostgreSQL with what it would have found out about its tables by itself.
    pub async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(mut connection) => {
                connection.execute("vacuum analyze").await?;
                connection.close().await?;
            }
            Self::Sqlite(mut connection) => {
                connection.execute("pragma journal_mode = wal").await?;
                connection.close().await?;
            }
        }
        Ok(())
    }
}

const STEP: i64 = 250_000;
