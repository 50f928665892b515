//! The promises of the vault as a whole, under every suite, and what the tests of its parts share.

mod damage;
pub(crate) mod golden;
mod ring;
mod secrets;
mod swap;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{BaseUrl, Clock, InstanceId, KeyVersion, Origin, Random, Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::{MasterKeys, Place, Suite, Vault, WorkspaceSalt};

/// The same numbers in every run, no two alike.
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

pub(crate) struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(1_774_000_800_000)
    }
}

pub(crate) fn instance(seed: u64) -> InstanceId {
    InstanceId::new(&Stopped, &Seeded::new(seed))
}

pub(crate) fn workspace(seed: u64) -> WorkspaceId {
    WorkspaceId::new(&Stopped, &Seeded::new(seed))
}

pub(crate) fn origin(url: &str) -> Origin {
    BaseUrl::parse(url).expect(url).origin().clone()
}

/// One master key that depends on nothing but the seed, active, in the same instance.
pub(crate) fn vault(seed: u64, suite: Suite) -> Vault {
    let keys = MasterKeys::generate(&Seeded::new(seed));
    vault_of(keys, KeyVersion(1), suite)
}

pub(crate) fn vault_of(keys: MasterKeys, active: KeyVersion, suite: Suite) -> Vault {
    let vault = Vault::new(keys, active, suite, instance(1), Arc::new(Seeded::new(99)));
    vault.expect("the active version is in the ring")
}

/// A workspace with its salt and an origin: enough to make places in.
pub(crate) struct Home {
    pub workspace: WorkspaceId,
    pub salt: WorkspaceSalt,
    pub origin: Origin,
}

impl Home {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            workspace: workspace(seed),
            salt: WorkspaceSalt::generate(&Seeded::new(seed + 1000)),
            origin: origin("https://api.openai.com/v1"),
        }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            workspace: self.workspace,
            salt: &self.salt,
            secret_id: "pk_1",
            field: "api_key",
            sealed_version: 1,
            origin: &self.origin,
        }
    }
}
