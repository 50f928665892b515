//! What sums of usage can be told apart by. Knows no query.

use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    Day,
    GatewayKey,
    Hour,
    Model,
    Payer,
    Project,
    Provider,
    ProviderKey,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "group_by is one of day, gateway_key, hour, model, payer, project, provider and provider_key"
)]
pub struct UnknownUsageBy;

impl UsageBy {
    pub const ALL: [Self; 8] = [
        Self::Day,
        Self::GatewayKey,
        Self::Hour,
        Self::Model,
        Self::Payer,
        Self::Project,
        Self::Provider,
        Self::ProviderKey,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::GatewayKey => "gateway_key",
            Self::Hour => "hour",
            Self::Model => "model",
            Self::Payer => "payer",
            Self::Project => "project",
            Self::Provider => "provider",
            Self::ProviderKey => "provider_key",
        }
    }

    /// Whether the parts are stretches of time.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Hour)
    }
}

impl FromStr for UsageBy {
    type Err = UnknownUsageBy;

    fn from_str(text: &str) -> Result<Self, UnknownUsageBy> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or(UnknownUsageBy)
    }
}
