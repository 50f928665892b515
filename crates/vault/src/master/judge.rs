//! Decodes the text of one master key and refuses what somebody could guess. Knows nothing of rings.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use model::KeyVersion;
use zeroize::Zeroizing;

use super::WeakOrBadKey;
use crate::key32::{KEY_BYTES, Key32};

pub(super) fn parse(version: KeyVersion, text: &str) -> Result<Key32, WeakOrBadKey> {
    let mut decoded = Zeroizing::new([0; DECODED_BYTES_MAX]);
    let bytes =
        decode(text.as_bytes(), decoded.as_mut_slice()).ok_or(WeakOrBadKey::NotAKey(version))?;
    let key = decoded.get(..bytes).and_then(Key32::copy_of);
    let key = key.ok_or(WeakOrBadKey::Length { version, bytes })?;
    match weakness(key.bytes(), text) {
        Some(why) => Err(WeakOrBadKey::Weak { version, why }),
        None => Ok(key),
    }
}

const TEXT_BYTES_MAX: usize = 2 * DECODED_BYTES_MAX;
const DECODED_BYTES_MAX: usize = 128;

/// How many bytes the text stands for. 64 hex digits are hex: as base64 they would be 48 bytes, and no key.
fn decode(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    if text.iter().all(u8::is_ascii_hexdigit) && text.len() == 2 * KEY_BYTES {
        return decode_hex(text, bytes);
    }
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { URL_SAFE_PAD_INDIFFERENT } else { STANDARD_PAD_INDIFFERENT };
    engine.decode_slice(text, bytes).ok()
}

fn decode_hex(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    for (&[high, low], byte) in pairs.iter().zip(bytes) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(pairs.len())
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
