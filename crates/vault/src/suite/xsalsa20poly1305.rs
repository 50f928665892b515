//! NaCl's secretbox, composed by hand because no released crate of this RustCrypto generation has it: the first 32
//! bytes of keystream key the Poly1305, the message is encrypted with what follows. Knows nothing of envelopes.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Encrypts in place and gives the tag.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 24], text: &mut [u8]) -> Option<[u8; 16]> {
    let (mut stream, mac) = start(key, nonce)?;
    stream.try_apply_keystream(text).ok()?;
    Some(mac.compute_unpadded(text).into())
}

/// Decrypts in place, after the tag was found to be right in constant time.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: &[u8; 24],
    text: &mut [u8],
    tag: &[u8; 16],
) -> Option<()> {
    let (mut stream, mac) = start(key, nonce)?;
    let expected: [u8; 16] = mac.compute_unpadded(text).into();
    if !bool::from(expected.ct_eq(tag)) {
        return None;
    }
    stream.try_apply_keystream(text).ok()
}

fn start(key: &[u8; 32], nonce: &[u8; 24]) -> Option<(XSalsa20, Poly1305)> {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut mac_key = Zeroizing::new([0; 32]);
    stream.try_apply_keystream(mac_key.as_mut_slice()).ok()?;
    let mac_key: &[u8; 32] = &mac_key;
    Some((stream, Poly1305::new(mac_key.into())))
}
