//! Sealed values of any kind but provider keys. Names with a colon are ours and in no list.

use model::{KeyVersion, Sealed, SecretCategory, SecretId, Timestamp};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, StoreError, WorkspaceWrite};

/// The name of the sealed column, which is part of what opens it.
pub const SECRET_FIELD: &str = "value";

#[derive(Clone, Debug)]
pub struct SecretRow {
    /// Part of what opens it; the name is not.
    pub id: SecretId,
    pub name: String,
    pub category: SecretCategory,
    pub description: Option<String>,
    pub sealed: Sealed,
    pub key_version: KeyVersion,
    /// Rises whenever the value is replaced.
    pub sealed_version: u64,
    /// Rises with every change that a person makes.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Workspace<'_> {
    /// In the order they were made, from after `after`, without ours; with a category, of that one only.
    pub async fn secrets(
        &self,
        category: Option<SecretCategory>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SecretRow>> {
        let category = category.map(SecretCategory::as_str);
        let rows = self.db.all(ALL, args![self.id, after, limit, category]).await?;
        rows.iter().map(secret_row).collect()
    }

    /// Ours, too.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretRow>> {
        self.db.one(BY_NAME, args![self.id, name]).await?.as_ref().map(secret_row).transpose()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_secret(&mut self, secret: &SecretRow) -> Result<()> {
        let args = args![
            secret.id,
            self.id,
            &secret.name,
            secret.category.as_str(),
            secret.description.as_deref(),
            &secret.sealed,
            secret.key_version,
            secret.sealed_version,
            secret.version,
            secret.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    /// The row as it is, locked until the commit, with the version that `save_secret` will give it.
    pub async fn touch_secret(&mut self, name: &str) -> Result<Option<SecretRow>> {
        self.tx.one(TOUCH, args![self.id, name]).await?.as_ref().map(secret_row).transpose()
    }

    pub async fn save_secret(&mut self, secret: &SecretRow) -> Result<()> {
        let args = args![
            self.id,
            secret.id,
            &secret.name,
            secret.category.as_str(),
            secret.description.as_deref(),
            &secret.sealed,
            secret.key_version,
            secret.sealed_version,
            secret.updated_at,
        ];
        self.tx.run(SAVE, args).await?;
        Ok(())
    }

    /// What was there, if anything was. The ciphertext goes with the row.
    pub async fn delete_secret(&mut self, name: &str) -> Result<Option<SecretRow>> {
        self.tx.one(DELETE, args![self.id, name]).await?.as_ref().map(secret_row).transpose()
    }
}

fn secret_row(row: &Row) -> Result<SecretRow> {
    let key_version: i64 = row.get("key_version")?;
    let sealed_version: i64 = row.get("sealed_version")?;
    Ok(SecretRow {
        id: row.parse("id")?,
        name: row.get("name")?,
        category: row.parse("category")?,
        description: row.get("description")?,
        sealed: Sealed::from_bytes(row.get("sealed")?),
        key_version: u32::try_from(key_version)
            .map(KeyVersion)
            .map_err(|_| StoreError::Corrupt { column: "key_version" })?,
        sealed_version: u64::try_from(sealed_version)
            .map_err(|_| StoreError::Corrupt { column: "sealed_version" })?,
        version: row.get("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

const ALL: &str = "select id, name, category, description, sealed, key_version, sealed_version,
        version, created_at, updated_at
    from secrets
    where workspace_id = $1 and id > $2 and name not like '%:%'
        and category = coalesce($4, category)
    order by id
    limit $3";

const BY_NAME: &str = "select id, name, category, description, sealed, key_version,
        sealed_version, version, created_at, updated_at
    from secrets
    where workspace_id = $1 and name = $2";

const INSERT: &str = "insert into secrets (id, workspace_id, name, category, description, sealed,
        key_version, sealed_version, version, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";

const TOUCH: &str = "update secrets
    set version = version + 1
    where workspace_id = $1 and name = $2
    returning id, name, category, description, sealed, key_version, sealed_version, version,
        created_at, updated_at";

const SAVE: &str = "update secrets
    set name = $3, category = $4, description = $5, sealed = $6, key_version = $7,
        sealed_version = $8, updated_at = $9
    where workspace_id = $1 and id = $2";

const DELETE: &str = "delete from secrets
    where workspace_id = $1 and name = $2
    returning id, name, category, description, sealed, key_version, sealed_version, version,
        created_at, updated_at";
