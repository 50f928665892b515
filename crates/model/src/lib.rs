//! The nouns of Keystile: ids, time, money, who may do what. No I/O, no async, no policy decisions.

pub mod actor;
pub mod catalogue;
pub mod clock;
pub mod ids;
pub mod model_ref;
pub mod money;
pub mod origin;
pub mod random;
pub mod refusal;
pub mod role;
pub mod scope;
pub mod sealed;
pub mod usage;

pub use actor::Actor;
pub use catalogue::{Catalogue, Provider, ProviderId};
pub use clock::{Clock, Timestamp};
pub use ids::{
    GatewayKeyId, InstanceId, NodeId, ProjectId, ProviderKeyId, RequestId, SecretId, SessionId,
    UserId, WorkspaceId,
};
pub use model_ref::ModelRef;
pub use money::{MicroUsd, PicoUsd};
pub use origin::{BaseUrl, Origin};
pub use random::Random;
pub use refusal::{Code, Refusal};
pub use role::Role;
pub use scope::{Scope, ScopeSet};
pub use sealed::{KeyVersion, Sealed};
pub use usage::Usage;
