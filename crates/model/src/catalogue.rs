//! The providers and models we know: facts read from `catalogue/*.toml`, never policy.

mod check;
mod endpoint;
mod limits;
mod model;
mod price_rows;
mod provider;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::price::Surcharges;
use crate::{BaseUrl, ModelTier, Tariff, Timestamp};

pub use endpoint::{Endpoint, Quirks, Thinking, Traits};
pub use limits::{
    ALL_MODELS, Counts, ModelFamily, Per, ProviderTier, RateWindow, ResetForm, ResetHeader,
    TierLimits, TierSign,
};
pub use model::{Model, Source, Status};
pub use price_rows::{PriceRow, PriceRows};
pub use provider::{AuthHeader, ProbeCall, Provider};

pub use crate::ModelKind;

/// A provider's canonical name. Only a catalogue makes one, from any of the provider's spellings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(Arc<str>);

impl ProviderId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("two providers are called \"{0}\"")]
    DuplicateName(String),
    #[error("provider \"{provider}\": {reason}")]
    Flawed { provider: ProviderId, reason: String },
    #[error("model \"{provider}/{model}\": {reason}")]
    FlawedModel { provider: ProviderId, model: String, reason: String },
    #[error("the catalogue does not parse: {0}")]
    Parse(#[from] toml::de::Error),
    #[error("models are listed for \"{0}\", which is no provider")]
    UnknownProvider(String),
}

/// Providers in the order of the file, and the models of each.
#[derive(Clone, Debug)]
pub struct Catalogue {
    providers: Vec<Provider>,
    models: BTreeMap<ProviderId, BTreeMap<String, Model>>,
    sources: BTreeMap<char, Source>,
    surcharges: BTreeMap<ProviderId, Arc<Surcharges>>,
    image_tokens: BTreeMap<ProviderId, u64>,
    /// What the prices that come with it are called.
    version: Arc<str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvidersFile {
    provider: Vec<Provider>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ModelsFile {
    sources: BTreeMap<char, Source>,
    surcharges: BTreeMap<ProviderId, Arc<Surcharges>>,
    image_tokens: BTreeMap<ProviderId, u64>,
    models: BTreeMap<ProviderId, BTreeMap<String, Model>>,
}

impl Catalogue {
    /// What comes with the binary.
    pub fn shipped() -> Result<Self, CatalogueError> {
        Self::parse(
            include_str!("../../../catalogue/providers.toml"),
            include_str!("../../../catalogue/models.toml"),
        )
    }

    pub fn parse(providers: &str, models: &str) -> Result<Self, CatalogueError> {
        let ProvidersFile { provider: providers } = toml::from_str(providers)?;
        refuse_ambiguous(&providers)?;
        for provider in &providers {
            let flawed = |reason| CatalogueError::Flawed { provider: provider.id.clone(), reason };
            check::flawless(provider).map_err(flawed)?;
        }
        let ModelsFile { sources, surcharges, image_tokens, models } = toml::from_str(models)?;
        let known = |id: &ProviderId| {
            let provider = providers.iter().find(|provider| provider.id == *id);
            provider.ok_or_else(|| CatalogueError::UnknownProvider(id.to_string()))
        };
        for (id, surcharges) in &surcharges {
            known(id)?;
            check::models::surcharges(surcharges)
                .map_err(|reason| CatalogueError::Flawed { provider: id.clone(), reason })?;
        }
        for (id, tokens) in &image_tokens {
            known(id)?;
            check::models::picture(*tokens)
                .map_err(|reason| CatalogueError::Flawed { provider: id.clone(), reason })?;
        }
        for (id, models) in &models {
            let provider = known(id)?;
            for (name, model) in models {
                check::models::flawless(provider, name, model, &sources).map_err(|reason| {
                    let (provider, model) = (id.clone(), name.clone());
                    CatalogueError::FlawedModel { provider, model, reason }
                })?;
            }
        }
        let newest = sources.values().map(|source| source.as_of).max();
        let version = newest.map_or("catalogue".into(), |day| format!("catalogue@{day}").into());
        Ok(Self { providers, models, sources, surcharges, image_tokens, version })
    }

    /// Sends a provider's calls elsewhere: the operator's word. `false` if there is no such provider.
    pub fn override_base_url(&mut self, name: &str, base_url: BaseUrl) -> bool {
        let Some(provider) = self.providers.iter_mut().find(|p| p.answers_to(name)) else {
            return false;
        };
        provider.base_url = Some(base_url);
        true
    }

    /// By any of its spellings, in any case.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.answers_to(name))
    }

    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// `None` for a model we do not know, which a provider may have all the same.
    pub fn model(&self, provider: &ProviderId, name: &str) -> Option<&Model> {
        self.models.get(provider)?.get(name)
    }

    /// `None` where no price is known, which is not free.
    pub fn tariff(&self, provider: &ProviderId, model: &str, at: Timestamp) -> Option<Tariff> {
        let model = self.model(provider, model)?;
        let price = model.price.as_ref()?.at(at);
        let version = model.priced_by.as_ref().unwrap_or(&self.version);
        Some(Tariff::new(price, self.surcharges.get(provider).cloned(), Arc::clone(version)))
    }

    /// The most that one picture in a call's input counts as.
    pub fn image_tokens(&self, provider: &ProviderId) -> u64 {
        self.image_tokens.get(provider).copied().unwrap_or(IMAGE_TOKENS)
    }

    /// How dear a model is; `None` where that is unknown.
    pub fn model_tier(&self, provider: &ProviderId, name: &str) -> Option<ModelTier> {
        self.model(provider, name)?.tier()
    }

    /// Where a model's facts were read.
    pub fn sources(&self, model: &Model) -> impl Iterator<Item = &Source> {
        model.sources.chars().filter_map(|letter| self.sources.get(&letter))
    }

    pub fn models(&self, provider: &ProviderId) -> impl Iterator<Item = (&str, &Model)> {
        self.models.get(provider).into_iter().flatten().map(|(name, model)| (name.as_str(), model))
    }

    /// The providers that list a bare model name, in the order of the file.
    pub fn providers_of(&self, model: &str) -> Vec<&Provider> {
        let lists = |provider: &&Provider| {
            self.models.get(&provider.id).is_some_and(|models| models.contains_key(model))
        };
        self.providers.iter().filter(lists).collect()
    }
}

/// No two providers may answer to one name, in whatever case it is written.
fn refuse_ambiguous(providers: &[Provider]) -> Result<(), CatalogueError> {
    let mut owners = BTreeMap::new();
    for (number, provider) in providers.iter().enumerate() {
        for spelling in provider.spellings() {
            if *owners.entry(spelling.to_ascii_lowercase()).or_insert(number) != number {
                return Err(CatalogueError::DuplicateName(spelling.to_owned()));
            }
        }
    }
    Ok(())
}

/// Where the catalogue does not say it: more than any model is known to take.
const IMAGE_TOKENS: u64 = 50_000;

#[cfg(test)]
mod tests;
