//! One function per operation of management. Knows no HTTP, no wire format and no data plane.

mod access;
mod credential;
mod fields;
mod gateway_keys;
mod keyring;
mod me;
mod passwords;
mod probe;
mod projects;
mod provider_keys;
mod sessions;
mod setup;
mod workspaces;

use std::sync::Arc;

use model::{Catalogue, Clock, Random, Refusal};
use store::{Store, StoreError};
use vault::{Pepper, SessionSigner, Vault};

pub use access::{Reader, Writer};
pub use credential::{KeyCaller, Person};
pub use gateway_keys::{CreateGatewayKey, GatewayKeyView, NewGatewayKeyView};
pub use keyring::{InstanceKeys, KeyringError, KeyringReport, VersionReport, report, unlock};
pub use me::Me;
pub use passwords::{Passwords, Strength};
pub use probe::{Probe, Probed, Probing};
pub use projects::{CreateProject, ProjectView};
pub use provider_keys::{CreateProviderKey, ProviderKeyView};
pub use sessions::{LoginView, UserView};
pub use setup::{SetUp, SetUpView, SetupToken};
pub use workspaces::{CreateWorkspace, WorkspaceView};

/// Everything an operation may need; made once at boot.
pub struct Control {
    pub catalogue: Arc<Catalogue>,
    pub clock: Arc<dyn Clock>,
    pub passwords: Passwords,
    pub pepper: Arc<Pepper>,
    pub probe: Arc<dyn Probe>,
    pub random: Arc<dyn Random>,
    pub setup_token: SetupToken,
    pub signer: SessionSigner,
    pub store: Store,
    pub vault: Arc<Vault>,
}

/// What a failing database means to a caller.
pub(crate) fn storage(error: StoreError) -> Refusal {
    match error {
        StoreError::Corrupt { .. } => Refusal::internal(error),
        StoreError::Unstorable => Refusal::new(
            model::Code::InvalidRequest,
            "a text holds a character that cannot be stored",
        ),
        error => {
            let public = "the database does not answer, try again shortly";
            Refusal::new(model::Code::StorageUnavailable, public).retry_after(1).because(error)
        }
    }
}
