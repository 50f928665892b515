//! Seals and opens secrets, and makes the tokens that stand for people and programs. Knows nothing of HTTP, SQL or
//! tenancy rules: bytes in, bytes out, no I/O.

mod chain;
mod check;
mod context;
mod derive;
mod encoding;
mod envelope;
mod error;
mod import;
mod key32;
mod master;
mod place;
mod provider_key;
mod scrub;
mod secret;
mod session;
mod suite;
mod token;
mod vault;
mod webhook;
mod workspace_key;

pub use chain::ChainKey;
pub use check::{CheckValue, check_value};
pub use envelope::{EnvelopeHeader, header_of};
pub use error::{MissingKey, OpenError, ResealError, RingError, SealError};
pub use import::{Foreign, ForeignKeys, ImportError};
pub use master::{MasterKey, MasterKeys, WeakOrBadKey};
pub use place::{Place, WorkspaceSalt};
pub use provider_key::{ProviderKey, UnusableKey};
pub use scrub::Scrubber;
pub use secret::{SecretValue, UnusableSecret};
pub use session::{SessionClaims, SessionSigner};
pub use suite::{Suite, UnknownSuite};
pub use token::{GatewayToken, OneTimePurpose, OneTimeToken, Pepper, TokenHash};
pub use vault::Vault;
pub use webhook::webhook_signature;
pub use workspace_key::WorkspaceKey;

#[cfg(test)]
mod tests;
