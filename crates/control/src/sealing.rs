//! Sealing what people bring: for one row, one field and one address, under the master key that is active now.

use model::{KeyVersion, Origin, Refusal, Sealed, WorkspaceId};
use store::Write;
use vault::{OpenError, Place, ProviderKey, SecretValue, WorkspaceSalt, header_of};

use crate::{Control, storage_pause};

/// The seal of a new row's first value.
pub(crate) const FIRST_SEAL: u64 = 1;
/// How often whoever sealed a value gives way to another that was quicker.
pub(crate) const TRIES_MAX: u32 = 8;

/// Where a value lives, but for its workspace's salt.
pub(crate) struct Slot<'a> {
    pub workspace: WorkspaceId,
    pub id: &'a str,
    pub field: &'a str,
    /// Rises whenever the value is replaced.
    pub sealed_version: u64,
    pub origin: &'a Origin,
}

/// A sealed value, and the version of the master key it needs.
pub(crate) struct Closed {
    pub sealed: Sealed,
    pub key_version: KeyVersion,
}

impl Control {
    pub(crate) async fn seal(
        &self,
        slot: Slot<'_>,
        value: &SecretValue,
    ) -> Result<Closed, Refusal> {
        let salt = self.salt(slot.workspace).await?;
        let sealed = self.vault.seal(value, &slot.place(&salt)).map_err(Refusal::internal)?;
        closed(sealed)
    }

    pub(crate) async fn seal_provider_key(
        &self,
        slot: Slot<'_>,
        key: &ProviderKey,
    ) -> Result<Closed, Refusal> {
        let salt = self.salt(slot.workspace).await?;
        let sealed = self.vault.seal_provider_key(key, &slot.place(&salt));
        closed(sealed.map_err(Refusal::internal)?)
    }

    /// The outer error is the database's, the inner the vault's.
    pub(crate) async fn open_provider_key(
        &self,
        slot: Slot<'_>,
        sealed: &Sealed,
    ) -> Result<Result<ProviderKey, OpenError>, Refusal> {
        let salt = self.salt(slot.workspace).await?;
        Ok(self.vault.open_provider_key(sealed, &slot.place(&salt)))
    }

    pub(crate) async fn open(
        &self,
        slot: Slot<'_>,
        sealed: &Sealed,
    ) -> Result<Result<SecretValue, OpenError>, Refusal> {
        let salt = self.salt(slot.workspace).await?;
        Ok(self.vault.open(sealed, &slot.place(&salt)))
    }

    async fn salt(&self, workspace: WorkspaceId) -> Result<WorkspaceSalt, Refusal> {
        let row = self.store.workspace(workspace).row().await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        let salt = WorkspaceSalt::from_bytes(&row.salt);
        salt.ok_or_else(|| Refusal::internal("a workspace without a usable salt"))
    }
}

impl Slot<'_> {
    fn place<'p>(&'p self, salt: &'p WorkspaceSalt) -> Place<'p> {
        Place {
            workspace: self.workspace,
            salt,
            secret_id: self.id,
            field: self.field,
            sealed_version: self.sealed_version,
            origin: self.origin,
        }
    }
}

fn closed(sealed: Sealed) -> Result<Closed, Refusal> {
    let header = header_of(&sealed).map_err(Refusal::internal)?;
    Ok(Closed { sealed, key_version: header.version })
}

/// Whether a value sealed under `version` may be written: a rotation must not slip between the sealing and the commit.
pub(crate) async fn hold_active(write: &mut Write, version: KeyVersion) -> Result<(), Refusal> {
    if write.hold_active(version).await? {
        return Ok(());
    }
    Err(storage_pause("the master key is being rotated, try again shortly"))
}
