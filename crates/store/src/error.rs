//! What can go wrong between us and the database.

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row that must be unique exists already.
    #[error("the row exists already")]
    Conflict,
    /// A row holds what no version of this program writes.
    #[error("column \"{column}\" holds something unreadable")]
    Corrupt { column: &'static str },
    /// The process is stopping.
    #[error("the change was interrupted")]
    Interrupted,
    #[error("the journal failed: {0}")]
    Journal(#[from] crate::journal::JournalError),
    #[error("a migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database failed: {0}")]
    Unavailable(sqlx::Error),
    #[error("a text holds a NUL character, which no database of ours can store")]
    Unstorable,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let unique = error.as_database_error().is_some_and(|db| db.is_unique_violation());
        if unique { Self::Conflict } else { Self::Unavailable(error) }
    }
}
