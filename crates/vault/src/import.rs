//! Values that another system sealed, opened with its keys so that they can be sealed here. Knows neither files nor
//! where the values go.

mod formats;

use std::fmt;
use std::str::FromStr;

use crate::encoding;
use crate::key32::Key32;
use crate::{SecretValue, UnusableSecret};

/// What other systems seal with. All of these authenticate: what opens is what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Foreign {
    /// `nonce(12) || ciphertext || tag(16)`.
    AesGcm,
    /// A token of the Fernet specification; its time is not judged.
    Fernet,
    /// NaCl's: `nonce(24) || box`.
    SecretBox,
}

/// The keys of another system, tried in their order (a MultiFernet's list is one). Held for as long as an import takes.
pub struct ForeignKeys {
    format: Foreign,
    keys: Vec<Key32>,
}

/// Says what to do, and never what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("{0} takes no associated data: leave it out")]
    AssociatedData(Foreign),
    #[error("key {position} of the other system is not 32 bytes in hex, base64 or base64url")]
    BadKey { position: usize },
    #[error("there is no key of the other system: give at least one")]
    NoKey,
    #[error("the value has not the form of {0}")]
    NotThisFormat(Foreign),
    #[error("the value opens with none of the keys: it was sealed with another, or changed since")]
    Refused,
    #[error("the value has {bytes} bytes, and {max} is the most that is read", max = GIVEN_BYTES_MAX)]
    TooLong { bytes: usize },
    #[error("at most {max} keys of another system are tried", max = KEYS_MAX)]
    TooManyKeys,
    #[error("the value opens, but cannot be kept: {0}")]
    Unusable(#[from] UnusableSecret),
    #[error("values are imported from fernet, secretbox or aes-256-gcm")]
    UnknownFormat,
}

/// The longest secret in its longest spelling, which is hex, with room for the frame of any format.
const GIVEN_BYTES_MAX: usize = 2 * (SecretValue::GIVEN_BYTES_MAX + 128);
const KEYS_MAX: usize = 64;

impl ForeignKeys {
    /// One key or several, between them commas, spaces or line breaks.
    pub fn parse(format: Foreign, text: &str) -> Result<Self, ImportError> {
        let texts = text.split([',', ' ', '\t', '\r', '\n']).filter(|text| !text.is_empty());
        let mut keys = Vec::new();
        for (index, text) in texts.enumerate() {
            if index == KEYS_MAX {
                return Err(ImportError::TooManyKeys);
            }
            let key = encoding::key(text);
            keys.push(key.map_err(|_| ImportError::BadKey { position: index + 1 })?);
        }
        match keys.is_empty() {
            true => Err(ImportError::NoKey),
            false => Ok(Self { format, keys }),
        }
    }

    /// A value as text (hex, base64 or base64url) or as the bytes it is.
    pub fn open(&self, given: &[u8]) -> Result<SecretValue, ImportError> {
        self.open_associated(given, b"")
    }

    /// The same, where AES-GCM was given associated data.
    pub fn open_associated(
        &self,
        given: &[u8],
        associated: &[u8],
    ) -> Result<SecretValue, ImportError> {
        if self.format != Foreign::AesGcm && !associated.is_empty() {
            return Err(ImportError::AssociatedData(self.format));
        }
        if given.len() > GIVEN_BYTES_MAX {
            return Err(ImportError::TooLong { bytes: given.len() });
        }
        let readings = formats::readings(given);
        let mut readings = readings.iter().filter(|sealed| self.format.fits(sealed)).peekable();
        if readings.peek().is_none() {
            return Err(ImportError::NotThisFormat(self.format));
        }
        for sealed in readings {
            for key in &self.keys {
                if let Some(value) = self.format.open(key.bytes(), sealed, associated) {
                    return Ok(SecretValue::from(value).judged()?);
                }
            }
        }
        Err(ImportError::Refused)
    }
}

impl Foreign {
    pub const ALL: [Self; 3] = [Self::AesGcm, Self::Fernet, Self::SecretBox];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AesGcm => "aes-256-gcm",
            Self::Fernet => "fernet",
            Self::SecretBox => "secretbox",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Foreign {
    type Err = ImportError;

    fn from_str(text: &str) -> Result<Self, ImportError> {
        let named = Self::ALL.into_iter().find(|format| format.as_str() == text);
        named.ok_or(ImportError::UnknownFormat)
    }
}

#[cfg(test)]
mod tests;
