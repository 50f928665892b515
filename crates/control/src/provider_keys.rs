//! The keys a workspace brings: probed before they are kept, sealed for one place and one address, never shown again.

use model::{BaseUrl, Code, Provider, ProviderKeyId, Refusal, Sealed, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::{Health, PROVIDER_KEY_FIELD, ProviderKeyRow, Validation};
use store::{Change, ChangeKind};
use vault::{Place, ProviderKey, WorkspaceSalt};

use crate::{Control, Probed, Reader, Writer, fields, storage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProviderKey {
    pub provider: String,
    #[serde(default)]
    pub api_key: Option<String>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default = "yes")]
    pub validate_before_save: bool,
    #[serde(default)]
    pub base_url: Option<String>,
}

const fn yes() -> bool {
    true
}

#[derive(Serialize)]
pub struct ProviderKeyView {
    pub id: ProviderKeyId,
    pub provider: String,
    pub provider_name: String,
    pub label: Option<String>,
    pub key_prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    pub is_default: bool,
    pub is_active: bool,
    pub validation_status: &'static str,
    pub detected_tier: Option<String>,
    pub tier_source: Option<String>,
    pub health_status: &'static str,
    pub last_health_error: Option<String>,
    pub last_health_check_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// The seal of a new row's first value.
const FIRST_SEAL: u64 = 1;

impl Control {
    pub async fn create_provider_key(
        &self,
        writer: &Writer,
        input: CreateProviderKey,
    ) -> Result<ProviderKeyView, Refusal> {
        let provider = self.provider(&input.provider)?;
        let own_base_url = own_base_url(provider, input.base_url.as_deref())?;
        let base_url = own_base_url.as_ref().or(provider.base_url.as_ref());
        let base_url = base_url.ok_or_else(|| Refusal::internal("a provider without address"))?;
        let label = input.label.as_deref().map(|label| fields::name("label", label)).transpose()?;
        let key = provider_key(provider, input.api_key)?;
        let probed = match input.validate_before_save {
            true => self.probe.probe(provider, base_url, key.as_ref()).await,
            false => Probed { validation: Validation::Unknown, words: None },
        };
        refuse_bad(provider, &probed)?;

        let now = self.clock.now();
        let id = ProviderKeyId::new(&*self.clock, &*self.random);
        let sealed = match &key {
            Some(key) => Some(self.seal(writer, id, key, base_url).await?),
            None => None,
        };
        let healthy = matches!(probed.validation, Validation::Restricted | Validation::Valid);
        let checked = input.validate_before_save;
        let row = ProviderKeyRow {
            id,
            project: None,
            provider: provider.id.to_string(),
            label,
            origin: base_url.origin().to_string(),
            base_url: own_base_url,
            key_version: sealed.as_ref().map(|_| self.vault.active()),
            sealed,
            sealed_version: FIRST_SEAL,
            key_prefix: key.as_ref().map(ProviderKey::shown).unwrap_or_default(),
            is_default: false,
            is_active: true,
            validation: probed.validation,
            health: if healthy { Health::Healthy } else { Health::Unknown },
            last_health_error: probed.words.filter(|_| !healthy),
            last_health_check_at: checked.then_some(now),
            last_used_at: None,
            created_at: now,
        };
        let is_default = self.insert_provider_key(writer, provider, &row).await?;
        Ok(self.view(ProviderKeyRow { is_default, ..row }))
    }

    /// For this row, this field and this address, and no other.
    async fn seal(
        &self,
        writer: &Writer,
        id: ProviderKeyId,
        key: &ProviderKey,
        base_url: &BaseUrl,
    ) -> Result<Sealed, Refusal> {
        let workspace = writer.workspace();
        let row = self.store.workspace(workspace).row().await.map_err(storage)?;
        let salt = row.and_then(|row| WorkspaceSalt::from_bytes(&row.salt));
        let salt = salt.ok_or_else(|| Refusal::internal("a workspace without a usable salt"))?;
        let place = Place {
            workspace,
            salt: &salt,
            secret_id: &id.to_string(),
            field: PROVIDER_KEY_FIELD,
            sealed_version: FIRST_SEAL,
            origin: base_url.origin(),
        };
        self.vault.seal_provider_key(key, &place).map_err(Refusal::internal)
    }

    /// Whether it became the default.
    async fn insert_provider_key(
        &self,
        writer: &Writer,
        provider: &Provider,
        row: &ProviderKeyRow,
    ) -> Result<bool, Refusal> {
        let workspace = writer.workspace();
        let mut write = self.store.write().await.map_err(storage)?;
        if let Some(version) = row.key_version
            && !write.hold_active(version).await.map_err(storage)?
        {
            let public = "the master key is being rotated, try again shortly";
            return Err(Refusal::new(Code::StorageUnavailable, public).retry_after(1));
        }
        let mut inside = write.workspace(workspace);
        let is_default = inside.insert_provider_key(&provider.id, row).await.map_err(storage)?;
        let detail = json!({ "provider": provider.id, "key_prefix": row.key_prefix });
        write.audit(writer.actor(), Some(workspace), "provider_key.created", row.id, detail);
        write.changed(workspace_changed(writer));
        write.commit(row.created_at).await.map_err(storage)?;
        Ok(is_default)
    }

    pub async fn provider_keys(&self, reader: &Reader) -> Result<Vec<ProviderKeyView>, Refusal> {
        let rows = self.store.workspace(reader.workspace()).provider_keys().await;
        Ok(rows.map_err(storage)?.into_iter().map(|row| self.view(row)).collect())
    }

    pub async fn delete_provider_key(&self, writer: &Writer, id: &str) -> Result<(), Refusal> {
        let id: ProviderKeyId = id.parse().map_err(|_| Refusal::not_found())?;
        let workspace = writer.workspace();
        let mut write = self.store.write().await.map_err(storage)?;
        let deleted = write.workspace(workspace).delete_provider_key(id).await.map_err(storage)?;
        let provider = deleted.ok_or_else(Refusal::not_found)?;
        let detail = json!({ "provider": provider });
        write.audit(writer.actor(), Some(workspace), "provider_key.deleted", id, detail);
        write.changed(workspace_changed(writer));
        write.commit(self.clock.now()).await.map_err(storage)
    }

    fn provider(&self, name: &str) -> Result<&Provider, Refusal> {
        self.catalogue.provider(name).ok_or_else(|| {
            let known: Vec<_> =
                self.catalogue.providers().iter().map(Provider::workspace_name).collect();
            let public = format!("unknown provider: known are {}", known.join(", "));
            Refusal::invalid("provider", public)
        })
    }

    fn view(&self, row: ProviderKeyRow) -> ProviderKeyView {
        let provider = self.catalogue.provider(&row.provider);
        let name = provider.map_or(row.provider.as_str(), Provider::workspace_name).to_owned();
        let provider_name = provider.map_or_else(|| row.provider.clone(), |p| p.name.clone());
        ProviderKeyView {
            id: row.id,
            provider: name,
            provider_name,
            label: row.label,
            key_prefix: row.key_prefix,
            base_url: row.base_url,
            is_default: row.is_default,
            is_active: row.is_active,
            validation_status: row.validation.as_str(),
            detected_tier: None,
            tier_source: None,
            health_status: row.health.as_str(),
            last_health_error: row.last_health_error,
            last_health_check_at: row.last_health_check_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
        }
    }
}

fn workspace_changed(writer: &Writer) -> Change {
    let workspace = writer.workspace();
    Change {
        kind: ChangeKind::Workspace,
        workspace: Some(workspace),
        subject: workspace.to_string(),
    }
}

/// Tenants name hosts for custom endpoints only; a provider's own address is the operator's to move.
fn own_base_url(provider: &Provider, given: Option<&str>) -> Result<Option<BaseUrl>, Refusal> {
    match (provider.base_url.is_some(), given) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(Refusal::invalid(
            "base_url",
            "base_url goes with provider \"custom\" only: this provider's address is known",
        )),
        (false, None) => Err(Refusal::invalid("base_url", "a custom provider needs its base_url")),
        (false, Some(text)) => fields::base_url(text).map(Some),
    }
}

fn provider_key(
    provider: &Provider,
    given: Option<String>,
) -> Result<Option<ProviderKey>, Refusal> {
    let Some(text) = given.filter(|text| !text.is_empty()) else {
        if provider.base_url.is_none() {
            return Ok(None);
        }
        return Err(Refusal::invalid("api_key", "api_key is missing"));
    };
    let key = ProviderKey::parse(text)
        .map_err(|error| Refusal::invalid("api_key", format!("api_key: {error}")))?;
    Ok(Some(key))
}

/// A key its provider refuses is stored in no form; one that could not be asked about is not stored either.
fn refuse_bad(provider: &Provider, probed: &Probed) -> Result<(), Refusal> {
    let words = probed.words.as_deref().unwrap_or("no further reason was given");
    match probed.validation {
        Validation::Invalid => Err(Refusal {
            param: Some("api_key"),
            ..Refusal::new(
                Code::ProviderRejectedKey,
                format!("{} rejected this key (invalid): {words}", provider.name),
            )
        }),
        Validation::Network => {
            let public = format!(
                "{} could not be reached to check this key: {words}; send \
                 \"validate_before_save\": false to keep it unchecked",
                provider.name
            );
            let refusal = Refusal::new(Code::UpstreamUnavailable, public);
            Err(Refusal { status: Some(BAD_GATEWAY), ..refusal })
        }
        _ => Ok(()),
    }
}

const BAD_GATEWAY: u16 = 502;
