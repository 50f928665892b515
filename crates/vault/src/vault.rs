//! Seals values into their place and opens them there. Knows nothing of who asks, of storage or of time.

use std::sync::Arc;

use model::{InstanceId, KeyVersion, Random, Sealed, WorkspaceId};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::check::{CheckValue, check_value};
use crate::context::context;
use crate::envelope::{
    COMMIT_BYTES, ENVELOPE_BYTES_MAX, Envelope, EnvelopeHeader, HEAD_BYTES, Head,
};
use crate::workspace_key::SealKeys;
use crate::{
    MasterKeys, MissingKey, OpenError, Place, ProviderKey, SealError, SecretValue, Suite,
    WorkspaceKey, WorkspaceSalt,
};

/// Invariant: `active` is in the ring. A ring that changes is a new vault.
pub struct Vault {
    keys: MasterKeys,
    active: KeyVersion,
    suite: Suite,
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
        if !keys.has(active) {
            return Err(MissingKey { version: active });
        }
        Ok(Self { keys, active, suite, instance: instance.to_string(), random })
    }

    /// With the active master key and suite.
    pub fn seal(&self, value: &SecretValue, place: &Place<'_>) -> Result<Sealed, SealError> {
        self.seal_bytes(value.expose(), place)
    }

    pub fn seal_provider_key(
        &self,
        key: &ProviderKey,
        place: &Place<'_>,
    ) -> Result<Sealed, SealError> {
        self.seal_bytes(key.expose().as_bytes(), place)
    }

    /// Whatever the suite, under any version in the ring.
    pub fn open(&self, sealed: &Sealed, place: &Place<'_>) -> Result<SecretValue, OpenError> {
        let envelope = Envelope::parse(sealed.as_bytes())?;
        let key = self.workspace_key(envelope.header.version, place.workspace, place.salt)?;
        self.open_envelope(&key, &envelope, place)
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
        let master = self.keys.key(version).ok_or(MissingKey { version })?;
        WorkspaceKey::derive(master, version, workspace, salt).ok_or(OpenError::Refused)
    }

    pub fn check_value(&self, version: KeyVersion) -> Option<CheckValue> {
        check_value(&self.keys, version)
    }

    pub fn active(&self) -> KeyVersion {
        self.active
    }

    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Oldest first.
    pub fn versions(&self) -> impl Iterator<Item = KeyVersion> {
        self.keys.versions()
    }

    pub fn has(&self, version: KeyVersion) -> bool {
        self.keys.has(version)
    }

    fn seal_bytes(&self, value: &[u8], place: &Place<'_>) -> Result<Sealed, SealError> {
        if value.len() > SecretValue::BYTES_MAX {
            return Err(SealError::TooLong { bytes: value.len(), max: SecretValue::BYTES_MAX });
        }
        let version = self.active;
        let master = self.keys.key(version).ok_or(MissingKey { version })?;
        let key = WorkspaceKey::derive(master, version, place.workspace, place.salt);
        let key = key.ok_or(SealError::Cipher)?;

        let random = self.random.as_ref();
        let head = Head::fresh(EnvelopeHeader { version, suite: self.suite }, random);
        let context = context(&self.instance, place, head.bytes());
        let mut keys = Zeroizing::new(SealKeys::default());
        key.seal_keys(self.suite, head.salt(), &context, &mut keys).ok_or(SealError::Cipher)?;
        let [key, commit] = &*keys;
        let body = self.suite.seal(key, &context, value, random).ok_or(SealError::Cipher)?;
        Ok(Sealed::from_bytes([head.bytes().as_slice(), commit, &body].concat()))
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
