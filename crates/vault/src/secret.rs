//! Bytes worth sealing, wiped when dropped. Knows nothing of what they mean.

use model::Random;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key32::KEY_BYTES;

/// The general sealed value: an instance's own keys, a user's secret.
pub struct SecretValue(Zeroizing<Vec<u8>>);

/// Why a value somebody gave is not kept. Says its length at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSecret {
    #[error("the secret is empty")]
    Empty,
    #[error("the secret has {bytes} bytes, and {max} is the most a secret may have")]
    TooLong { bytes: usize, max: usize },
}

impl SecretValue {
    /// The longest value that is sealed: with the head and the tag it stays below an envelope's 64 KiB.
    pub const BYTES_MAX: usize = 60 * 1024;
    /// The longest value that is taken from people.
    pub const GIVEN_BYTES_MAX: usize = 32 * 1024;

    /// Takes the allocation over; give one that never grew, because growing leaves copies behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What somebody wants kept, as it is: a password, a certificate of many lines, a file. Takes the allocation over,
    /// and wipes it if refused.
    pub fn parse(given: Vec<u8>) -> Result<Self, UnusableSecret> {
        Self::new(given).judged()
    }

    pub(crate) fn judged(self) -> Result<Self, UnusableSecret> {
        let (bytes, max) = (self.0.len(), Self::GIVEN_BYTES_MAX);
        match bytes {
            0 => Err(UnusableSecret::Empty),
            _ if bytes > max => Err(UnusableSecret::TooLong { bytes, max }),
            _ => Ok(self),
        }
    }

    /// 32 random bytes: what the pepper, the session key and the audit chain's key are made from.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new(vec![0; KEY_BYTES]);
        random.fill(&mut bytes);
        Self(bytes)
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// In constant time: whether resealing kept the value.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(&other.0).into()
    }

    /// In constant time for values of one length.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other).into()
    }

    pub(crate) fn into_bytes(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(std::mem::take(&mut *self.0))
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretValue {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_gives_is_kept_as_it_is_and_where_it_is() {
        let longest = "x".repeat(SecretValue::GIVEN_BYTES_MAX);
        for text in
            ["x", " ", "p\u{e4}ssword", "-----BEGIN-----\r\n\tMII=\n-----END-----\n\0", &longest]
        {
            let given = text.to_owned().into_bytes();
            let address = given.as_ptr();

            let value = SecretValue::parse(given).expect("usable");

            assert_eq!(value.expose(), text.as_bytes());
            assert_eq!(value.expose().as_ptr(), address);
            assert!(value.matches(&SecretValue::new(text.as_bytes().to_vec())));
        }
        assert!(SecretValue::parse(vec![0, 159, 146, 150]).is_ok());
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let max = SecretValue::GIVEN_BYTES_MAX;
        let too_long = SecretValue::parse(vec![b'x'; max + 1]).err();

        assert_eq!(SecretValue::parse(Vec::new()).err(), Some(UnusableSecret::Empty));
        assert_eq!(too_long, Some(UnusableSecret::TooLong { bytes: max + 1, max }));
    }
}
