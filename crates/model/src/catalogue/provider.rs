//! One provider: how it is called, what it is called, how its errors are read, what it lets an account do.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::value::Date;

use super::ProviderId;
use super::endpoint::{Endpoint, Quirks};
use super::limits::{ModelFamily, ProviderTier, RateWindow, TierLimits, TierSign};
use crate::{BaseUrl, DataPolicy, Operation, Tier};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    /// How the routes of a workspace spell it, where that differs from the id.
    #[serde(default)]
    pub workspace_name: Option<String>,
    /// How a tenant's routes and the names of secrets spell it, where that differs from the id.
    #[serde(default)]
    pub tenant_name: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Absent where every key brings its own.
    #[serde(default)]
    pub base_url: Option<BaseUrl>,
    pub auth: AuthHeader,
    /// The operations it takes, and where.
    #[serde(default)]
    pub speaks: BTreeMap<Operation, Endpoint>,
    #[serde(default)]
    pub quirks: Quirks,
    #[serde(default)]
    pub include_usage: bool,
    /// Whether its own word for what a call cost is taken.
    #[serde(default)]
    pub reports_cost: bool,
    pub probe: ProbeCall,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub invalid_key: Vec<String>,
    #[serde(default)]
    pub no_credit: Vec<String>,
    #[serde(default)]
    pub rate_limited: Vec<String>,
    /// How a key looks, as a hint for people; absent where nothing can be said of it.
    #[serde(default)]
    pub key_format: Option<String>,
    #[serde(default)]
    pub key_url: Option<String>,
    /// What the provider says when a key is bad and neither code nor status does, in lower case.
    #[serde(default)]
    pub invalid_key_words: Vec<String>,
    /// Statuses that mean a bad key, beside 401.
    #[serde(default)]
    pub invalid_key_status: Vec<u16>,
    /// Statuses that mean the request itself is not wanted, whatever the key.
    #[serde(default)]
    pub bad_request_status: Vec<u16>,
    /// Statuses that mean the same as a listed `no_credit` code.
    #[serde(default)]
    pub no_credit_status: Vec<u16>,
    /// What holds for every account that has agreed nothing else.
    pub data_policy: DataPolicy,
    /// What the headers of its answers tell of its rate limits.
    #[serde(default)]
    pub windows: Vec<RateWindow>,
    /// Models with limits in common; of several that match, the first counts.
    #[serde(default)]
    pub families: Vec<ModelFamily>,
    /// From the lowest to the highest.
    #[serde(default)]
    pub tiers: Vec<ProviderTier>,
    /// Absent where no header tells the tier.
    #[serde(default)]
    pub tier_sign: Option<TierSign>,
    pub source: String,
    /// The day its facts are of.
    pub as_of: Date,
}

impl Provider {
    /// As the routes of a workspace spell it.
    pub fn workspace_name(&self) -> &str {
        self.workspace_name.as_deref().unwrap_or(self.id.as_str())
    }

    /// As a tenant's routes and the names of secrets spell it.
    pub fn tenant_name(&self) -> &str {
        self.tenant_name.as_deref().unwrap_or(self.id.as_str())
    }

    /// Every name it answers to, in whatever case.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let faces = self.workspace_name.iter().chain(&self.tenant_name);
        let others = faces.chain(&self.aliases).chain(std::iter::once(&self.name));
        std::iter::once(self.id.as_str()).chain(others.map(String::as_str))
    }

    pub fn answers_to(&self, name: &str) -> bool {
        self.spellings().any(|spelling| spelling.eq_ignore_ascii_case(name))
    }

    /// Whether every key brings its own address.
    pub const fn needs_base_url(&self) -> bool {
        self.base_url.is_none()
    }

    /// Whether there is no calling it without a key: somebody's own endpoint may be open.
    pub const fn needs_key(&self) -> bool {
        !self.needs_base_url()
    }

    /// Whether it has tiers and none of its answers tells which one a key is of.
    pub const fn needs_selected_tier(&self) -> bool {
        !self.tiers.is_empty() && self.tier_sign.is_none()
    }

    /// What a key is taken for whose owner chose nothing, where no header will ever correct it.
    pub fn default_tier(&self) -> Option<&Tier> {
        if !self.windows.is_empty() {
            return None;
        }
        self.tiers.first().map(|tier| &tier.name)
    }

    /// A tier that somebody chose by its name, if this provider has it; every provider has `enterprise`.
    pub fn tier(&self, name: &str) -> Option<Tier> {
        let tier: Tier = name.to_ascii_lowercase().parse().ok()?;
        let known = tier.as_str() == Tier::ENTERPRISE || self.tiers.iter().any(|t| t.name == tier);
        known.then_some(tier)
    }

    /// What a tier may do with a model, as far as that is published.
    pub fn limits(&self, tier: &Tier, model: &str) -> Option<&TierLimits> {
        let tier = self.tiers.iter().find(|one| one.name == *tier)?;
        tier.limits_of(self.families.iter().find(|family| family.has(model)))
    }
}

/// The header a key travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthHeader {
    Bearer,
    XApiKey,
    XGoogApiKey,
}

/// The cheapest call that tells a good key from a bad one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeCall {
    pub path: String,
    /// Fields of a success, as `outer.inner`, that are true when the key is of no use after all.
    #[serde(default)]
    pub invalid_if_true: Vec<String>,
    /// Fields of a success that are false when the account is out of money.
    #[serde(default)]
    pub no_credit_if_false: Vec<String>,
    /// Fields of a success that are zero or less when the account is out of money.
    #[serde(default)]
    pub no_credit_if_spent: Vec<String>,
}

impl ProbeCall {
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.invalid_if_true.iter().chain(&self.no_credit_if_false);
        fields.chain(&self.no_credit_if_spent).map(String::as_str)
    }
}
