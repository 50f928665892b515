//! What a workspace sends its providers: sealed keys, and what is known of their health.

use std::fmt;
use std::str::FromStr;

use model::{BaseUrl, KeyVersion, ProjectId, ProviderId, ProviderKeyId, Sealed, Timestamp};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, StoreError, WorkspaceWrite};

/// The name of the sealed column, which is part of what opens it.
pub const PROVIDER_KEY_FIELD: &str = "api_key";

#[derive(Clone, Debug)]
pub struct ProviderKeyRow {
    pub id: ProviderKeyId,
    pub project: Option<ProjectId>,
    /// Canonical, but perhaps of a catalogue we no longer ship.
    pub provider: String,
    pub label: Option<String>,
    /// Custom endpoints only.
    pub base_url: Option<BaseUrl>,
    /// The one origin the key may be sent to; part of what opens it.
    pub origin: String,
    /// Absent for an endpoint that needs no key.
    pub sealed: Option<Sealed>,
    pub key_version: Option<KeyVersion>,
    pub sealed_version: u64,
    pub key_prefix: String,
    pub is_default: bool,
    pub is_active: bool,
    pub validation: Validation,
    pub health: Health,
    pub last_health_error: Option<String>,
    pub last_health_check_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> std::result::Result<Self, ()> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

words! {
    /// What the last probe found.
    Validation {
        Invalid = "invalid",
        Network = "network",
        NoQuota = "no_quota",
        Region = "region",
        Restricted = "restricted",
        Unknown = "unknown",
        Valid = "valid",
    }
}

words! {
    /// Whether a key can be relied on now.
    Health {
        Healthy = "healthy",
        OriginChanged = "origin_changed",
        Undecryptable = "undecryptable",
        Unhealthy = "unhealthy",
        Unknown = "unknown",
    }
}

impl Workspace<'_> {
    pub async fn provider_keys(&self) -> Result<Vec<ProviderKeyRow>> {
        self.db.all(ALL, args![self.id]).await?.iter().map(provider_key_row).collect()
    }
}

impl WorkspaceWrite<'_> {
    /// The first key of a provider becomes its default. The workspace's row is locked first, so that two keys that
    /// arrive together cannot both be first.
    pub async fn insert_provider_key(
        &mut self,
        provider: &ProviderId,
        key: &ProviderKeyRow,
    ) -> Result<bool> {
        self.tx.run(LOCK, args![self.id]).await?;
        let taken = self.tx.one(HAS_DEFAULT, args![self.id, provider]).await?.is_some();
        let is_default = key.project.is_none() && !taken;
        let args = args![
            key.id,
            self.id,
            key.project,
            provider,
            key.label.as_deref(),
            key.base_url.as_ref(),
            key.origin.as_str(),
            key.sealed.as_ref(),
            key.key_version,
            key.sealed_version,
            &key.key_prefix,
            is_default,
            key.is_active,
            key.validation.as_str(),
            key.health.as_str(),
            key.last_health_error.as_deref(),
            key.last_health_check_at,
            key.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(is_default)
    }

    /// The provider it was for, if there was one. The ciphertext goes with the row; the oldest key left becomes the
    /// default. Locked as above: the key that is promoted must not be one that another call is deleting, and a key
    /// that arrives meanwhile must see that there is no default any more.
    pub async fn delete_provider_key(&mut self, id: ProviderKeyId) -> Result<Option<String>> {
        self.tx.run(LOCK, args![self.id]).await?;
        let Some(row) = self.tx.one(DELETE, args![self.id, id]).await? else { return Ok(None) };
        let provider: String = row.get("provider")?;
        if row.flag("is_default")? {
            self.tx.run(PROMOTE_OLDEST, args![self.id, &provider]).await?;
        }
        Ok(Some(provider))
    }

    pub async fn set_provider_key_health(
        &mut self,
        id: ProviderKeyId,
        health: Health,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        let args = args![self.id, id, health.as_str(), error, now];
        Ok(self.tx.run(SET_HEALTH, args).await? > 0)
    }
}

fn provider_key_row(row: &Row) -> Result<ProviderKeyRow> {
    let base_url: Option<String> = row.get("base_url")?;
    let base_url = base_url
        .map(|text| BaseUrl::parse(&text))
        .transpose()
        .map_err(|_| StoreError::Corrupt { column: "base_url" })?;
    let sealed: Option<Vec<u8>> = row.get("sealed")?;
    let key_version: Option<i64> = row.get("key_version")?;
    let key_version = key_version
        .map(u32::try_from)
        .transpose()
        .map_err(|_| StoreError::Corrupt { column: "key_version" })?;
    let sealed_version: i64 = row.get("sealed_version")?;
    Ok(ProviderKeyRow {
        id: row.parse("id")?,
        project: row.parse_opt("project_id")?,
        provider: row.get("provider")?,
        label: row.get("label")?,
        base_url,
        origin: row.get("origin")?,
        sealed: sealed.map(Sealed::from_bytes),
        key_version: key_version.map(KeyVersion),
        sealed_version: u64::try_from(sealed_version)
            .map_err(|_| StoreError::Corrupt { column: "sealed_version" })?,
        key_prefix: row.get("key_prefix")?,
        is_default: row.flag("is_default")?,
        is_active: row.flag("is_active")?,
        validation: row.parse("validation_status")?,
        health: row.parse("health_status")?,
        last_health_error: row.get("last_health_error")?,
        last_health_check_at: row.time_opt("last_health_check_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        created_at: row.time("created_at")?,
    })
}

const ALL: &str = "select id, project_id, provider, label, base_url, origin, sealed, key_version,
        sealed_version, key_prefix, is_default, is_active, validation_status, health_status,
        last_health_error, last_health_check_at, last_used_at, created_at
    from provider_keys
    where workspace_id = $1
    order by provider, is_default desc, created_at, id";

const LOCK: &str = "update workspaces
    set name = name
    where id = $1";

const HAS_DEFAULT: &str = "select 1 as taken
    from provider_keys
    where workspace_id = $1 and provider = $2 and project_id is null and is_default = 1";

const INSERT: &str = "insert into provider_keys (id, workspace_id, project_id, provider, label,
        base_url, origin, sealed, key_version, sealed_version, key_prefix, is_default, is_active,
        validation_status, health_status, last_health_error, last_health_check_at, created_at,
        updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)";

const DELETE: &str = "delete from provider_keys
    where workspace_id = $1 and id = $2
    returning provider, is_default";

const PROMOTE_OLDEST: &str = "update provider_keys
    set is_default = 1
    where workspace_id = $1 and id = (
        select id
        from provider_keys
        where workspace_id = $1 and provider = $2 and project_id is null
        order by created_at, id
        limit 1
    )";

const SET_HEALTH: &str = "update provider_keys
    set health_status = $3, last_health_error = $4, last_health_check_at = $5, updated_at = $5
    where workspace_id = $1 and id = $2";
