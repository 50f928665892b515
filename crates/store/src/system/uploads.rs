//! One-time pages, found by the token that is all their visitors give.

use model::{Timestamp, WorkspaceId};

use super::System;
use crate::Result;
use crate::db::args;
use crate::workspace::UploadRow;

impl System<'_> {
    /// Across tenants, because the token's hash decides the tenant. `None` once it is used or has lapsed.
    pub async fn upload(
        &self,
        token_hash: &[u8],
        now: Timestamp,
    ) -> Result<Option<(WorkspaceId, UploadRow)>> {
        let Some(row) = self.db.one(BY_HASH, args![token_hash, now]).await? else {
            return Ok(None);
        };
        let upload = UploadRow {
            token_hash: row.get("token_hash")?,
            asked_by: row.parse("asked_by")?,
            request: row.get("request")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
        };
        Ok(Some((row.parse("workspace_id")?, upload)))
    }
}

const BY_HASH: &str = "select token_hash, workspace_id, asked_by, request, created_at, expires_at
    from uploads
    where token_hash = $1 and used_at is null and expires_at > $2";
