//! Reads the text of one master key and refuses what somebody could guess. Knows nothing of rings.

use model::KeyVersion;

use super::WeakOrBadKey;
use crate::encoding::{self, NotAKey};
use crate::key32::{KEY_BYTES, Key32};

pub(super) fn parse(version: KeyVersion, text: &str) -> Result<Key32, WeakOrBadKey> {
    let key = encoding::key(text).map_err(|refused| match refused {
        NotAKey::Length(bytes) => WeakOrBadKey::Length { version, bytes },
        NotAKey::Unreadable => WeakOrBadKey::NotAKey(version),
    })?;
    match weakness(key.bytes(), text) {
        Some(why) => Err(WeakOrBadKey::Weak { version, why }),
        None => Ok(key),
    }
}

/// 32 random bytes hold 30 different ones on average; none of these befalls them once in a billion installations.
fn weakness(key: &[u8; KEY_BYTES], text: &str) -> Option<&'static str> {
    let mut seen = [false; 256];
    for byte in key {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let strides = key.iter().zip(key.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a));
    let [first, second, ..] = *key;
    let is_hex = text.len() == 2 * KEY_BYTES;
    if seen.iter().filter(|seen| **seen).count() < DISTINCT_BYTES_MIN {
        return Some("it repeats few different bytes");
    }
    if strides.into_iter().all(|stride| stride == second.wrapping_sub(first)) {
        return Some("its bytes are a sequence");
    }
    if key.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Some("it is readable text, and a passphrase is no key");
    }
    if key.first_chunk::<16>() == key.last_chunk::<16>() {
        return Some("its second half repeats the first");
    }
    let one_case = |other_case: fn(&u8) -> bool| !text.as_bytes().iter().any(other_case);
    if !is_hex && (one_case(u8::is_ascii_uppercase) || one_case(u8::is_ascii_lowercase)) {
        return Some("it is readable text, and a passphrase is no key");
    }
    None
}

const DISTINCT_BYTES_MIN: usize = 16;
