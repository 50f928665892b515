//! How other systems lay out what they sealed, and how it may be written. Knows nothing of whose keys these are.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Foreign;
use crate::encoding;
use crate::suite::{Suite, fernet, split, xsalsa20poly1305};

/// What the bytes can stand for. Hex digits are base64 as well, and both are bytes: the cipher tells which was meant.
pub(super) fn readings(given: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let text = given.trim_ascii();
    let decoded = [decoded(text, encoding::hex), decoded(text, encoding::base64)];
    let decoded = decoded.into_iter().flatten().map(Cow::Owned);
    decoded.chain([Cow::Borrowed(given)]).collect()
}

fn decoded(text: &[u8], decode: fn(&[u8], &mut [u8]) -> Option<usize>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len()];
    let count = decode(text, &mut bytes)?;
    bytes.truncate(count);
    Some(bytes)
}

impl Foreign {
    /// Whether it can be of this format at all, judged without a key.
    pub(super) fn fits(self, sealed: &[u8]) -> bool {
        match self {
            Self::AesGcm => sealed.len() >= GCM_NONCE + TAG,
            Self::Fernet => token(sealed).is_some(),
            Self::SecretBox => sealed.len() >= SECRETBOX_NONCE + TAG,
        }
    }

    /// `None` says no more than that it did not open.
    pub(super) fn open(
        self,
        key: &[u8; 32],
        sealed: &[u8],
        associated: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            // Our own suite is laid out like this too.
            Self::AesGcm => Suite::Aes256Gcm.open(key, associated, sealed),
            Self::Fernet => {
                let Token { timestamp, iv, text, tag } = token(sealed)?;
                fernet::open(key, timestamp, iv, text, tag)
            }
            Self::SecretBox => {
                let (nonce, sealed) = sealed.split_first_chunk()?;
                let (tag, text) = sealed.split_first_chunk()?;
                let mut text = Zeroizing::new(text.to_vec());
                xsalsa20poly1305::open(key, nonce, &mut text, tag)?;
                Some(text)
            }
        }
    }
}

const GCM_NONCE: usize = 12;
const SECRETBOX_NONCE: usize = 24;
const TAG: usize = 16;

struct Token<'a> {
    timestamp: u64,
    iv: &'a [u8; 16],
    text: &'a [u8],
    tag: &'a [u8; 32],
}

/// `0x80 || timestamp || iv || ciphertext || tag`, the ciphertext in whole blocks and at least one.
fn token(sealed: &[u8]) -> Option<Token<'_>> {
    let rest = sealed.strip_prefix(&[fernet::VERSION])?;
    let (timestamp, rest) = rest.split_first_chunk()?;
    let (iv, text, tag) = split(rest)?;
    let whole_blocks = !text.is_empty() && text.len().is_multiple_of(iv.len());
    let timestamp = u64::from_be_bytes(*timestamp);
    whole_blocks.then_some(Token { timestamp, iv, text, tag })
}
