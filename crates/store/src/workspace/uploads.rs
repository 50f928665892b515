//! One-time pages on which a person pastes a value: hashes of their tokens, who asked, and for what.

use model::{Actor, Timestamp};

use crate::db::args;
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug)]
pub struct UploadRow {
    pub token_hash: Vec<u8>,
    /// Whose right it takes, then as now.
    pub asked_by: Actor,
    /// What is asked for, as whoever asked wrote it down.
    pub request: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl WorkspaceWrite<'_> {
    /// How many pages can still be used. The lapsed ones go, so that they do not pile up.
    pub async fn open_uploads(&mut self, now: Timestamp) -> Result<u64> {
        self.tx.run(DELETE_LAPSED, args![self.id, now]).await?;
        let row = self.tx.one(COUNT, args![self.id]).await?;
        let open: i64 = row.map_or(Ok(0), |row| row.get("open_pages"))?;
        Ok(u64::try_from(open).unwrap_or(0))
    }

    pub async fn insert_upload(&mut self, upload: &UploadRow) -> Result<()> {
        let args = args![
            upload.token_hash.as_slice(),
            self.id,
            upload.asked_by,
            &upload.request,
            upload.created_at,
            upload.expires_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    /// Whether it could still be used, which now it cannot: of several that try at once, one is told so.
    pub async fn use_upload(&mut self, token_hash: &[u8], now: Timestamp) -> Result<bool> {
        Ok(self.tx.run(USE, args![self.id, token_hash, now]).await? > 0)
    }
}

const DELETE_LAPSED: &str = "delete from uploads
    where workspace_id = $1 and expires_at <= $2";

const COUNT: &str = "select count(*) as open_pages
    from uploads
    where workspace_id = $1 and used_at is null";

const INSERT: &str = "insert into uploads (token_hash, workspace_id, asked_by, request, created_at,
        expires_at)
    values ($1, $2, $3, $4, $5, $6)";

const USE: &str = "update uploads
    set used_at = $3
    where workspace_id = $1 and token_hash = $2 and used_at is null and expires_at > $3";
