//! The ciphers a value can be sealed with. Knows keys, nonces and bytes; not what they were derived from.

mod aes256gcm;
pub(crate) mod fernet;
pub(crate) mod xsalsa20poly1305;

use std::fmt;
use std::str::FromStr;

use model::Random;
use zeroize::Zeroizing;

/// Changing the suite reseals in the background: envelopes name theirs, and any of them opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    Aes256Gcm,
    /// 128-bit encryption: AES-128-CBC under HMAC-SHA-256.
    Fernet,
    XSalsa20Poly1305,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a vault suite is aes-256-gcm, xsalsa20-poly1305 or fernet")]
pub struct UnknownSuite;

impl Suite {
    pub const ALL: [Self; 3] = [Self::Aes256Gcm, Self::Fernet, Self::XSalsa20Poly1305];

    /// The byte that names it in an envelope. Never reused.
    pub const fn id(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::XSalsa20Poly1305 => 2,
            Self::Fernet => 3,
        }
    }

    pub fn of_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Fernet => "fernet",
            Self::XSalsa20Poly1305 => "xsalsa20-poly1305",
        }
    }

    /// `nonce || ciphertext || tag`. Only AES-GCM reads the context here; the others are bound by their key.
    pub(crate) fn seal(
        self,
        key: &[u8; 32],
        context: &[u8],
        plaintext: &[u8],
        random: &dyn Random,
    ) -> Option<Vec<u8>> {
        match self {
            Self::Aes256Gcm => {
                let nonce = fresh(random);
                let mut text = Zeroizing::new(plaintext.to_vec());
                let tag = aes256gcm::seal(key, &nonce, context, &mut text)?;
                Some([nonce.as_slice(), &text, &tag].concat())
            }
            Self::Fernet => {
                let iv = fresh(random);
                let (text, tag) = fernet::seal(key, NO_TIME, &iv, plaintext)?;
                Some([iv.as_slice(), &text, &tag].concat())
            }
            Self::XSalsa20Poly1305 => {
                let nonce = fresh(random);
                let mut text = Zeroizing::new(plaintext.to_vec());
                let tag = xsalsa20poly1305::seal(key, &nonce, &mut text)?;
                Some([nonce.as_slice(), &text, &tag].concat())
            }
        }
    }

    /// `None` says no more than that it did not open.
    pub(crate) fn open(
        self,
        key: &[u8; 32],
        context: &[u8],
        body: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Aes256Gcm => {
                let (nonce, text, tag) = split(body)?;
                let mut text = Zeroizing::new(text.to_vec());
                aes256gcm::open(key, nonce, context, &mut text, tag)?;
                Some(text)
            }
            Self::Fernet => {
                let (iv, text, tag) = split(body)?;
                fernet::open(key, NO_TIME, iv, text, tag)
            }
            Self::XSalsa20Poly1305 => {
                let (nonce, text, tag) = split(body)?;
                let mut text = Zeroizing::new(text.to_vec());
                xsalsa20poly1305::open(key, nonce, &mut text, tag)?;
                Some(text)
            }
        }
    }
}

/// A Fernet token tells in the clear when it was made; ours do not.
const NO_TIME: u64 = 0;

fn fresh<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut nonce = [0; N];
    random.fill(&mut nonce);
    nonce
}

pub(crate) type Parts<'a, const NONCE: usize, const TAG: usize> =
    (&'a [u8; NONCE], &'a [u8], &'a [u8; TAG]);

pub(crate) fn split<const NONCE: usize, const TAG: usize>(
    body: &[u8],
) -> Option<Parts<'_, NONCE, TAG>> {
    let (nonce, rest) = body.split_first_chunk()?;
    let (text, tag) = rest.split_last_chunk()?;
    Some((nonce, text, tag))
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(text: &str) -> Result<Self, UnknownSuite> {
        let named = Self::ALL.into_iter().find(|suite| suite.as_str() == text);
        named.ok_or(UnknownSuite)
    }
}

#[cfg(test)]
mod tests;
