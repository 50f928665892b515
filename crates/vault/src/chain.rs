//! The audit chain: each row's MAC covers the one before it, so that a row changed, dropped or moved shows. Knows
//! nothing of rows: their parts come as bytes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::SecretValue;
use crate::context::length_prefix;
use crate::derive::derive;
use crate::key32::{KEY_BYTES, Key32};

/// Two HMACs that have read their keys, which are derived from one secret; their states are wiped when dropped.
pub struct ChainKey {
    links: Box<Hmac<Sha256>>,
    heads: Box<Hmac<Sha256>>,
}

impl ChainKey {
    /// `None` unless the secret has exactly 32 bytes.
    pub fn from_secret(secret: &SecretValue) -> Option<Self> {
        let secret: &[u8; KEY_BYTES] = secret.expose().try_into().ok()?;
        Some(Self { links: hmac(secret, LINK_INFO)?, heads: hmac(secret, HEAD_INFO)? })
    }

    /// The MAC of a row, after the row whose MAC is `previous` (empty for the first). No part can move into another;
    /// a chain's id and a row's position are covered only if they are among the parts.
    pub fn link(&self, previous: &[u8], row: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::clone(&self.links);
        for part in [previous].iter().chain(row) {
            put(&mut mac, part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Seals where a chain ends, so that rows dropped from its end show too. Never equals a link.
    pub fn head(&self, chain: &[u8], position: u64, mac: &[u8]) -> [u8; 32] {
        let mut head = Hmac::clone(&self.heads);
        put(&mut head, chain);
        head.update(&position.to_be_bytes());
        put(&mut head, mac);
        head.finalize().into_bytes().into()
    }

    /// In constant time. Another length never matches.
    #[must_use]
    pub fn matches(computed: &[u8; 32], stored: &[u8]) -> bool {
        computed.as_slice().ct_eq(stored).into()
    }
}

const LINK_INFO: &[u8] = b"keystile/1/audit";
const HEAD_INFO: &[u8] = b"keystile/1/audit-head";

fn hmac(secret: &[u8; KEY_BYTES], info: &[u8]) -> Option<Box<Hmac<Sha256>>> {
    let mut key = Key32::zeroed();
    derive(None, secret, &[info], key.bytes_mut())?;
    Hmac::new_from_slice(key.bytes()).ok().map(Box::new)
}

fn put(mac: &mut Hmac<Sha256>, part: &[u8]) {
    mac.update(&length_prefix(part));
    mac.update(part);
}

#[cfg(test)]
mod tests;
