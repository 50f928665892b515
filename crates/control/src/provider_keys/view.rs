//! What people see of a provider key: all but the key.

use model::{
    BaseUrl, DataPolicy, ProjectId, Provider, ProviderKeyId, Tier, TierSource, Timestamp,
    WorkspaceId,
};
use serde::Serialize;
use serde_json::{Value, json};
use store::workspace::ProviderKeyRow;
use utoipa::ToSchema;

use crate::{Control, Reader};

#[derive(Serialize, ToSchema)]
pub struct ProviderKeyView {
    pub id: ProviderKeyId,
    /// Only of a key that belongs to one project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    pub provider: String,
    pub provider_name: String,
    /// Custom endpoints only: what their models are addressed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Custom endpoints only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    pub label: Option<String>,
    pub key_prefix: String,
    pub is_default: bool,
    pub is_active: bool,
    pub allowed_models: Option<Vec<String>>,
    pub data_policy: Option<DataPolicy>,
    pub validation_status: &'static str,
    pub detected_tier: Option<Tier>,
    pub tier_source: Option<&'static str>,
    pub health_status: &'static str,
    pub last_health_error: Option<String>,
    pub last_health_check_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Control {
    pub(super) fn view(&self, reader: &Reader, row: ProviderKeyRow) -> ProviderKeyView {
        let provider = self.catalogue.provider(&row.provider);
        let spelled = provider.map_or(row.provider.as_str(), |known| spelled(reader, known));
        ProviderKeyView {
            id: row.id,
            project_id: row.project,
            provider: spelled.to_owned(),
            provider_name: provider
                .map_or_else(|| row.provider.clone(), |known| known.name.clone()),
            name: row.name,
            base_url: row.base_url,
            label: row.label,
            key_prefix: row.key_prefix,
            is_default: row.is_default,
            is_active: row.is_active,
            allowed_models: row.allowed_models,
            data_policy: row.data_policy,
            validation_status: row.validation.as_str(),
            detected_tier: row.tier,
            tier_source: row.tier_source.map(TierSource::as_str),
            health_status: row.health.as_str(),
            last_health_error: row.last_health_error,
            last_health_check_at: row.last_health_check_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
        }
    }
}

/// The routes of a workspace have a spelling of their own, the operator's have not.
fn spelled<'a>(reader: &Reader, provider: &'a Provider) -> &'a str {
    match reader.workspace() {
        WorkspaceId::NIL => provider.id.as_str(),
        _ => provider.workspace_name(),
    }
}

/// What the audit tells of a key: which one it was, and never its value.
pub(super) fn detail<const N: usize>(row: &ProviderKeyRow, more: [(&str, Value); N]) -> Value {
    let which = [
        ("provider", json!(row.provider)),
        ("label", json!(row.label)),
        ("key_prefix", json!(row.key_prefix)),
        ("project", json!(row.project)),
    ];
    which.into_iter().chain(more).collect()
}
