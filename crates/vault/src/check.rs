//! A value that tells whether a master key is the one it was, and tells nothing else. Knows no storage.

use hmac::{Hmac, KeyInit, Mac};
use model::KeyVersion;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::MasterKeys;
use crate::derive::derive;
use crate::key32::Key32;

/// An HMAC under a key derived from the master key: stored in the clear beside the version's state.
#[derive(Clone)]
pub struct CheckValue([u8; 32]);

impl CheckValue {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// In constant time. Another length never matches.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.as_slice().ct_eq(stored).into()
    }
}

/// `None` if the version is not in the ring.
pub fn check_value(keys: &MasterKeys, version: KeyVersion) -> Option<CheckValue> {
    let master = keys.key(version)?;
    let mut key = Key32::zeroed();
    derive(None, master.bytes(), &[CHECK_INFO], key.bytes_mut())?;
    let mac = Hmac::<Sha256>::new_from_slice(key.bytes()).ok()?;
    let mac = mac.chain_update(CHECK_INFO).chain_update(version.0.to_be_bytes());
    Some(CheckValue(mac.finalize().into_bytes().into()))
}

const CHECK_INFO: &[u8] = b"keystile/1/check";
