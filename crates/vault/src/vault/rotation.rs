//! What a rotation asks of the vault: another ring under a running process, and values sealed anew, each proven before
//! its old envelope is given up. Knows nothing of rows, nodes or states.

use std::sync::{Arc, PoisonError};

use model::{KeyVersion, Sealed};

use super::Vault;
use super::ring::Ring;
use crate::{MasterKeys, Place, ResealError, RingError, SecretValue, Suite, header_of};

impl Vault {
    /// Exchanges the ring for all holders at once; what is under way ends with the ring it began with. A version that
    /// is loaded may be left out, but never become another key. Whether it is the right one, its check value says.
    pub fn install(
        &self,
        keys: MasterKeys,
        active: KeyVersion,
        suite: Suite,
    ) -> Result<(), RingError> {
        self.exchange(|ring| {
            ring.keys().refuse_other_keys(&keys)?;
            Ok(Ring::new(keys, active, suite)?)
        })
    }

    /// Adds what is not loaded yet. The active version and the suite stay.
    pub fn load(&self, keys: &MasterKeys) -> Result<(), RingError> {
        self.exchange(|ring| {
            let sealing = ring.sealing();
            Ok(Ring::new(ring.keys().merged(keys)?, sealing.version, sealing.suite)?)
        })
    }

    /// From now on seals under this version, which must be loaded.
    pub fn activate(&self, version: KeyVersion) -> Result<(), RingError> {
        self.exchange(|ring| Ok(Ring::new(ring.keys().share(), version, ring.sealing().suite)?))
    }

    /// From now on seals with this suite, under the same version.
    pub fn use_suite(&self, suite: Suite) -> Result<(), RingError> {
        self.exchange(|ring| Ok(Ring::new(ring.keys().share(), ring.sealing().version, suite)?))
    }

    /// Under the active master key and suite, for the same place. `None`: it already is, as far as its head says.
    pub fn reseal(
        &self,
        sealed: &Sealed,
        place: &Place<'_>,
    ) -> Result<Option<Sealed>, ResealError> {
        let ring = self.ring();
        if header_of(sealed)? == ring.sealing() {
            return Ok(None);
        }
        let value = self.open_in(&ring, sealed, place)?;
        let anew = self.seal_with(&ring, value.expose(), place)?;
        self.proven(&ring, anew, &value, place).map(Some)
    }

    /// Compared in constant time.
    fn proven(
        &self,
        ring: &Ring,
        sealed: Sealed,
        value: &SecretValue,
        place: &Place<'_>,
    ) -> Result<Sealed, ResealError> {
        match self.open_in(ring, &sealed, place) {
            Ok(again) if again.matches(value) => Ok(sealed),
            Ok(_) | Err(_) => Err(ResealError::Unproven),
        }
    }

    fn exchange(
        &self,
        next: impl FnOnce(&Ring) -> Result<Ring, RingError>,
    ) -> Result<(), RingError> {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *ring = Arc::new(next(&ring)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
