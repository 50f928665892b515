//! What a workspace sends its providers: sealed keys, and what is known of their health.

use std::fmt;
use std::str::FromStr;

use model::{
    BaseUrl, DataPolicy, KeyVersion, ProjectId, ProviderKeyId, Sealed, Tier, TierSource, Timestamp,
};

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
    /// Custom endpoints only: what their models are addressed by.
    pub name: Option<String>,
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
    /// Absent: every model of the provider.
    pub allowed_models: Option<Vec<String>>,
    /// What the key's owner has agreed with the provider, where that is more than everybody gets.
    pub data_policy: Option<DataPolicy>,
    pub tier: Option<Tier>,
    pub tier_source: Option<TierSource>,
    /// Rises with every change that a person makes.
    pub version: i64,
    pub validation: Validation,
    pub health: Health,
    pub last_health_error: Option<String>,
    pub last_health_check_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
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

/// What asking the provider brought.
#[derive(Clone, Debug)]
pub struct Probe {
    pub validation: Validation,
    pub health: Health,
    pub error: Option<String>,
    /// Absent: the provider said nothing of it.
    pub tier: Option<Tier>,
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
    /// The default of a provider first, then in the order they were made.
    pub async fn provider_keys(&self) -> Result<Vec<ProviderKeyRow>> {
        self.db.all(ALL, args![self.id]).await?.iter().map(provider_key_row).collect()
    }

    pub async fn provider_key(&self, id: ProviderKeyId) -> Result<Option<ProviderKeyRow>> {
        self.db.one(BY_ID, args![self.id, id]).await?.as_ref().map(provider_key_row).transpose()
    }

    /// The one key that a project has for a provider. Of custom endpoints there may be many, which have names.
    pub async fn provider_key_of_project(
        &self,
        project: ProjectId,
        provider: &str,
    ) -> Result<Option<ProviderKeyRow>> {
        let row = self.db.one(OF_PROJECT, args![self.id, project, provider]).await?;
        row.as_ref().map(provider_key_row).transpose()
    }
}

impl WorkspaceWrite<'_> {
    /// The ids of a project's own.
    pub async fn provider_keys_of(&mut self, project: ProjectId) -> Result<Vec<ProviderKeyId>> {
        let rows = self.tx.all(IDS_OF_PROJECT, args![self.id, project]).await?;
        rows.iter().map(|row| row.parse("id")).collect()
    }

    /// The first key of a provider becomes its default. The workspace's row is locked first, so that two keys that
    /// arrive together cannot both be first.
    pub async fn insert_provider_key(&mut self, key: &ProviderKeyRow) -> Result<bool> {
        self.tx.run(LOCK, args![self.id]).await?;
        let taken = self.tx.one(HAS_DEFAULT, args![self.id, &key.provider]).await?.is_some();
        let is_default = key.project.is_none() && !taken;
        let args = args![
            key.id,
            self.id,
            key.project,
            &key.provider,
            key.name.as_deref(),
            key.label.as_deref(),
            key.base_url.as_ref(),
            key.origin.as_str(),
            key.sealed.as_ref(),
            key.key_version,
            key.sealed_version,
            &key.key_prefix,
            is_default,
            key.is_active,
            key.allowed_models.as_ref(),
            key.data_policy.map(DataPolicy::as_str),
            key.tier.as_ref(),
            key.tier_source.map(TierSource::as_str),
            key.version,
            key.validation.as_str(),
            key.health.as_str(),
            key.last_health_error.as_deref(),
            key.last_health_check_at,
            key.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(is_default)
    }

    /// The row as it is, locked until the commit, with the version that `save_provider_key` will give it.
    pub async fn touch_provider_key(
        &mut self,
        id: ProviderKeyId,
    ) -> Result<Option<ProviderKeyRow>> {
        self.tx.one(TOUCH, args![self.id, id]).await?.as_ref().map(provider_key_row).transpose()
    }

    /// Everything but what traffic and `make_default` write.
    pub async fn save_provider_key(&mut self, key: &ProviderKeyRow) -> Result<()> {
        let args = args![
            self.id,
            key.id,
            key.name.as_deref(),
            key.label.as_deref(),
            key.base_url.as_ref(),
            key.origin.as_str(),
            key.sealed.as_ref(),
            key.key_version,
            key.sealed_version,
            &key.key_prefix,
            key.is_active,
            key.allowed_models.as_ref(),
            key.data_policy.map(DataPolicy::as_str),
            key.tier.as_ref(),
            key.tier_source.map(TierSource::as_str),
            key.validation.as_str(),
            key.health.as_str(),
            key.last_health_error.as_deref(),
            key.last_health_check_at,
            key.updated_at,
        ];
        self.tx.run(SAVE, args).await?;
        Ok(())
    }

    /// Whether there is such a key of the workspace itself. The default before it steps down first.
    pub async fn make_default(&mut self, id: ProviderKeyId) -> Result<bool> {
        self.tx.run(LOCK, args![self.id]).await?;
        self.tx.run(STEP_DOWN, args![self.id, id]).await?;
        Ok(self.tx.run(STEP_UP, args![self.id, id]).await? > 0)
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

    /// What was found out about the key as it was sealed then; about a value since replaced it says nothing.
    pub async fn set_provider_key_health(
        &mut self,
        id: ProviderKeyId,
        sealed_version: u64,
        health: Health,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        let args = args![self.id, id, sealed_version, health.as_str(), error, now];
        Ok(self.tx.run(SET_HEALTH, args).await? > 0)
    }

    /// The same with what a probe tells beside it. No change that a person makes, so that the version stays.
    pub async fn set_provider_key_probe(
        &mut self,
        id: ProviderKeyId,
        sealed_version: u64,
        probe: &Probe,
        now: Timestamp,
    ) -> Result<bool> {
        let args = args![
            self.id,
            id,
            sealed_version,
            probe.validation.as_str(),
            probe.health.as_str(),
            probe.error.as_deref(),
            now,
        ];
        let is_same = self.tx.run(SET_PROBE, args).await? > 0;
        if let Some(tier) = probe.tier.as_ref().filter(|_| is_same) {
            self.set_provider_key_tier(id, sealed_version, tier).await?;
        }
        Ok(is_same)
    }

    /// Never back in time: reports may overtake one another.
    pub async fn set_provider_key_used(&mut self, id: ProviderKeyId, at: Timestamp) -> Result<()> {
        self.tx.run(SET_USED, args![self.id, id, at]).await?;
        Ok(())
    }

    /// Only where nobody chose a tier by hand.
    pub async fn set_provider_key_tier(
        &mut self,
        id: ProviderKeyId,
        sealed_version: u64,
        tier: &Tier,
    ) -> Result<bool> {
        Ok(self.tx.run(SET_TIER, args![self.id, id, tier, sealed_version]).await? > 0)
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
        name: row.get("name")?,
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
        allowed_models: row.json_opt("allowed_models")?,
        data_policy: row.parse_opt("data_policy")?,
        tier: row.parse_opt("tier")?,
        tier_source: row.parse_opt("tier_source")?,
        version: row.get("version")?,
        validation: row.parse("validation_status")?,
        health: row.parse("health_status")?,
        last_health_error: row.get("last_health_error")?,
        last_health_check_at: row.time_opt("last_health_check_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

const ALL: &str = "select id, project_id, provider, name, label, base_url, origin, sealed,
        key_version, sealed_version, key_prefix, is_default, is_active, allowed_models,
        data_policy, tier, tier_source, version, validation_status, health_status,
        last_health_error, last_health_check_at, last_used_at, created_at, updated_at
    from provider_keys
    where workspace_id = $1
    order by provider, is_default desc, created_at, id";

const BY_ID: &str = "select id, project_id, provider, name, label, base_url, origin, sealed,
        key_version, sealed_version, key_prefix, is_default, is_active, allowed_models,
        data_policy, tier, tier_source, version, validation_status, health_status,
        last_health_error, last_health_check_at, last_used_at, created_at, updated_at
    from provider_keys
    where workspace_id = $1 and id = $2";

const OF_PROJECT: &str = "select id, project_id, provider, name, label, base_url, origin, sealed,
        key_version, sealed_version, key_prefix, is_default, is_active, allowed_models,
        data_policy, tier, tier_source, version, validation_status, health_status,
        last_health_error, last_health_check_at, last_used_at, created_at, updated_at
    from provider_keys
    where workspace_id = $1 and project_id = $2 and provider = $3 and name is null";

const LOCK: &str = "update workspaces
    set name = name
    where id = $1";

const HAS_DEFAULT: &str = "select 1 as taken
    from provider_keys
    where workspace_id = $1 and provider = $2 and project_id is null and is_default = 1";

const INSERT: &str = "insert into provider_keys (id, workspace_id, project_id, provider, name,
        label, base_url, origin, sealed, key_version, sealed_version, key_prefix, is_default,
        is_active, allowed_models, data_policy, tier, tier_source, version, validation_status,
        health_status, last_health_error, last_health_check_at, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $24)";

const TOUCH: &str = "update provider_keys
    set version = version + 1
    where workspace_id = $1 and id = $2
    returning id, project_id, provider, name, label, base_url, origin, sealed,
        key_version, sealed_version, key_prefix, is_default, is_active, allowed_models,
        data_policy, tier, tier_source, version, validation_status, health_status,
        last_health_error, last_health_check_at, last_used_at, created_at, updated_at";

const SAVE: &str = "update provider_keys
    set name = $3, label = $4, base_url = $5, origin = $6, sealed = $7, key_version = $8,
        sealed_version = $9, key_prefix = $10, is_active = $11, allowed_models = $12,
        data_policy = $13, tier = $14, tier_source = $15, validation_status = $16,
        health_status = $17, last_health_error = $18, last_health_check_at = $19, updated_at = $20
    where workspace_id = $1 and id = $2";

const STEP_DOWN: &str = "update provider_keys
    set is_default = 0
    where workspace_id = $1 and project_id is null and is_default = 1 and id <> $2
        and provider = (
            select provider
            from provider_keys
            where workspace_id = $1 and id = $2 and project_id is null
        )";

const STEP_UP: &str = "update provider_keys
    set is_default = 1
    where workspace_id = $1 and id = $2 and project_id is null";

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
    set health_status = $4, last_health_error = $5, last_health_check_at = $6
    where workspace_id = $1 and id = $2 and sealed_version = $3";

const SET_PROBE: &str = "update provider_keys
    set validation_status = $4, health_status = $5, last_health_error = $6,
        last_health_check_at = $7
    where workspace_id = $1 and id = $2 and sealed_version = $3";

const SET_USED: &str = "update provider_keys
    set last_used_at = $3
    where workspace_id = $1 and id = $2 and coalesce(last_used_at, 0) < $3";

const SET_TIER: &str = "update provider_keys
    set tier = $3, tier_source = 'auto_detected'
    where workspace_id = $1 and id = $2 and sealed_version = $4
        and coalesce(tier_source, '') <> 'user_specified'";

const IDS_OF_PROJECT: &str = "select id
    from provider_keys
    where workspace_id = $1 and project_id = $2";
