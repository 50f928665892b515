//! What a link carries that may be followed once: an invitation, a place to drop a value. Knows nothing of links, nor of
//! when they lapse.

use model::Random;
use zeroize::Zeroizing;

use super::{Pepper, RANDOM_DIGITS, TokenHash, base62};
use crate::key32::Key32;

/// What it is good for, which its first letters say: one is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneTimePurpose {
    Invitation,
    Upload,
}

/// `inv_` or `up_`, and 43 base62 digits of 256 random bits.
pub struct OneTimeToken(Zeroizing<String>);

impl OneTimePurpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Invitation => "inv_",
            Self::Upload => "up_",
        }
    }
}

impl OneTimeToken {
    pub fn generate(purpose: OneTimePurpose, random: &dyn Random) -> Self {
        let prefix = purpose.prefix();
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + RANDOM_DIGITS));
        text.push_str(prefix);
        text.extend(base62(Key32::generate(random)).iter().copied().map(char::from));
        Self(text)
    }

    /// `None` unless it has the form of a token for this purpose.
    pub fn parse(purpose: OneTimePurpose, text: &str) -> Option<Self> {
        let digits = text.strip_prefix(purpose.prefix())?;
        let is_well_formed = digits.len() == RANDOM_DIGITS
            && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_well_formed.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// What is stored and looked up. Never the hash of a gateway key, whatever the text.
    pub fn hash(&self, pepper: &Pepper) -> TokenHash {
        pepper.hash(&[HASH_LABEL, self.0.as_bytes()])
    }

    /// The way out: shown once, in the link.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Gateway keys are hashed without a label, and begin with `ks_live_`.
const HASH_LABEL: &[u8] = b"keystile/1/one-time\0";

#[cfg(test)]
mod tests;
