//! The providers there are keys for: how each is called, how a key looks, where to get one, which tiers it knows.

use model::catalogue::{ALL_MODELS, ProviderTier, TierLimits};
use model::{DataPolicy, Provider, Tier};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Caller, Control, Page, PageWish};

#[derive(Serialize, ToSchema)]
pub struct ProviderInfo {
    pub id: String,
    pub name: String,
    /// As the routes of a workspace spell it.
    pub workspace_name: String,
    /// As the routes of a tenant spell it, and the names of secrets.
    pub tenant_name: String,
    /// Whatever else it answers to.
    pub aliases: Vec<String>,
    /// How a key begins; absent where nothing can be said.
    pub key_format: Option<String>,
    /// Where to get a key.
    pub key_url: Option<String>,
    pub needs_key: bool,
    pub needs_base_url: bool,
    /// From the lowest to the highest. Every provider has `enterprise` beside them.
    pub tiers: Vec<TierInfo>,
    /// Whether no answer of the provider's tells the tier.
    pub needs_selected_tier: bool,
    /// What holds for every account that has agreed nothing else.
    pub data_policy: DataPolicy,
}

#[derive(Serialize, ToSchema)]
pub struct TierInfo {
    pub name: Tier,
    /// As far as they are published.
    pub limits: Vec<LimitsInfo>,
}

/// The limits that some models have in common.
#[derive(Serialize, ToSchema)]
pub struct LimitsInfo {
    /// Names in which `*` stands for any text; `all` is every model that no other entry names.
    pub models: Vec<String>,
    pub limits: TierLimits,
}

impl Control {
    /// The same for whoever has any credential.
    pub fn providers(&self, _caller: &Caller, wish: &PageWish) -> Page<ProviderInfo> {
        let providers = self.catalogue.providers().iter().collect();
        wish.cut(providers, |provider: &&Provider| provider.id.to_string(), info)
    }
}

fn info(provider: &Provider) -> ProviderInfo {
    let tier =
        |tier: &ProviderTier| TierInfo { name: tier.name.clone(), limits: limits(provider, tier) };
    ProviderInfo {
        id: provider.id.to_string(),
        name: provider.name.clone(),
        workspace_name: provider.workspace_name().to_owned(),
        tenant_name: provider.tenant_name().to_owned(),
        aliases: provider.aliases.clone(),
        key_format: provider.key_format.clone(),
        key_url: provider.key_url.clone(),
        needs_key: provider.needs_key(),
        needs_base_url: provider.needs_base_url(),
        tiers: provider.tiers.iter().map(tier).collect(),
        needs_selected_tier: provider.needs_selected_tier(),
        data_policy: provider.data_policy,
    }
}

pub(crate) fn limits(provider: &Provider, tier: &ProviderTier) -> Vec<LimitsInfo> {
    let one = |(name, limits): (&String, &TierLimits)| {
        let family = provider.families.iter().find(|family| family.name == *name);
        let models = family.map_or_else(|| vec![ALL_MODELS.to_owned()], |f| f.models.clone());
        LimitsInfo { models, limits: *limits }
    };
    tier.limits.iter().map(one).collect()
}
