//! The master keys, by version: read from text, judged, and written to their one file. Knows nothing of where the
//! text comes from.

mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{KeyVersion, Random};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key32::{KEY_BYTES, Key32};

/// The root of everything sealed under its version.
pub struct MasterKey(Key32);

impl MasterKey {
    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.bytes()
    }

    fn is(&self, other: &Self) -> bool {
        self.bytes().ct_eq(other.bytes()).into()
    }
}

/// Invariant: `newest` is in `keys`, so there is always one. Rings that follow one another share the keys they have in
/// common: each stands in memory once, and is wiped with the last of them.
pub struct MasterKeys {
    keys: BTreeMap<KeyVersion, Arc<MasterKey>>,
    newest: KeyVersion,
}

/// Text that no ring is made of. Says what to do, and never what the text was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakOrBadKey {
    #[error("a master key version is a whole number from 1 before a colon, as in `2:...,1:...`")]
    BadVersion,
    #[error("master key version {0} is given twice: remove one")]
    DuplicateVersion(KeyVersion),
    #[error("there is no master key: make one with `openssl rand -base64 32`")]
    Empty,
    #[error(
        "master key {version} has {bytes} bytes, not 32: make one with `openssl rand -base64 32`"
    )]
    Length { version: KeyVersion, bytes: usize },
    #[error("no master key can have a version above {max}", max = u32::MAX)]
    NoNextVersion,
    #[error(
        "master key {0} is not 32 bytes in hex or base64: make one with `openssl rand -base64 32`"
    )]
    NotAKey(KeyVersion),
    #[error("master key version {0} is not the key that is loaded: give the right one back")]
    OtherKey(KeyVersion),
    #[error("master keys {0} and {1} are the same: a rotation needs a new key")]
    SameKeyTwice(KeyVersion, KeyVersion),
    #[error("at most {max} master keys can be loaded: retire the old ones", max = KEYS_MAX)]
    TooMany,
    #[error("of several master keys each needs its version before it, as in `2:...,1:...`")]
    Unnumbered,
    #[error("master key {version} can be guessed, {why}: make one with `openssl rand -base64 32`")]
    Weak { version: KeyVersion, why: &'static str },
}

pub(crate) const KEYS_MAX: usize = 64;

impl MasterKeys {
    /// One key in hex, base64 or base64url, which is version 1, or `2:...,1:...`, or one `version:key` a line.
    pub fn parse(text: &str) -> Result<Self, WeakOrBadKey> {
        let entries = || text.split(['\n', ',']).map(str::trim).filter(|entry| !entry.is_empty());
        if entries().count() > KEYS_MAX {
            return Err(WeakOrBadKey::TooMany);
        }
        let alone = entries().count() == 1;
        let mut keys = BTreeMap::new();
        for entry in entries() {
            let (version, key) = match entry.split_once(':') {
                Some((version, key)) => (parse_version(version.trim())?, key.trim()),
                None if alone => (KeyVersion(1), entry),
                None => return Err(WeakOrBadKey::Unnumbered),
            };
            let key = MasterKey(judge::parse(version, key)?);
            if keys.insert(version, Arc::new(key)).is_some() {
                return Err(WeakOrBadKey::DuplicateVersion(version));
            }
        }
        Self::of(keys)
    }

    pub fn generate(random: &dyn Random) -> Self {
        let newest = KeyVersion(1);
        let key = MasterKey(Key32::generate(random));
        Self { keys: BTreeMap::from([(newest, Arc::new(key))]), newest }
    }

    /// The first step of a rotation: a fresh key of the next version, which it tells. The others stay, and a ring that
    /// `parse` would not read again is not made.
    pub fn add_generated(&mut self, random: &dyn Random) -> Result<KeyVersion, WeakOrBadKey> {
        if self.keys.len() >= KEYS_MAX {
            return Err(WeakOrBadKey::TooMany);
        }
        let next = self.newest.0.checked_add(1).ok_or(WeakOrBadKey::NoNextVersion)?;
        self.newest = KeyVersion(next);
        self.keys.insert(self.newest, Arc::new(MasterKey(Key32::generate(random))));
        Ok(self.newest)
    }

    /// Both together, without a copy of any key. A version that both have must be the same key.
    pub fn merged(&self, others: &Self) -> Result<Self, WeakOrBadKey> {
        self.refuse_other_keys(others)?;
        let mut keys = self.keys.clone();
        keys.extend(others.keys.iter().map(|(version, key)| (*version, Arc::clone(key))));
        Self::of(keys)
    }

    /// The way out, for the file of mode 0600 that `parse` reads again: newest first, one `version:key` a line.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.keys.len() * LINE_BYTES_MAX));
        for (version, key) in self.keys.iter().rev() {
            text.push_str(&version.to_string());
            text.push(':');
            URL_SAFE_NO_PAD.encode_string(key.bytes(), &mut text);
            text.push('\n');
        }
        text
    }

    /// Oldest first.
    pub fn versions(&self) -> impl Iterator<Item = KeyVersion> {
        self.keys.keys().copied()
    }

    pub fn newest(&self) -> KeyVersion {
        self.newest
    }

    pub fn has(&self, version: KeyVersion) -> bool {
        self.keys.contains_key(&version)
    }

    pub(crate) fn key(&self, version: KeyVersion) -> Option<&MasterKey> {
        self.keys.get(&version).map(Arc::as_ref)
    }

    /// For the ring that follows this one. Not `Clone`: to have a ring must not be enough to multiply it.
    pub(crate) fn share(&self) -> Self {
        Self { keys: self.keys.clone(), newest: self.newest }
    }

    fn of(keys: BTreeMap<KeyVersion, Arc<MasterKey>>) -> Result<Self, WeakOrBadKey> {
        if keys.len() > KEYS_MAX {
            return Err(WeakOrBadKey::TooMany);
        }
        refuse_repeated_keys(&keys)?;
        let newest = keys.keys().next_back().copied().ok_or(WeakOrBadKey::Empty)?;
        Ok(Self { keys, newest })
    }

    /// A version that one of them lacks is no quarrel.
    pub(crate) fn refuse_other_keys(&self, others: &Self) -> Result<(), WeakOrBadKey> {
        for (version, key) in &self.keys {
            if others.key(*version).is_some_and(|other| !other.is(key)) {
                return Err(WeakOrBadKey::OtherKey(*version));
            }
        }
        Ok(())
    }
}

/// A `u32`, a colon, 43 characters of base64 and a line break: enough that the text never grows and leaves a copy.
const LINE_BYTES_MAX: usize = 10 + 1 + 43 + 1;

/// One spelling only: `01` and `+1` are no versions.
fn parse_version(text: &str) -> Result<KeyVersion, WeakOrBadKey> {
    let version: u32 = text.parse().map_err(|_| WeakOrBadKey::BadVersion)?;
    if version == 0 || version.to_string() != text {
        return Err(WeakOrBadKey::BadVersion);
    }
    Ok(KeyVersion(version))
}

fn refuse_repeated_keys(keys: &BTreeMap<KeyVersion, Arc<MasterKey>>) -> Result<(), WeakOrBadKey> {
    for (version, key) in keys {
        let mut older = keys.range(..version);
        if let Some((older, _)) = older.find(|(_, other)| other.is(key)) {
            return Err(WeakOrBadKey::SameKeyTwice(*older, *version));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
