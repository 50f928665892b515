//! Every sealed value there is, in whichever table, so that it can be sealed anew. Across tenants, because a master key
//! seals for all of them.

use model::{KeyVersion, Origin, Sealed, WorkspaceId};

use super::System;
use super::instance::version;
use crate::db::{Row, args};
use crate::workspace::Health;
use crate::{Result, StoreError, Write};

/// Where sealed values are kept, in the order in which they are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealTable {
    InstanceSecrets,
    ProviderKeys,
    Secrets,
}

/// A sealed value, with all that its place is made of.
#[derive(Clone, Debug)]
pub struct SealRow {
    pub table: SealTable,
    /// The name, for a secret of the instance.
    pub id: String,
    pub workspace: WorkspaceId,
    pub salt: Vec<u8>,
    pub sealed: Sealed,
    pub sealed_version: u64,
    /// Provider keys only.
    pub key: Option<SealedKeyRow>,
}

#[derive(Clone, Debug)]
pub struct SealedKeyRow {
    pub provider: String,
    /// Has an address of its own, which no catalogue names.
    pub is_custom: bool,
    pub origin: String,
    pub health: Health,
}

/// How many live rows a version of the master key sealed, by the first bytes of their envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealCount {
    pub version: KeyVersion,
    pub prefix: Vec<u8>,
    pub rows: u64,
}

/// How an envelope begins that needs no sealing anew, and the version its row must name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealTarget {
    pub version: KeyVersion,
    pub prefix: [u8; PREFIX_BYTES],
}

/// As many bytes as the statements below compare.
const PREFIX_BYTES: usize = 12;

impl SealTable {
    pub const ALL: [Self; 3] = [Self::InstanceSecrets, Self::ProviderKeys, Self::Secrets];
}

impl System<'_> {
    pub async fn seal_counts(&self) -> Result<Vec<SealCount>> {
        let rows = self.db.all(COUNTS, args![]).await?;
        rows.iter()
            .map(|row| {
                let sealed: i64 = row.get("sealed_rows")?;
                Ok(SealCount {
                    version: version(row.get("key_version")?)?,
                    prefix: row.get("prefix")?,
                    rows: u64::try_from(sealed).unwrap_or(0),
                })
            })
            .collect()
    }

    /// In the order of their ids, from after `after`: those that are not yet as `behind` wants them, or all.
    pub async fn seals(
        &self,
        table: SealTable,
        behind: Option<&SealTarget>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SealRow>> {
        let (sql, read): (_, fn(&Row) -> Result<SealRow>) = match table {
            SealTable::InstanceSecrets => (INSTANCE_SECRETS, instance_secret),
            SealTable::ProviderKeys => (PROVIDER_KEYS, provider_key),
            SealTable::Secrets => (SECRETS, secret),
        };
        let prefix = behind.map(|target| target.prefix.as_slice());
        let version = behind.map(|target| target.version);
        let rows = self.db.all(sql, args![after, prefix, version, limit]).await?;
        rows.iter().map(read).collect()
    }
}

impl Write {
    /// Whether the row still held `row.sealed`: a value that was replaced meanwhile stays.
    pub async fn reseal(
        &mut self,
        row: &SealRow,
        sealed: &Sealed,
        version: KeyVersion,
    ) -> Result<bool> {
        let sql = match row.table {
            SealTable::InstanceSecrets => RESEAL_INSTANCE_SECRET,
            SealTable::ProviderKeys => RESEAL_PROVIDER_KEY,
            SealTable::Secrets => RESEAL_SECRET,
        };
        Ok(self.tx.run(sql, args![&row.id, &row.sealed, sealed, version]).await? > 0)
    }

    /// The same to another origin, after which the key may be used again.
    pub async fn rebind(
        &mut self,
        row: &SealRow,
        sealed: &Sealed,
        version: KeyVersion,
        origin: &Origin,
    ) -> Result<bool> {
        let args = args![&row.id, &row.sealed, sealed, version, origin, Health::Unknown.as_str()];
        Ok(self.tx.run(REBIND, args).await? > 0)
    }
}

fn instance_secret(row: &Row) -> Result<SealRow> {
    seal(row, SealTable::InstanceSecrets, WorkspaceId::NIL, None)
}

fn secret(row: &Row) -> Result<SealRow> {
    seal(row, SealTable::Secrets, row.parse("workspace_id")?, None)
}

fn provider_key(row: &Row) -> Result<SealRow> {
    let key = SealedKeyRow {
        provider: row.get("provider")?,
        is_custom: row.get::<Option<String>>("base_url")?.is_some(),
        origin: row.get("origin")?,
        health: row.parse("health_status")?,
    };
    seal(row, SealTable::ProviderKeys, row.parse("workspace_id")?, Some(key))
}

fn seal(
    row: &Row,
    table: SealTable,
    workspace: WorkspaceId,
    key: Option<SealedKeyRow>,
) -> Result<SealRow> {
    let sealed_version: i64 = row.get("sealed_version")?;
    Ok(SealRow {
        table,
        id: row.get("id")?,
        workspace,
        salt: row.get("salt")?,
        sealed: Sealed::from_bytes(row.get("sealed")?),
        sealed_version: u64::try_from(sealed_version)
            .map_err(|_| StoreError::Corrupt { column: "sealed_version" })?,
        key,
    })
}

const COUNTS: &str = "select key_version, prefix, count(*) as sealed_rows
    from (
        select key_version, substr(sealed, 1, 12) as prefix
        from provider_keys
        where sealed is not null
        union all
        select key_version, substr(sealed, 1, 12) as prefix
        from secrets
        union all
        select key_version, substr(sealed, 1, 12) as prefix
        from instance_secrets
    ) as seals
    group by key_version, prefix
    order by key_version, prefix";

const INSTANCE_SECRETS: &str = "select s.name as id, i.salt, s.sealed, s.sealed_version
    from instance_secrets s
    cross join instance i
    where s.name > $1
        and ($2 is null or substr(s.sealed, 1, 12) <> $2 or s.key_version <> $3)
    order by s.name
    limit $4";

const PROVIDER_KEYS: &str =
    "select k.id, k.workspace_id, w.salt, k.sealed, k.sealed_version, k.provider,
        k.base_url, k.origin, k.health_status
    from provider_keys k
    join workspaces w on w.id = k.workspace_id
    where k.id > $1 and k.sealed is not null
        and ($2 is null or substr(k.sealed, 1, 12) <> $2 or k.key_version <> $3)
    order by k.id
    limit $4";

const SECRETS: &str = "select s.id, s.workspace_id, w.salt, s.sealed, s.sealed_version
    from secrets s
    join workspaces w on w.id = s.workspace_id
    where s.id > $1
        and ($2 is null or substr(s.sealed, 1, 12) <> $2 or s.key_version <> $3)
    order by s.id
    limit $4";

const RESEAL_INSTANCE_SECRET: &str = "update instance_secrets
    set sealed = $3, key_version = $4
    where name = $1 and sealed = $2";

const RESEAL_PROVIDER_KEY: &str = "update provider_keys
    set sealed = $3, key_version = $4
    where id = $1 and sealed = $2";

const RESEAL_SECRET: &str = "update secrets
    set sealed = $3, key_version = $4
    where id = $1 and sealed = $2";

const REBIND: &str = "update provider_keys
    set sealed = $3, key_version = $4, origin = $5, health_status = $6, last_health_error = null
    where id = $1 and sealed = $2";
