//! AES-256-GCM with a 96-bit nonce and a 128-bit tag. Knows nothing of envelopes.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

/// Encrypts in place and gives the tag.
pub(super) fn seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    text: &mut [u8],
) -> Option<[u8; 16]> {
    let tag = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(nonce.into(), associated, text.into())
        .ok()?;
    Some(tag.into())
}

/// Decrypts in place; on `None` the text is not to be used.
pub(super) fn open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    text: &mut [u8],
    tag: &[u8; 16],
) -> Option<()> {
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(nonce.into(), associated, text.into(), tag.into())
        .ok()
}
