//! What a workspace, a project or a gateway key is set to. A project narrows its workspace, a key its project.

mod patch;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DataPolicy;

pub use patch::{Patch, PatchError, patched};

/// Of a workspace, and of each of its projects. Kept as JSON: nothing searches by a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Settings {
    pub data_policy: DataPolicy,
    pub platform_fallback: PlatformFallback,
    pub openrouter_fallthrough: bool,
    /// Projects only: whether their calls may use the workspace's keys.
    pub use_workspace_keys: bool,
    /// `None` allows all.
    pub allowed_models: Option<Vec<String>>,
    pub default_model: Option<String>,
    pub fallback_models: Vec<String>,
    pub model_aliases: BTreeMap<String, String>,
    pub price_overrides: BTreeMap<String, PriceOverride>,
    pub spend_cap_micro_usd: Option<u64>,
    pub cap_period: CapPeriod,
    pub cap_mode: CapMode,
    pub unpriced: Unpriced,
    pub rpm_limit: Option<u64>,
    pub tpm_limit: Option<u64>,
    pub members_may_create_keys: bool,
    pub health_recheck: HealthRecheck,
    pub webhook: Option<Webhook>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_policy: DataPolicy::None,
            platform_fallback: PlatformFallback::default(),
            openrouter_fallthrough: true,
            use_workspace_keys: true,
            allowed_models: None,
            default_model: None,
            fallback_models: Vec::new(),
            model_aliases: BTreeMap::new(),
            price_overrides: BTreeMap::new(),
            spend_cap_micro_usd: None,
            cap_period: CapPeriod::default(),
            cap_mode: CapMode::default(),
            unpriced: Unpriced::default(),
            rpm_limit: None,
            tpm_limit: None,
            members_may_create_keys: true,
            health_recheck: HealthRecheck::default(),
            webhook: None,
        }
    }
}

/// What one gateway key may use and spend.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct KeyPolicy {
    /// `None` allows all.
    pub allowed_models: Option<Vec<String>>,
    pub spend_cap_micro_usd: Option<u64>,
    pub cap_period: CapPeriod,
    pub cap_mode: CapMode,
    pub unpriced: Unpriced,
    pub fallback_models: Vec<String>,
    pub default_model: Option<String>,
    pub rpm_limit: Option<u64>,
    pub tpm_limit: Option<u64>,
    /// `None` leaves it to the project.
    pub platform_fallback: Option<PlatformFallback>,
    pub on_disconnect: OnDisconnect,
}

/// The causes for which a platform key may answer instead of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct PlatformFallback(pub Vec<FallbackCause>);

impl Default for PlatformFallback {
    fn default() -> Self {
        Self(FallbackCause::ALL.to_vec())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FallbackCause {
    /// The own key has no headroom, and the platform's has some.
    Exhausted,
    /// The provider refused or failed the own key.
    Failed,
    /// There is no own key, or it is paused.
    Missing,
    /// The own key could not be read or opened.
    Unavailable,
}

impl FallbackCause {
    pub const ALL: [Self; 4] = [Self::Missing, Self::Exhausted, Self::Failed, Self::Unavailable];
}

/// When a cap starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapPeriod {
    #[default]
    Never,
    Hourly,
    Daily,
    Weekly,
    Monthly,
}

/// A strict cap is never passed; a soft one lets what runs finish and refuses what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CapMode {
    #[default]
    Strict,
    Soft,
}

/// What becomes of a call under a cap whose price nobody knows. It is never counted as free: allowed, it is shown as unpriced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    Allow,
    #[default]
    Refuse,
}

/// What becomes of a call whose client hangs up: cut, or read to its end for the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    #[default]
    Abort,
    Drain,
}

/// How often keys in use are probed in the background.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthRecheck {
    #[default]
    Off,
    Hourly,
    Daily,
}

/// Where news is posted. Its signing secret is sealed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub url: String,
    /// Empty: all of them.
    #[serde(default)]
    pub events: Vec<WebhookEvent>,
    /// Shares of a cap, in percent, at which to tell.
    #[serde(default)]
    pub cap_shares: Vec<u8>,
    /// Whether there is one. Written with it, in one transaction.
    #[serde(default)]
    pub has_secret: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum WebhookEvent {
    #[serde(rename = "cap.share_reached")]
    CapShareReached,
    #[serde(rename = "provider_key.health_changed")]
    HealthChanged,
    #[serde(rename = "request.unsettled")]
    RequestUnsettled,
}

/// A workspace's own prices for a model, in pico-USD per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceOverride {
    pub input_pico_usd: u64,
    pub output_pico_usd: u64,
    pub cache_read_pico_usd: Option<u64>,
    pub cache_write_pico_usd: Option<u64>,
}
