//! What the settings of a workspace and of a project come to together: the narrower counts. Knows no request.

use std::sync::Arc;

use model::settings::{CapMode, CapPeriod, FallbackCause, PriceOverride, Unpriced};
use model::{
    Cap, CapScope, Catalogue, DataPolicy, MicroUsd, ModelRef, ModelTier, PicoUsd, Plan, ProjectId,
    ProviderId, Settings, Tariff, WorkspaceId,
};
use store::rate::Limit;

/// Of one project in its workspace.
pub struct Rules {
    project_name: String,
    workspace: Arc<Layer>,
    project: Layer,
    /// Absent where the operator's configuration has it no more: then nothing is included.
    plan: Option<Arc<Plan>>,
}

/// The settings of one of the two, the names in its list read.
pub struct Layer {
    settings: Settings,
    /// `None` allows all.
    allowed: Option<Vec<ModelRef>>,
    prices: Vec<(ModelRef, Tariff)>,
}

impl Layer {
    pub fn new(settings: Settings, catalogue: &Catalogue) -> Self {
        let allowed = settings.allowed_models.as_deref().map(|names| models(names, catalogue));
        let price = |(name, price): (&String, &PriceOverride)| {
            Some((ModelRef::parse(name, catalogue)?, Tariff::of_override(price)))
        };
        let prices = settings.price_overrides.iter().filter_map(price).collect();
        Self { settings, allowed, prices }
    }

    fn cap(&self, scope: CapScope) -> Option<(Cap, Unpriced)> {
        let Settings { spend_cap_micro_usd, cap_period, cap_mode, unpriced, .. } = self.settings;
        cap(scope, spend_cap_micro_usd, cap_period, cap_mode, unpriced)
    }

    /// A name that says the provider before one that holds for all.
    fn price(&self, provider: &ProviderId, model: &str) -> Option<&Tariff> {
        let of_model = || self.prices.iter().filter(|(name, _)| name.model == model);
        let named = of_model().find(|(name, _)| name.provider.as_ref() == Some(provider));
        let any = || of_model().find(|(name, _)| name.provider.is_none());
        named.or_else(any).map(|(_, tariff)| tariff)
    }

    const fn limit(&self) -> Limit {
        Limit {
            requests_per_minute: self.settings.rpm_limit,
            tokens_per_minute: self.settings.tpm_limit,
        }
    }
}

impl Rules {
    pub const fn new(
        project_name: String,
        workspace: Arc<Layer>,
        project: Layer,
        plan: Option<Arc<Plan>>,
    ) -> Self {
        Self { project_name, workspace, project, plan }
    }

    pub fn project_name(&self) -> &str {
        &self.project_name
    }

    pub fn project_limit(&self) -> Limit {
        self.project.limit()
    }

    pub fn workspace_limit(&self) -> Limit {
        self.workspace.limit()
    }

    /// The project's and the workspace's.
    pub fn caps(
        &self,
        project: ProjectId,
        workspace: WorkspaceId,
    ) -> impl Iterator<Item = (Cap, Unpriced)> {
        let of_project = self.project.cap(CapScope::Project(project));
        let of_workspace = self.workspace.cap(CapScope::Workspace(workspace));
        of_project.into_iter().chain(of_workspace)
    }

    /// What the workspace's plan lets it use of the operator's keys in a month.
    pub fn pool_cap(&self, workspace: WorkspaceId) -> Option<Cap> {
        let tokens = self.plan.as_ref()?.pool_tokens_per_month?;
        let scope = CapScope::Pool(workspace);
        let (period, mode) = (CapPeriod::Monthly, CapMode::Strict);
        cap(scope, Some(tokens), period, mode, Unpriced::Allow).map(|(cap, _)| cap)
    }

    /// What a model costs by the word of the project or the workspace.
    pub fn price(&self, provider: &ProviderId, model: &str) -> Option<&Tariff> {
        self.layers().into_iter().find_map(|layer| layer.price(provider, model))
    }

    /// Each of them must name a model for it to be used.
    pub fn lists(&self) -> impl Iterator<Item = &[ModelRef]> {
        self.layers().into_iter().filter_map(|layer| layer.allowed.as_deref())
    }

    /// What a name stands for, where it is an alias.
    pub fn alias(&self, name: &str) -> Option<&str> {
        let mut layers = self.layers().into_iter();
        layers.find_map(|layer| layer.settings.model_aliases.get(name)).map(String::as_str)
    }

    /// Every alias once.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        let [project, workspace] = self.layers().map(|layer| &layer.settings.model_aliases);
        let others = workspace.keys().filter(|name| !project.contains_key(*name));
        project.keys().chain(others).map(String::as_str)
    }

    pub fn default_model(&self) -> Option<&str> {
        self.layers().into_iter().find_map(|layer| layer.settings.default_model.as_deref())
    }

    pub fn fallback_models(&self) -> &[String] {
        let mut lists = self.layers().into_iter().map(|layer| &layer.settings.fallback_models);
        lists.find(|list| !list.is_empty()).map_or(&[], Vec::as_slice)
    }

    pub fn data_policy(&self) -> DataPolicy {
        self.workspace.settings.data_policy.strictest(self.project.settings.data_policy)
    }

    /// Whether a platform key may answer for this cause.
    pub fn may_fall_back(&self, cause: FallbackCause) -> bool {
        self.layers().into_iter().all(|layer| layer.settings.platform_fallback.0.contains(&cause))
    }

    pub fn openrouter_fallthrough(&self) -> bool {
        self.layers().into_iter().all(|layer| layer.settings.openrouter_fallthrough)
    }

    pub const fn use_workspace_keys(&self) -> bool {
        self.project.settings.use_workspace_keys
    }

    /// Whether the workspace's plan lets it use keys of its own.
    pub fn byok(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.byok)
    }

    /// Whether the plan has the operator's keys serve models of this tier. What nobody knows the tier of may be as dear as
    /// any.
    pub fn pool_serves(&self, tier: Option<ModelTier>) -> bool {
        let serves = |tier: ModelTier| self.plan.as_ref().is_some_and(|plan| plan.serves(tier));
        match tier {
            Some(tier) => serves(tier),
            None => ModelTier::ALL.into_iter().all(serves),
        }
    }

    /// The narrower first.
    fn layers(&self) -> [&Layer; 2] {
        [&self.project, &self.workspace]
    }
}

/// `None` without an amount.
pub fn cap(
    scope: CapScope,
    micro_usd: Option<u64>,
    period: CapPeriod,
    mode: CapMode,
    unpriced: Unpriced,
) -> Option<(Cap, Unpriced)> {
    let micro = i64::try_from(micro_usd?).unwrap_or(i64::MAX);
    Some((Cap { scope, amount: PicoUsd::from(MicroUsd(micro)), period, mode }, unpriced))
}

/// An entry without a provider holds for all of them.
pub fn names(list: &[ModelRef], provider: &ProviderId, model: &str) -> bool {
    list.iter().any(|entry| {
        entry.model == model && entry.provider.as_ref().is_none_or(|named| named == provider)
    })
}

/// A name this version cannot read allows nothing.
pub fn models(names: &[String], catalogue: &Catalogue) -> Vec<ModelRef> {
    names.iter().filter_map(|name| ModelRef::parse(name, catalogue)).collect()
}
