//! Bytes written as text: hex, base64 and base64url, padded or not. Knows nothing of what the bytes are for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use zeroize::Zeroizing;

use crate::key32::{KEY_BYTES, Key32};

/// Why a text is no key. Carries nothing of it but its length.
pub(crate) enum NotAKey {
    Length(usize),
    Unreadable,
}

/// 32 bytes. 64 hex digits are hex: as base64 they would be 48 bytes, and no key.
pub(crate) fn key(text: &str) -> Result<Key32, NotAKey> {
    if text.is_empty() || text.len() > KEY_TEXT_BYTES_MAX {
        return Err(NotAKey::Unreadable);
    }
    let text = text.as_bytes();
    let mut decoded = Zeroizing::new([0; KEY_TEXT_BYTES_MAX]);
    let as_hex = (text.len() == 2 * KEY_BYTES).then(|| hex(text, decoded.as_mut_slice())).flatten();
    let bytes = as_hex.or_else(|| base64(text, decoded.as_mut_slice()));
    let bytes = bytes.ok_or(NotAKey::Unreadable)?;
    decoded.get(..bytes).and_then(Key32::copy_of).ok_or(NotAKey::Length(bytes))
}

/// Longer than any spelling of a key, so that a refusal can say how long it was.
const KEY_TEXT_BYTES_MAX: usize = 256;

/// How many bytes were written.
pub(crate) fn hex(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
    for (&[high, low], byte) in pairs.iter().zip(bytes.get_mut(..pairs.len())?) {
        *byte = (digit(high)? << 4) | digit(low)?;
    }
    Some(pairs.len())
}

/// How many bytes were written. One alphabet or the other: a text that mixes them is neither.
pub(crate) fn base64(text: &[u8], bytes: &mut [u8]) -> Option<usize> {
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url_safe { URL_SAFE_PAD_INDIFFERENT } else { STANDARD_PAD_INDIFFERENT };
    engine.decode_slice(text, bytes).ok()
}
