//! How often each caller managed keys lately, so that the limit a minute holds across nodes and restarts.

use model::Timestamp;

use crate::db::args;
use crate::{Result, Write};

impl Write {
    /// The times of the caller's latest operations. The row stays locked until the commit, so that operations that
    /// arrive together are counted one by one.
    pub async fn key_operations(&mut self, caller: &str, now: Timestamp) -> Result<Vec<i64>> {
        let row = self.tx.one(TOUCH, args![caller, now]).await?;
        row.map_or_else(|| Ok(Vec::new()), |row| row.json("recent"))
    }

    pub async fn set_key_operations(&mut self, caller: &str, recent: &[i64]) -> Result<()> {
        let recent = serde_json::json!(recent).to_string();
        self.tx.run(SET, args![caller, &recent]).await?;
        Ok(())
    }

    pub async fn delete_key_operations(&mut self, before: Timestamp) -> Result<()> {
        self.tx.run(DELETE_OLD, args![before]).await?;
        Ok(())
    }
}

const TOUCH: &str = "insert into key_operations (caller, recent, at)
    values ($1, '[]', $2)
    on conflict (caller) do update
    set at = excluded.at
    returning recent";

const SET: &str = "update key_operations
    set recent = $2
    where caller = $1";

const DELETE_OLD: &str = "delete from key_operations
    where at < $1";
