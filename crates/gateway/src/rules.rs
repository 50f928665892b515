//! What the settings of a workspace and of a project allow together: the narrower counts. Knows no request.

use model::settings::Settings;
use model::{Catalogue, DataPolicy, ModelRef, ProjectId, Provider, ProviderId};

use crate::provider_key::ProviderKeyEntry;

/// Of one project in its workspace.
pub struct Rules {
    /// A model must be in each of them.
    allowed: Vec<Vec<ModelRef>>,
    data_policy: DataPolicy,
    use_workspace_keys: bool,
    /// Whether the workspace's plan lets it use keys of its own.
    byok: bool,
}

impl Rules {
    pub fn new(
        workspace: &Settings,
        project: &Settings,
        byok: bool,
        catalogue: &Catalogue,
    ) -> Self {
        let lists = [&workspace.allowed_models, &project.allowed_models];
        Self {
            allowed: lists.into_iter().flatten().map(|list| models(list, catalogue)).collect(),
            data_policy: workspace.data_policy.strictest(project.data_policy),
            use_workspace_keys: project.use_workspace_keys,
            byok,
        }
    }

    pub fn allows_model(&self, provider: &ProviderId, model: &str) -> bool {
        self.allowed.iter().all(|list| names(list, provider, model))
    }

    /// Whether a key may be used for a model, or why not.
    pub fn allow_key(
        &self,
        key: &ProviderKeyEntry,
        provider: &Provider,
        model: &str,
    ) -> Result<(), Denial> {
        if !self.byok {
            return Err(Denial::Plan);
        }
        if key.row.project.is_none() && !self.use_workspace_keys {
            return Err(Denial::WorkspaceKeysOff);
        }
        if key.allowed.as_ref().is_some_and(|list| !names(list, &provider.id, model)) {
            return Err(Denial::Model);
        }
        // What the key's owner has agreed with the provider counts where it is stricter.
        let promised = provider.data_policy.strictest(key.row.data_policy.unwrap_or_default());
        if promised < self.data_policy {
            return Err(Denial::DataPolicy { promised, required: self.data_policy });
        }
        Ok(())
    }

    /// Whose key may be used at all.
    pub fn reaches(&self, key: &ProviderKeyEntry, project: ProjectId) -> bool {
        key.row.project.is_none_or(|owner| owner == project)
    }
}

/// Why a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    DataPolicy { promised: DataPolicy, required: DataPolicy },
    Model,
    Plan,
    WorkspaceKeysOff,
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
