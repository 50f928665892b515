//! The installation itself: its identity, its key ring, its own sealed secrets.

use std::str::FromStr;

use model::{InstanceId, KeyVersion, Sealed, Timestamp};

use super::System;
use crate::db::args;
use crate::{Result, StoreError, Write};

#[derive(Clone, Debug)]
pub struct InstanceRow {
    pub id: InstanceId,
    /// For the reserved workspace that the instance's own secrets are sealed in.
    pub salt: Vec<u8>,
    pub set_up_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Active,
    DecryptOnly,
    Retired,
    Staged,
}

impl KeyState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::DecryptOnly => "decrypt_only",
            Self::Retired => "retired",
            Self::Staged => "staged",
        }
    }
}

impl FromStr for KeyState {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        [Self::Active, Self::DecryptOnly, Self::Retired, Self::Staged]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(())
    }
}

#[derive(Clone, Debug)]
pub struct KeyringRow {
    pub version: KeyVersion,
    pub state: KeyState,
    pub check_value: Vec<u8>,
    /// Whether what it sealed may still be written.
    pub accepts: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct InstanceSecretRow {
    pub sealed: Sealed,
    pub sealed_version: u64,
}

impl System<'_> {
    pub async fn instance(&self) -> Result<Option<InstanceRow>> {
        let Some(row) = self.db.one(INSTANCE, args![]).await? else { return Ok(None) };
        Ok(Some(InstanceRow {
            id: row.parse("id")?,
            salt: row.get("salt")?,
            set_up_at: row.time_opt("set_up_at")?,
        }))
    }

    pub async fn keyring(&self) -> Result<Vec<KeyringRow>> {
        let rows = self.db.all(KEYRING, args![]).await?;
        rows.iter()
            .map(|row| {
                Ok(KeyringRow {
                    version: version(row.get("version")?)?,
                    state: row.parse("state")?,
                    check_value: row.get("check_value")?,
                    accepts: row.flag("accepts")?,
                    created_at: row.time("created_at")?,
                })
            })
            .collect()
    }

    pub async fn instance_secret(&self, name: &str) -> Result<Option<InstanceSecretRow>> {
        let Some(row) = self.db.one(SECRET, args![name]).await? else { return Ok(None) };
        let sealed_version: i64 = row.get("sealed_version")?;
        Ok(Some(InstanceSecretRow {
            sealed: Sealed::from_bytes(row.get("sealed")?),
            sealed_version: u64::try_from(sealed_version)
                .map_err(|_| StoreError::Corrupt { column: "sealed_version" })?,
        }))
    }
}

impl Write {
    /// Keeps the first: two fresh nodes then agree by reading again.
    pub async fn insert_instance(
        &mut self,
        id: InstanceId,
        salt: &[u8],
        now: Timestamp,
    ) -> Result<()> {
        self.tx.run(INSERT_INSTANCE, args![id, salt, now]).await?;
        Ok(())
    }

    /// Keeps the first, as above.
    pub async fn insert_instance_secret(
        &mut self,
        name: &str,
        sealed: &Sealed,
        key_version: KeyVersion,
        sealed_version: u64,
        now: Timestamp,
    ) -> Result<()> {
        let args = args![name, sealed, key_version, sealed_version, now];
        self.tx.run(INSERT_SECRET, args).await?;
        Ok(())
    }

    /// Keeps the first, as above.
    pub async fn insert_master_key(
        &mut self,
        version: KeyVersion,
        state: KeyState,
        check_value: &[u8],
        now: Timestamp,
    ) -> Result<()> {
        let accepts = state == KeyState::Active;
        let args = args![version, state.as_str(), check_value, accepts, now];
        self.tx.run(INSERT_KEY, args).await?;
        Ok(())
    }

    /// Whether this call was the set-up: it happens once.
    pub async fn mark_set_up(&mut self, now: Timestamp) -> Result<bool> {
        Ok(self.tx.run(MARK_SET_UP, args![now]).await? == 1)
    }

    /// Whether what `version` sealed may be written: it is active, or was until a moment ago. The ring's row is locked until
    /// the commit, so that a rotation cannot slip between. Comes before the locks of the rows that are written, or two who
    /// write would wait for each other.
    pub async fn hold_active(&mut self, version: KeyVersion) -> Result<bool> {
        Ok(self.tx.run(HOLD_ACTIVE, args![version]).await? == 1)
    }
}

pub(super) fn version(number: i64) -> Result<KeyVersion> {
    u32::try_from(number).map(KeyVersion).map_err(|_| StoreError::Corrupt { column: "version" })
}

const INSTANCE: &str = "select id, salt, set_up_at
    from instance
    where one = 1";

const KEYRING: &str = "select version, state, check_value, accepts, created_at
    from keyring
    order by version";

const SECRET: &str = "select sealed, sealed_version
    from instance_secrets
    where name = $1";

const INSERT_INSTANCE: &str = "insert into instance (one, id, salt, created_at)
    values (1, $1, $2, $3)
    on conflict (one) do nothing";

const INSERT_SECRET: &str =
    "insert into instance_secrets (name, sealed, key_version, sealed_version, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (name) do nothing";

const INSERT_KEY: &str = "insert into keyring (version, state, check_value, accepts, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (version) do nothing";

const MARK_SET_UP: &str = "update instance
    set set_up_at = $1
    where one = 1 and set_up_at is null";

const HOLD_ACTIVE: &str = "update keyring
    set accepts = 1
    where version = $1 and accepts = 1";
