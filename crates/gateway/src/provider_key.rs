//! A provider key as the data plane needs it: still sealed.

use model::{BaseUrl, Catalogue, DataPolicy, ModelRef, ProjectId, Provider, ProviderId};
use store::workspace::{Health, ProviderKeyRow};

use crate::rules::models;

pub struct ProviderKeyEntry {
    pub row: ProviderKeyRow,
    pub provider: ProviderId,
    /// Where it may be used now; differs from the row's origin when the operator moved the provider.
    pub base_url: BaseUrl,
    /// `None` allows all of the provider's.
    pub allowed: Option<Vec<ModelRef>>,
}

impl ProviderKeyEntry {
    /// `None` for a provider that this version's catalogue no longer has.
    pub fn new(row: ProviderKeyRow, catalogue: &Catalogue) -> Option<Self> {
        let provider = catalogue.provider(&row.provider)?;
        let base_url = row.base_url.clone().or_else(|| provider.base_url.clone())?;
        let allowed = row.allowed_models.as_deref().map(|names| models(names, catalogue));
        Some(Self { provider: provider.id.clone(), base_url, allowed, row })
    }

    /// Whether a project may use it at all: another project's is as good as absent.
    pub fn is_for(&self, project: ProjectId) -> bool {
        self.row.project.is_none_or(|owner| owner == project)
    }

    /// A key goes to the origin it was given for and to no other.
    pub fn is_moved(&self) -> bool {
        self.base_url.origin().as_str() != self.row.origin
    }

    /// The last that was heard of it is that it does not work. It may have been mended since.
    pub const fn is_sick(&self) -> bool {
        matches!(self.row.health, Health::Unhealthy | Health::Undecryptable)
    }

    /// What the key's owner has agreed with the provider counts where it is stricter than what everybody gets.
    pub fn promises(&self, provider: &Provider) -> DataPolicy {
        provider.data_policy.strictest(self.row.data_policy.unwrap_or_default())
    }
}
