//! Where a sealed value lives. A value opens in the place it was sealed for and nowhere else.

use std::fmt;

use model::{Origin, Random, WorkspaceId};

/// Everything a value is bound to, beside the instance. The salt takes part through the workspace key.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub workspace: WorkspaceId,
    pub salt: &'a WorkspaceSalt,
    pub secret_id: &'a str,
    pub field: &'a str,
    /// Rises only when the value is replaced.
    pub sealed_version: u64,
    /// Where the value may be sent.
    pub origin: &'a Origin,
}

/// Stored beside the workspace. Not secret, but destroying it shreds every secret of the workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkspaceSalt([u8; SALT_BYTES]);

pub(crate) const SALT_BYTES: usize = 32;

impl WorkspaceSalt {
    pub fn generate(random: &dyn Random) -> Self {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        Self(salt)
    }

    /// `None` unless there are exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Says nothing: a salt that stands in a log is not destroyed with its row.
impl fmt::Debug for WorkspaceSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkspaceSalt(..)")
    }
}
