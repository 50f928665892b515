//! What is sent to make a provider key, judged before anybody is asked about it.

use model::{BaseUrl, DataPolicy, ProjectId, Provider, Refusal, Tier, TierSource};
use serde::Deserialize;
use store::workspace::ProviderKeyRow;
use utoipa::ToSchema;
use vault::ProviderKey;

use crate::models::Models;
use crate::{Control, Reader, fields};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProviderKey {
    pub provider: String,
    /// Optional for a custom endpoint that asks for none.
    #[serde(default)]
    pub api_key: Option<String>,
    #[serde(default)]
    pub label: Option<String>,
    #[serde(default = "yes")]
    pub validate_before_save: bool,
    /// Custom endpoints only: what their models are addressed by, as in `name/model`.
    #[serde(default)]
    pub name: Option<String>,
    /// Custom endpoints only.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Custom endpoints only: the one project that may use it.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    #[serde(default)]
    pub selected_tier: Option<String>,
    #[serde(default)]
    pub is_enterprise: bool,
    #[serde(default)]
    pub allowed_models: Option<Vec<String>>,
    /// What the key's owner has agreed with the provider.
    #[serde(default)]
    pub data_policy: Option<DataPolicy>,
}

pub(crate) const fn yes() -> bool {
    true
}

/// A key to be made, judged.
pub(crate) struct NewKey<'a> {
    pub provider: &'a Provider,
    pub project: Option<ProjectId>,
    pub name: Option<String>,
    /// Custom endpoints only.
    pub own_base_url: Option<BaseUrl>,
    pub value: NewValue,
    pub wishes: Wishes,
}

/// A value that was sent, and whether its provider is asked about it before it is kept.
pub(crate) struct NewValue {
    pub key: Option<ProviderKey>,
    pub validate: bool,
}

/// What may be said of a key when it is made or replaced. What is absent stays as it is.
#[derive(Default)]
pub(crate) struct Wishes {
    pub label: Option<String>,
    pub tier: Option<Tier>,
    pub allowed_models: Option<Vec<String>>,
    pub data_policy: Option<DataPolicy>,
}

impl CreateProviderKey {
    /// Nothing but the key, for faces that say no more.
    pub fn new(provider: impl Into<String>, api_key: String) -> Self {
        Self {
            provider: provider.into(),
            api_key: Some(api_key),
            label: None,
            validate_before_save: true,
            name: None,
            base_url: None,
            project_id: None,
            selected_tier: None,
            is_enterprise: false,
            allowed_models: None,
            data_policy: None,
        }
    }
}

impl NewKey<'_> {
    pub fn base_url(&self) -> Result<&BaseUrl, Refusal> {
        effective(self.provider, self.own_base_url.as_ref())
    }
}

impl Wishes {
    pub fn apply(&self, row: &mut ProviderKeyRow) {
        if let Some(label) = &self.label {
            row.label = Some(label.clone());
        }
        if let Some(tier) = &self.tier {
            row.tier = Some(tier.clone());
            row.tier_source = Some(TierSource::UserSpecified);
        }
        if let Some(models) = &self.allowed_models {
            row.allowed_models = Some(models.clone());
        }
        if let Some(policy) = self.data_policy {
            row.data_policy = Some(policy);
        }
    }
}

impl Control {
    pub(crate) async fn new_key(
        &self,
        reader: &Reader,
        input: CreateProviderKey,
    ) -> Result<NewKey<'_>, Refusal> {
        let provider = self.provider(&input.provider)?;
        let project = self.project_of(reader, provider, input.project_id).await?;
        let wishes = Wishes {
            label: input.label.as_deref().map(label).transpose()?,
            tier: chosen_tier(provider, input.selected_tier.as_deref(), input.is_enterprise)?,
            allowed_models: input.allowed_models,
            data_policy: input.data_policy,
        };
        self.check_allowed(wishes.allowed_models.as_deref())?;
        Ok(NewKey {
            provider,
            project,
            name: input.name.map(|name| self.endpoint_name(provider, name)).transpose()?,
            own_base_url: own_base_url(provider, input.base_url.as_deref())?,
            value: NewValue {
                key: provider_key(provider, input.api_key)?,
                validate: input.validate_before_save,
            },
            wishes,
        })
    }

    pub(crate) fn provider(&self, name: &str) -> Result<&Provider, Refusal> {
        self.catalogue.provider(name).ok_or_else(|| {
            let known: Vec<_> = self.catalogue.providers().iter().map(|p| p.id.as_str()).collect();
            let public = format!("unknown provider: known are {}", known.join(", "));
            Refusal::invalid("provider", public)
        })
    }

    pub(crate) fn check_allowed(&self, models: Option<&[String]>) -> Result<(), Refusal> {
        self.check_models(&Models { allowed: models, default: None, fallback: &[] })
    }

    async fn project_of(
        &self,
        reader: &Reader,
        provider: &Provider,
        project: Option<ProjectId>,
    ) -> Result<Option<ProjectId>, Refusal> {
        let Some(id) = project else { return Ok(None) };
        if !provider.needs_base_url() {
            let public = format!(
                "project_id goes with provider \"custom\" only: a project's own key for this \
                 provider is set with PUT /api/v1/projects/{id}/byok-keys/{}",
                provider.id
            );
            return Err(Refusal::invalid("project_id", public));
        }
        let found = self.store.workspace(reader.workspace()).project(id).await?;
        if found.is_none() {
            let public = "project_id names no project of this workspace";
            return Err(Refusal::invalid("project_id", public));
        }
        Ok(Some(id))
    }

    /// It stands before the slash of `name/model`, where providers' names stand too.
    fn endpoint_name(&self, provider: &Provider, name: String) -> Result<String, Refusal> {
        if !provider.needs_base_url() {
            let public = "name goes with provider \"custom\" only: label is for people";
            return Err(Refusal::invalid("name", public));
        }
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
            let public = format!(
                "name has 1 to {NAME_BYTES_MAX} lower-case letters, digits, \"-\" and \"_\""
            );
            return Err(Refusal::invalid("name", public));
        }
        if self.catalogue.provider(&name).is_some() {
            return Err(Refusal::invalid("name", "name is a provider's: take another"));
        }
        Ok(name)
    }
}

const NAME_BYTES_MAX: usize = 64;

/// Where a key for this provider may be sent now.
pub(super) fn effective<'a>(
    provider: &'a Provider,
    own: Option<&'a BaseUrl>,
) -> Result<&'a BaseUrl, Refusal> {
    let base_url = own.or(provider.base_url.as_ref());
    base_url.ok_or_else(|| Refusal::internal("a provider without address"))
}

pub(crate) fn label(text: &str) -> Result<String, Refusal> {
    fields::name("label", text)
}

/// What somebody says by hand; `None` leaves it to detection.
fn chosen_tier(
    provider: &Provider,
    selected: Option<&str>,
    is_enterprise: bool,
) -> Result<Option<Tier>, Refusal> {
    let selected = selected.map(|name| tier(provider, "selected_tier", name)).transpose()?;
    match (selected, is_enterprise) {
        (selected, false) => Ok(selected),
        (Some(tier), true) if tier.as_str() != Tier::ENTERPRISE => {
            let public = "is_enterprise and another selected_tier contradict each other";
            Err(Refusal::invalid("selected_tier", public))
        }
        (_, true) => Ok(Some(Tier::enterprise())),
    }
}

pub(super) fn tier(provider: &Provider, field: &'static str, name: &str) -> Result<Tier, Refusal> {
    provider.tier(name).ok_or_else(|| {
        let known = provider.tiers.iter().map(|tier| tier.name.as_str());
        let known: Vec<_> = known.chain([Tier::ENTERPRISE]).collect();
        let public = format!("{field}: tiers of {} are {}", provider.name, known.join(", "));
        Refusal::invalid(field, public)
    })
}

/// Tenants name hosts for custom endpoints only; a provider's own address is the operator's to move.
fn own_base_url(provider: &Provider, given: Option<&str>) -> Result<Option<BaseUrl>, Refusal> {
    match (provider.needs_base_url(), given) {
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Refusal::invalid(
            "base_url",
            "base_url goes with provider \"custom\" only: this provider's address is known",
        )),
        (true, None) => Err(Refusal::invalid("base_url", "a custom provider needs its base_url")),
        (true, Some(text)) => fields::base_url(text).map(Some),
    }
}

fn provider_key(
    provider: &Provider,
    given: Option<String>,
) -> Result<Option<ProviderKey>, Refusal> {
    match given.filter(|text| !text.is_empty()) {
        Some(text) => usable(text).map(Some),
        None if provider.needs_key() => Err(Refusal::invalid("api_key", "api_key is missing")),
        None => Ok(None),
    }
}

pub(super) fn usable(text: String) -> Result<ProviderKey, Refusal> {
    ProviderKey::parse(text)
        .map_err(|error| Refusal::invalid("api_key", format!("api_key: {error}")))
}
