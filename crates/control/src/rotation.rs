//! The master key and the suite change while everything runs: a new version is staged until every node has it, becomes the
//! one that seals, every row is sealed anew, and what no row needs retires. Each step is in the database before the next
//! begins, so that whoever is alive goes on where another was killed.

mod doctor;
mod place;
mod rebind;
mod reseal;
mod start;
mod tend;
mod view;

use std::sync::Arc;
use std::time::Duration;

use model::{KeyVersion, Random, Refusal};
use vault::{MasterKeys, Suite};

pub use doctor::{ClosedSeal, DoctorView, MovedKey};
pub use rebind::{Rebind, RebindView};
pub use start::RotateVault;
pub use tend::Tender;
pub use view::{JobView, VaultView, VersionView};

/// What a rotation needs to know of this process; made at boot.
pub struct Rotation {
    pub source: Arc<dyn MasterKeySource>,
    /// The setting, which the suite in the database may have left behind.
    pub configured: Suite,
    /// Between two small transactions, so that traffic comes first.
    pub pause: Duration,
    /// Held while one is begun: between its commit and this node's word that it holds the key, another would take that for
    /// lost.
    pub starting: tokio::sync::Mutex<()>,
}

/// Where this process has its master keys from. Reads and writes files, and refuses in words for the operator.
pub trait MasterKeySource: Send + Sync + 'static {
    /// As they are now. `None`: they cannot change under a running process.
    fn read(&self) -> Result<Option<MasterKeys>, Refusal>;

    /// With one that is newer than `than`, if there is one or it is ours to make; a fresh one is kept before it is returned.
    fn read_newer(
        &self,
        than: KeyVersion,
        random: &dyn Random,
    ) -> Result<Option<MasterKeys>, Refusal>;
}
