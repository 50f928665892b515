//! Why a value was not sealed or not opened. No variant can carry a plaintext, a key or a part of either.

use model::KeyVersion;

use crate::WeakOrBadKey;

/// The ring has no master key of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("master key version {version} is not loaded")]
pub struct MissingKey {
    pub version: KeyVersion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the cipher gave no ciphertext")]
    Cipher,
    #[error(transparent)]
    MissingKey(#[from] MissingKey),
    #[error("a sealed value has at most {max} bytes, this one has {bytes}")]
    TooLong { bytes: usize, max: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The derived key was given for one version, the envelope names another.
    #[error("the envelope is sealed under version {envelope}, the key at hand is of version {key}")]
    KeyOfOtherVersion { envelope: KeyVersion, key: KeyVersion },
    #[error(transparent)]
    MissingKey(#[from] MissingKey),
    #[error("not an envelope: {0}")]
    NotAnEnvelope(&'static str),
    /// It opened, so it is what was sealed, but no provider key looks like this.
    #[error("the opened value is no provider key")]
    NotAProviderKey,
    #[error(
        "the envelope does not open here: it was changed, or sealed for another place or under another key"
    )]
    Refused,
}

/// Why the ring was not exchanged. The one at hand stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error(transparent)]
    Keys(#[from] WeakOrBadKey),
    #[error(transparent)]
    MissingKey(#[from] MissingKey),
}

/// Why a value was not sealed anew. The old envelope stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResealError {
    #[error("the stored envelope cannot be resealed: {0}")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the new envelope does not open to the same value")]
    Unproven,
}
