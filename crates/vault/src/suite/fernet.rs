//! Fernet (github.com/fernet/spec) over binary parts instead of one base64 token. Knows nothing of envelopes.

use aes::Aes128;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The ciphertext and the tag of the token `0x80 || timestamp || iv || ciphertext || tag`.
pub(crate) fn seal(
    key: &[u8; 32],
    timestamp: u64,
    iv: &[u8; 16],
    plaintext: &[u8],
) -> Option<(Vec<u8>, [u8; 32])> {
    let (signing, encryption) = halves(key)?;
    let text = encrypt(encryption, iv, plaintext);
    let tag = mac(signing, timestamp, iv, &text)?.finalize().into_bytes();
    Some((text, tag.into()))
}

/// The tag is verified, in constant time, before anything is decrypted: no padding oracle.
pub(crate) fn open(
    key: &[u8; 32],
    timestamp: u64,
    iv: &[u8; 16],
    text: &[u8],
    tag: &[u8; 32],
) -> Option<Zeroizing<Vec<u8>>> {
    let (signing, encryption) = halves(key)?;
    mac(signing, timestamp, iv, text)?.verify_slice(tag).ok()?;
    decrypt(encryption, iv, text)
}

fn halves(key: &[u8; 32]) -> Option<(&[u8; 16], &[u8; 16])> {
    Some((key.first_chunk()?, key.last_chunk()?))
}

fn mac(signing: &[u8; 16], timestamp: u64, iv: &[u8; 16], text: &[u8]) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(signing).ok()?;
    let mac = mac.chain_update([VERSION]).chain_update(timestamp.to_be_bytes());
    Some(mac.chain_update(iv).chain_update(text))
}

pub(crate) const VERSION: u8 = 0x80;

pub(super) fn encrypt(key: &[u8; 16], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes128>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

pub(super) fn decrypt(key: &[u8; 16], iv: &[u8; 16], text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = cbc::Decryptor::<Aes128>::new(key.into(), iv.into());
    cipher.decrypt_padded_vec::<Pkcs7>(text).ok().map(Zeroizing::new)
}
