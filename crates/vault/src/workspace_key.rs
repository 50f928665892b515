//! The key of one workspace under one master key, and the keys of single envelopes under it. Knows no ciphers.

use model::{KeyVersion, WorkspaceId};

use crate::context::{digest, length_prefix};
use crate::derive::derive;
use crate::key32::Key32;
use crate::{MasterKey, Suite, WorkspaceSalt};

/// What a cache may hold in place of opened values: worthless without the database.
pub struct WorkspaceKey {
    version: KeyVersion,
    key: Key32,
}

/// `[key, commit]` of one envelope.
pub(crate) type SealKeys = [[u8; 32]; 2];

impl WorkspaceKey {
    pub(crate) fn derive(
        master: &MasterKey,
        version: KeyVersion,
        workspace: WorkspaceId,
        salt: &WorkspaceSalt,
    ) -> Option<Self> {
        let id = workspace.to_string();
        let info = [WORKSPACE_INFO, &length_prefix(id.as_bytes()), id.as_bytes()];
        let mut key = Key32::zeroed();
        derive(Some(salt.as_bytes()), master.bytes(), &info, key.bytes_mut())?;
        Some(Self { version, key })
    }

    /// Of the master key it was derived from.
    pub fn version(&self) -> KeyVersion {
        self.version
    }

    /// The context goes into the key, so that a suite without associated data is bound to its row all the same.
    pub(crate) fn seal_keys(
        &self,
        suite: Suite,
        salt: &[u8],
        context: &[u8],
        keys: &mut SealKeys,
    ) -> Option<()> {
        let info = [SEAL_INFO, &[suite.id()], &digest(context)];
        derive(Some(salt), self.key.bytes(), &info, keys.as_flattened_mut())
    }
}

const WORKSPACE_INFO: &[u8] = b"keystile/1/workspace";
const SEAL_INFO: &[u8] = b"keystile/1/seal";
