//! HKDF-SHA-256: one key from another. Knows nothing of what the keys are for.

use hkdf::Hkdf;
use sha2::Sha256;

/// Fills `key`. `None` only beyond 255 blocks, which no caller asks for.
pub(crate) fn derive(
    salt: Option<&[u8]>,
    from: &[u8; 32],
    info: &[&[u8]],
    key: &mut [u8],
) -> Option<()> {
    Hkdf::<Sha256>::new(salt, from).expand_multi_info(info, key).ok()
}
