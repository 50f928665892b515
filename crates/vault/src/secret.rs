//! Bytes worth sealing, wiped when dropped. Knows nothing of what they mean.

use model::Random;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key32::KEY_BYTES;

/// The general sealed value: an instance's own keys, a user's secret.
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// The longest value that is sealed: with the head and the tag it stays below an envelope's 64 KiB.
    pub const BYTES_MAX: usize = 60 * 1024;

    /// Takes the allocation over; give one that never grew, because growing leaves copies behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
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
