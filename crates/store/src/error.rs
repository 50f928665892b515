//! What can go wrong between us and the database.

use model::{Code, Refusal};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row that must be unique exists already.
    #[error("the row exists already")]
    Conflict,
    /// A row holds what no version of this program writes.
    #[error("column \"{column}\" holds something unreadable")]
    Corrupt { column: &'static str },
    /// The row that this one belongs to is gone.
    #[error("what the row belongs to does not exist")]
    Gone,
    /// The process is stopping.
    #[error("the change was interrupted")]
    Interrupted,
    #[error("the journal failed: {0}")]
    Journal(#[from] crate::journal::JournalError),
    #[error("a migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The key that links the audit's rows is not known yet.
    #[error("nothing can be audited before the vault is open")]
    Unchained,
    #[error("the database failed: {0}")]
    Unavailable(sqlx::Error),
    #[error("a text holds a NUL character, which no database of ours can store")]
    Unstorable,
}

/// What a failing database means to whoever called us.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::new(Code::Conflict, "there is such an entry already"),
            StoreError::Corrupt { .. } | StoreError::Unchained => Self::internal(error),
            StoreError::Gone => Self::not_found(),
            StoreError::Unstorable => {
                let public = "a text holds a character that cannot be stored";
                Self::new(Code::InvalidRequest, public)
            }
            error => {
                let public = "the database does not answer, try again shortly";
                Self::new(Code::StorageUnavailable, public).retry_after(1).because(error)
            }
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(db) if db.is_unique_violation() => Self::Conflict,
            Some(db) if db.is_foreign_key_violation() => Self::Gone,
            _ => Self::Unavailable(error),
        }
    }
}
