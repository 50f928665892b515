//! The nouns of Keystile: ids, time, money, who may do what. No I/O, no async, no policy decisions.

pub mod actor;
pub mod cap;
pub mod catalogue;
pub mod clock;
pub mod data_policy;
pub mod decimal;
pub mod hex;
pub mod ids;
pub mod model_kind;
pub mod model_ref;
pub mod money;
pub mod operation;
pub mod origin;
pub mod period;
pub mod plan;
pub mod price;
pub mod random;
pub mod refusal;
pub mod role;
mod schema;
pub mod scope;
pub mod sealed;
pub mod secret_category;
pub mod settings;
pub mod tariff;
pub mod tier;
pub mod usage;
pub mod usage_by;

pub use actor::{Actor, Doer};
pub use cap::{Cap, CapScope};
pub use catalogue::{Catalogue, Provider, ProviderId};
pub use clock::{Clock, Timestamp};
pub use data_policy::DataPolicy;
pub use hex::hex;
pub use ids::{
    GatewayKeyId, InstanceId, InvitationId, NodeId, ProjectId, ProviderKeyId, RequestId,
    RequestIds, SecretId, SessionId, UserId, WorkspaceId,
};
pub use model_kind::ModelKind;
pub use model_ref::ModelRef;
pub use money::{MicroUsd, PicoUsd};
pub use operation::{Dialect, Operation};
pub use origin::{BaseUrl, Origin};
pub use period::Period;
pub use plan::{ModelTier, Plan, Plans};
pub use price::{LongPrice, Price, Rates, SearchPrice, TokenPrice};
pub use random::Random;
pub use refusal::{Code, Refusal};
pub use role::Role;
pub use scope::{Scope, ScopeSet};
pub use sealed::{KeyVersion, Sealed};
pub use secret_category::SecretCategory;
pub use settings::{KeyPolicy, Settings};
pub use tariff::{Bound, Tariff, Tiers};
pub use tier::{Tier, TierSource};
pub use usage::{Geo, ServiceTier, Usage};
pub use usage_by::UsageBy;
