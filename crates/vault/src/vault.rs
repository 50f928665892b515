//! Seals values into their place and opens them there. Knows nothing of who asks, of storage or of time.

mod ring;
mod rotation;

use std::sync::{Arc, PoisonError, RwLock};

use model::{InstanceId, KeyVersion, Random, Sealed, WorkspaceId};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::check::{CheckValue, check_value};
use crate::context::context;
use crate::envelope::{COMMIT_BYTES, ENVELOPE_BYTES_MAX, Envelope, HEAD_BYTES, Head};
use crate::workspace_key::SealKeys;
use crate::{
    MasterKeys, MissingKey, OpenError, Place, ProviderKey, SealError, SecretValue, Suite,
    WorkspaceKey, WorkspaceSalt,
};
use ring::Ring;

/// Shared by all who seal and open. The lock is held to read or to exchange one pointer, never while sealing or opening,
/// and the hot path (`open_with`) does not take it: the derived key it is given is all of the ring it needs.
pub struct Vault {
    ring: RwLock<Arc<Ring>>,
    instance: String,
    random: Arc<dyn Random>,
}

impl Vault {
    pub fn new(
        keys: MasterKeys,
        active: KeyVersion,
        suite: Suite,
        instance: InstanceId,
        random: Arc<dyn Random>,
    ) -> Result<Self, MissingKey> {
        let ring = RwLock::new(Arc::new(Ring::new(keys, active, suite)?));
        Ok(Self { ring, instance: instance.to_string(), random })
    }

    /// With the active master key and suite.
    pub fn seal(&self, value: &SecretValue, place: &Place<'_>) -> Result<Sealed, SealError> {
        self.seal_with(&self.ring(), value.expose(), place)
    }

    pub fn seal_provider_key(
        &self,
        key: &ProviderKey,
        place: &Place<'_>,
    ) -> Result<Sealed, SealError> {
        self.seal_with(&self.ring(), key.expose().as_bytes(), place)
    }

    /// Whatever the suite, under any version in the ring.
    pub fn open(&self, sealed: &Sealed, place: &Place<'_>) -> Result<SecretValue, OpenError> {
        self.open_in(&self.ring(), sealed, place)
    }

    pub fn open_provider_key(
        &self,
        sealed: &Sealed,
        place: &Place<'_>,
    ) -> Result<ProviderKey, OpenError> {
        provider_key(self.open(sealed, place)?)
    }

    /// The hot path: the first derivation was done and cached. The key must be of the envelope's version.
    pub fn open_with(
        &self,
        key: &WorkspaceKey,
        sealed: &Sealed,
        place: &Place<'_>,
    ) -> Result<SecretValue, OpenError> {
        let envelope = Envelope::parse(sealed.as_bytes())?;
        if envelope.header.version != key.version() {
            return Err(OpenError::KeyOfOtherVersion {
                envelope: envelope.header.version,
                key: key.version(),
            });
        }
        self.open_envelope(key, &envelope, place)
    }

    pub fn open_provider_key_with(
        &self,
        key: &WorkspaceKey,
        sealed: &Sealed,
        place: &Place<'_>,
    ) -> Result<ProviderKey, OpenError> {
        provider_key(self.open_with(key, sealed, place)?)
    }

    pub fn workspace_key(
        &self,
        version: KeyVersion,
        workspace: WorkspaceId,
        salt: &WorkspaceSalt,
    ) -> Result<WorkspaceKey, OpenError> {
        let key = self.ring().workspace_key(version, workspace, salt)?;
        key.ok_or(OpenError::Refused)
    }

    /// `None` if the version is not loaded.
    pub fn check_value(&self, version: KeyVersion) -> Option<CheckValue> {
        check_value(self.ring().keys(), version)
    }

    /// What seals now. An envelope knows what sealed it (`header_of`), and the ring may have changed since.
    pub fn active(&self) -> KeyVersion {
        self.ring().sealing().version
    }

    pub fn suite(&self) -> Suite {
        self.ring().sealing().suite
    }

    /// What is loaded, oldest first.
    pub fn versions(&self) -> Vec<KeyVersion> {
        self.ring().keys().versions().collect()
    }

    pub fn has(&self, version: KeyVersion) -> bool {
        self.ring().keys().has(version)
    }

    /// For all of one operation: the ring may be exchanged in its midst.
    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn seal_with(&self, ring: &Ring, value: &[u8], place: &Place<'_>) -> Result<Sealed, SealError> {
        if value.len() > SecretValue::BYTES_MAX {
            return Err(SealError::TooLong { bytes: value.len(), max: SecretValue::BYTES_MAX });
        }
        let header = ring.sealing();
        let key = ring.workspace_key(header.version, place.workspace, place.salt)?;
        let key = key.ok_or(SealError::Cipher)?;

        let random = self.random.as_ref();
        let head = Head::fresh(header, random);
        let context = context(&self.instance, place, head.bytes());
        let mut keys = Zeroizing::new(SealKeys::default());
        key.seal_keys(header.suite, head.salt(), &context, &mut keys).ok_or(SealError::Cipher)?;
        let [key, commit] = &*keys;
        let body = header.suite.seal(key, &context, value, random).ok_or(SealError::Cipher)?;
        Ok(Sealed::from_bytes([head.bytes().as_slice(), commit, &body].concat()))
    }

    fn open_in(
        &self,
        ring: &Ring,
        sealed: &Sealed,
        place: &Place<'_>,
    ) -> Result<SecretValue, OpenError> {
        let envelope = Envelope::parse(sealed.as_bytes())?;
        let key = ring.workspace_key(envelope.header.version, place.workspace, place.salt)?;
        let key = key.ok_or(OpenError::Refused)?;
        self.open_envelope(&key, &envelope, place)
    }

    fn open_envelope(
        &self,
        key: &WorkspaceKey,
        envelope: &Envelope<'_>,
        place: &Place<'_>,
    ) -> Result<SecretValue, OpenError> {
        let suite = envelope.header.suite;
        let context = context(&self.instance, place, envelope.head);
        let mut keys = Zeroizing::new(SealKeys::default());
        key.seal_keys(suite, envelope.salt, &context, &mut keys).ok_or(OpenError::Refused)?;
        let [key, commit] = &*keys;
        // GCM and Poly1305 do not commit to their key; this does, before either is asked.
        if !bool::from(commit.ct_eq(envelope.commit)) {
            return Err(OpenError::Refused);
        }
        let value = suite.open(key, &context, envelope.body).ok_or(OpenError::Refused)?;
        Ok(SecretValue::from(value))
    }
}

/// The longest value, with the longest nonce, padding and tag of any suite.
const _: () = assert!(
    HEAD_BYTES + COMMIT_BYTES + SecretValue::BYTES_MAX + 24 + 16 + 32 <= ENVELOPE_BYTES_MAX
);

fn provider_key(value: SecretValue) -> Result<ProviderKey, OpenError> {
    ProviderKey::try_from(value).map_err(|_| OpenError::NotAProviderKey)
}
