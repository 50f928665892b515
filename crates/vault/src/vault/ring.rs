//! The master keys that are loaded, which of them seals, and with which suite: one value, exchanged whole under a
//! running process. Knows nothing of places or values.

use model::{KeyVersion, WorkspaceId};

use crate::{EnvelopeHeader, MasterKeys, MissingKey, Suite, WorkspaceKey, WorkspaceSalt};

/// Invariant: `sealing.version` is among the keys.
pub(super) struct Ring {
    keys: MasterKeys,
    sealing: EnvelopeHeader,
}

impl Ring {
    pub fn new(keys: MasterKeys, active: KeyVersion, suite: Suite) -> Result<Self, MissingKey> {
        if !keys.has(active) {
            return Err(MissingKey { version: active });
        }
        Ok(Self { keys, sealing: EnvelopeHeader { version: active, suite } })
    }

    pub fn keys(&self) -> &MasterKeys {
        &self.keys
    }

    /// What the head of the next envelope says.
    pub fn sealing(&self) -> EnvelopeHeader {
        self.sealing
    }

    /// `None` only if it cannot be derived, which never happens.
    pub fn workspace_key(
        &self,
        version: KeyVersion,
        workspace: WorkspaceId,
        salt: &WorkspaceSalt,
    ) -> Result<Option<WorkspaceKey>, MissingKey> {
        let master = self.keys.key(version).ok_or(MissingKey { version })?;
        Ok(WorkspaceKey::derive(master, version, workspace, salt))
    }
}
