//! Where a sealed row's value opens. Says why, for a row that names no possible place.

use model::{BaseUrl, KeyVersion, Origin, WorkspaceId};
use store::system::{SealRow, SealTable, SealTarget};
use store::workspace::{PROVIDER_KEY_FIELD, SECRET_FIELD};
use vault::{EnvelopeHeader, OpenError, Place, ResealError, Suite, WorkspaceSalt};

use crate::keyring;

/// All of a place, owned.
pub(super) struct Home {
    workspace: WorkspaceId,
    salt: WorkspaceSalt,
    id: String,
    field: &'static str,
    sealed_version: u64,
    origin: Origin,
}

/// Why a row's value does not open. No part of a value is in any of them.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("its origin is unreadable")]
    Origin,
    #[error("the salt of its workspace is damaged")]
    Salt,
}

impl Home {
    pub fn of(row: &SealRow) -> Result<Self, Closed> {
        let origin = match &row.key {
            Some(key) => origin(&key.origin).ok_or(Closed::Origin)?,
            None => Origin::nowhere(),
        };
        let field = match row.table {
            SealTable::InstanceSecrets => keyring::SECRET_FIELD,
            SealTable::ProviderKeys => PROVIDER_KEY_FIELD,
            SealTable::Secrets => SECRET_FIELD,
        };
        Ok(Self {
            workspace: row.workspace,
            salt: WorkspaceSalt::from_bytes(&row.salt).ok_or(Closed::Salt)?,
            id: row.id.clone(),
            field,
            sealed_version: row.sealed_version,
            origin,
        })
    }

    pub fn place(&self) -> Place<'_> {
        self.place_at(&self.origin)
    }

    /// The same for another address.
    pub fn place_at<'a>(&'a self, origin: &'a Origin) -> Place<'a> {
        Place {
            workspace: self.workspace,
            salt: &self.salt,
            secret_id: &self.id,
            field: self.field,
            sealed_version: self.sealed_version,
            origin,
        }
    }
}

/// One spelling only, or it is not what a value was bound to.
fn origin(text: &str) -> Option<Origin> {
    let origin = BaseUrl::parse(text).ok()?.origin().clone();
    (origin.as_str() == text).then_some(origin)
}

/// `Ok`: the vault is well, and the row is not.
pub(super) fn closed(error: ResealError) -> Result<Closed, ResealError> {
    match error {
        ResealError::Open(error) => Ok(Closed::Open(error)),
        error @ (ResealError::Seal(_) | ResealError::Unproven) => Err(error),
    }
}

pub(super) fn target(version: KeyVersion, suite: Suite) -> SealTarget {
    SealTarget { version, prefix: EnvelopeHeader { version, suite }.prefix() }
}

pub(super) const fn kind(table: SealTable) -> &'static str {
    match table {
        SealTable::InstanceSecrets => "instance_secret",
        SealTable::ProviderKeys => "provider_key",
        SealTable::Secrets => "secret",
    }
}
