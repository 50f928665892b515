//! The one key a project has for a provider: a face of the same operations, found by the provider's name instead of an id.

use model::settings::Patch;
use model::{Code, DataPolicy, ProjectId, Provider, Refusal, Timestamp};
use serde::{Deserialize, Serialize};
use store::workspace::{Health, ProviderKeyRow};
use utoipa::ToSchema;

use crate::provider_keys::{CreateProviderKey, NewKey, yes};
use crate::sealing::TRIES_MAX;
use crate::{Control, Expected, Page, PageWish, Reader, Versioned, Writer, patch};

/// What is absent beside the key stays as it is when the key is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetByokKey {
    pub api_key: String,
    #[serde(default = "yes")]
    pub validate_before_save: bool,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default)]
    pub selected_tier: Option<String>,
    #[serde(default)]
    pub is_enterprise: bool,
    #[serde(default)]
    pub allowed_models: Option<Vec<String>>,
    #[serde(default)]
    pub data_policy: Option<DataPolicy>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ByokKeyFields {
    pub is_active: bool,
}

impl Default for ByokKeyFields {
    fn default() -> Self {
        Self { is_active: true }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ByokKeyView {
    pub project_id: Option<ProjectId>,
    pub provider: String,
    pub api_key_prefix: String,
    pub is_active: bool,
    /// `healthy`, `unhealthy` or `unknown`.
    pub health_status: &'static str,
    pub last_health_error: Option<String>,
    pub last_health_check_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Control {
    pub async fn byok_keys(
        &self,
        reader: &Reader,
        wish: PageWish,
    ) -> Result<Page<ByokKeyView>, Refusal> {
        let project = project(reader)?;
        let mut rows = self.store.workspace(reader.workspace()).provider_keys().await?;
        rows.retain(|row| row.project == Some(project) && row.base_url.is_none());
        Ok(wish.cut(rows, |row| row.id.to_string(), view))
    }

    /// Makes it, or gives the one there is another value.
    pub async fn set_byok_key(
        &self,
        writer: &Writer,
        provider: &str,
        input: SetByokKey,
        expected: Expected,
    ) -> Result<Versioned<ByokKeyView>, Refusal> {
        let project = project(writer)?;
        let provider = self.byok_provider(provider)?;
        self.require_byok(writer.workspace()).await?;
        let new = self.new_byok_key(writer, project, provider, input).await?;
        self.count_key_operation(writer).await?;
        let verdict = self.vouch(provider, new.base_url()?, &new.value).await?;
        let workspace = self.store.workspace(writer.workspace());
        for _ in 0..TRIES_MAX {
            let set = match workspace.provider_key_of_project(project, provider.id.as_str()).await?
            {
                Some(row) => {
                    let NewKey { value, wishes, .. } = &new;
                    self.put_value(writer, row.id, value, &verdict, wishes, expected).await
                }
                None if expected.0.is_some() => {
                    let public = "there is no key to replace";
                    return Err(Refusal::new(Code::VersionConflict, public));
                }
                None => {
                    let row = self.sealed_row(writer, &new, &verdict).await?;
                    let kept = row.clone();
                    let view = |row| Ok(view(row));
                    let inserted = self.insert_provider_key(writer, row, None, view).await;
                    inserted.map(|_| kept)
                }
            };
            match set {
                // Somebody else was quicker to make it, or to delete it.
                Err(refusal) if matches!(refusal.code, Code::Conflict | Code::NotFound) => {}
                set => return set.map(versioned),
            }
        }
        Err(Refusal::new(Code::Conflict, "this key is being changed by others at the same time"))
    }

    pub async fn change_byok_key(
        &self,
        writer: &Writer,
        provider: &str,
        change: Patch,
        expected: Expected,
    ) -> Result<Versioned<ByokKeyView>, Refusal> {
        patch::apply(&ByokKeyFields::default(), change.clone())?;
        let row = self.find_byok_key(writer, provider).await?;
        let row = self.change_provider_key_row(writer, row.id, change, expected).await?;
        Ok(versioned(row))
    }

    /// Asks the provider about the stored key.
    pub async fn test_byok_key(
        &self,
        writer: &Writer,
        provider: &str,
    ) -> Result<Versioned<ByokKeyView>, Refusal> {
        self.byok_provider(provider)?;
        self.count_key_operation(writer).await?;
        let row = self.find_byok_key(writer, provider).await?;
        let row = self.recheck_provider_key(writer.doer(), writer.workspace(), row.id).await?;
        Ok(versioned(row))
    }

    pub async fn delete_byok_key(&self, writer: &Writer, provider: &str) -> Result<(), Refusal> {
        self.byok_provider(provider)?;
        self.count_key_operation(writer).await?;
        let row = self.find_byok_key(writer, provider).await?;
        self.delete_provider_key_row(writer, row.id).await
    }

    async fn find_byok_key(
        &self,
        reader: &Reader,
        provider: &str,
    ) -> Result<ProviderKeyRow, Refusal> {
        let project = project(reader)?;
        let provider = self.byok_provider(provider)?;
        let workspace = self.store.workspace(reader.workspace());
        let row = workspace.provider_key_of_project(project, provider.id.as_str()).await?;
        row.ok_or_else(Refusal::not_found)
    }

    fn byok_provider(&self, name: &str) -> Result<&Provider, Refusal> {
        let provider = self.provider(name)?;
        if provider.needs_base_url() {
            let public = "a custom endpoint is no BYOK provider: make it with POST \
                          /v1/workspaces/{workspace}/provider-keys {\"provider\": \"custom\", \
                          \"name\", \"base_url\", \"api_key\", \"project_id\"}";
            return Err(Refusal::invalid("provider", public));
        }
        Ok(provider)
    }

    /// Judged as any other; only whose it is differs.
    async fn new_byok_key(
        &self,
        writer: &Writer,
        project: ProjectId,
        provider: &Provider,
        input: SetByokKey,
    ) -> Result<NewKey<'_>, Refusal> {
        let input = CreateProviderKey {
            label: input.label,
            validate_before_save: input.validate_before_save,
            selected_tier: input.selected_tier,
            is_enterprise: input.is_enterprise,
            allowed_models: input.allowed_models,
            data_policy: input.data_policy,
            ..CreateProviderKey::new(provider.id.as_str(), input.api_key)
        };
        let new = self.new_key(writer, input).await?;
        Ok(NewKey { project: Some(project), ..new })
    }
}

fn project(reader: &Reader) -> Result<ProjectId, Refusal> {
    reader.project().ok_or_else(|| Refusal::internal("a right to no project"))
}

fn versioned(row: ProviderKeyRow) -> Versioned<ByokKeyView> {
    Versioned { version: row.version, view: view(row) }
}

fn view(row: ProviderKeyRow) -> ByokKeyView {
    ByokKeyView {
        project_id: row.project,
        provider: row.provider,
        api_key_prefix: row.key_prefix,
        is_active: row.is_active,
        health_status: health(row.health),
        last_health_error: row.last_health_error,
        last_health_check_at: row.last_health_check_at,
        last_used_at: row.last_used_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// This face knows three words; the reason says the rest.
const fn health(health: Health) -> &'static str {
    match health {
        Health::OriginChanged | Health::Undecryptable => Health::Unhealthy.as_str(),
        Health::Healthy | Health::Unhealthy | Health::Unknown => health.as_str(),
    }
}
