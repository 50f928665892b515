//! What a model's name can mean here: aliases resolved, its providers found, and those left out that cannot be meant.

use std::sync::Arc;

use model::{ModelRef, Provider, ProviderId, Refusal};

use super::way::{fits, way};
use super::{Ask, Candidate, Draft, Exclusion, Lister, Payer, Reason, Way};
use crate::directory::WorkspaceEntry;
use crate::provider_key::ProviderKeyEntry;
use crate::rules::names;

/// The provider of all endpoints that people bring themselves.
const CUSTOM: &str = "custom";

/// One provider, and the model as that provider knows it.
pub struct Reading<'a> {
    pub provider: &'a Provider,
    pub model: String,
    pub rank: usize,
    /// `None` where the provider is not wanted or does not speak the operation.
    pub way: Option<Way<'a>>,
    /// The custom endpoint that was named, as in `my-vllm/llama`.
    pub endpoint: Option<String>,
    /// What else lists may call it: the endpoint's model as callers write it, or the one that OpenRouter serves here.
    pub also: Option<(ProviderId, String)>,
}

impl<'a> Reading<'a> {
    /// With a key of somebody's.
    pub fn candidate(
        &self,
        way: Way<'a>,
        key: &Arc<ProviderKeyEntry>,
        owner: &Arc<WorkspaceEntry>,
        payer: Payer,
    ) -> Candidate<'a> {
        Candidate {
            provider: self.provider,
            model: self.model.clone(),
            rank: self.rank,
            way,
            key: Arc::clone(key),
            owner: Arc::clone(owner),
            payer,
            tariff: None,
            only_after: Vec::new(),
        }
    }

    pub fn is_in(&self, list: &[ModelRef]) -> bool {
        let also = self.also.as_ref();
        names(list, &self.provider.id, &self.model)
            || also.is_some_and(|(provider, model)| names(list, provider, model))
    }

    /// Whether a key is for this provider, and for this endpoint where one is named.
    pub fn is_on(&self, key: &ProviderKeyEntry) -> bool {
        let named = self.endpoint.as_deref();
        key.provider == self.provider.id
            && named.is_none_or(|named| key.row.name.as_deref() == Some(named))
    }
}

impl<'a> Ask<'_, 'a> {
    /// Those that may be tried, in their order. The others are excluded here.
    pub(super) fn readings(
        &self,
        rank: usize,
        name: &str,
        draft: &mut Draft<'a>,
    ) -> Result<Vec<Reading<'a>>, Refusal> {
        let mut readings = self.meanings(rank, name)?;
        if readings.is_empty() {
            draft.exclusions.push(Exclusion {
                provider: None,
                key: None,
                model: name.to_owned(),
                rank,
                reason: Reason::UnknownModel,
            });
        }
        readings.retain(|reading| draft.is_new(reading));
        readings.sort_by_key(|reading| self.place(reading.provider));
        readings.retain_mut(|reading| match self.judge_model(reading) {
            Ok(()) => {
                self.find_way(reading, draft);
                true
            }
            Err(reason) => {
                draft.exclude(reading, reason);
                false
            }
        });
        Ok(readings)
    }

    /// Every provider the name can mean.
    fn meanings(&self, rank: usize, name: &str) -> Result<Vec<Reading<'a>>, Refusal> {
        let catalogue = self.world.catalogue;
        let reading = |provider: &'a Provider, model: &str| Reading {
            provider,
            model: model.to_owned(),
            rank,
            way: None,
            endpoint: None,
            also: None,
        };
        // What is passed through names the model as its provider does, if it names one at all.
        if let Some(provider) = self.asked.passthrough {
            return Ok(vec![reading(provider, name)]);
        }
        let name = self.standing.rules.alias(name).unwrap_or(name);
        let Some(named) = ModelRef::parse(name, catalogue) else {
            let public = "a model's name is empty, too long or not printable ASCII";
            return Err(Refusal::invalid("model", public));
        };
        if let Some(id) = &named.provider {
            let provider = catalogue.provider(id.as_str());
            return Ok(provider.map(|it| reading(it, &named.model)).into_iter().collect());
        }
        if let Some((endpoint, model)) = self.endpoint(name)
            && let Some(custom) = catalogue.provider(CUSTOM)
        {
            let endpoint = Some(endpoint.to_owned());
            let also = Some((custom.id.clone(), name.to_owned()));
            return Ok(vec![Reading { endpoint, also, ..reading(custom, model) }]);
        }
        let providers = catalogue.providers_of(name);
        Ok(providers.into_iter().map(|provider| reading(provider, name)).collect())
    }

    /// A custom endpoint's name, and the model behind it.
    fn endpoint<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let (endpoint, model) = name.split_once('/')?;
        let is_named = |key: &ProviderKeyEntry| key.row.name.as_deref() == Some(endpoint);
        let is_known = self.reachable().chain(self.pool()).any(|key| is_named(key));
        (!model.is_empty() && is_known).then_some((endpoint, model))
    }

    /// What speaks against a model at a provider, whichever the key.
    fn judge_model(&self, reading: &Reading<'a>) -> Result<(), Reason> {
        let of_key = self.standing.key.and_then(|key| key.allowed_models.as_deref());
        if of_key.is_some_and(|list| !reading.is_in(list)) {
            return Err(Reason::NotAllowed { by: Lister::GatewayKey });
        }
        if self.standing.rules.lists().any(|list| !reading.is_in(list)) {
            return Err(Reason::NotAllowed { by: Lister::Settings });
        }
        let facts = self.world.catalogue.model(&reading.provider.id, &reading.model);
        if fits(facts, self.asked.operation) { Ok(()) } else { Err(Reason::WrongKind) }
    }

    fn find_way(&self, reading: &mut Reading<'a>, draft: &mut Draft<'a>) {
        if !self.wants(reading.provider) {
            return draft.exclude(reading, Reason::NotWanted);
        }
        let facts = self.world.catalogue.model(&reading.provider.id, &reading.model);
        reading.way = way(reading.provider, facts, self.asked.operation);
        if reading.way.is_none() {
            draft.exclude(reading, Reason::NotSpoken);
        }
    }

    /// Where the caller wants a provider among others.
    fn place(&self, provider: &Provider) -> usize {
        let order = &self.asked.wishes.providers.order;
        order.iter().position(|name| provider.answers_to(name)).unwrap_or(order.len())
    }

    pub(super) fn wants(&self, provider: &Provider) -> bool {
        let wished = &self.asked.wishes.providers;
        let is_named = |names: &[String]| names.iter().any(|name| provider.answers_to(name));
        let only_order = wished.no_fallbacks && !wished.order.is_empty();
        wished.only.as_deref().is_none_or(is_named)
            && (!only_order || is_named(&wished.order))
            && !self.ignores(provider)
    }

    pub(super) fn ignores(&self, provider: &Provider) -> bool {
        self.asked.wishes.providers.ignore.iter().any(|name| provider.answers_to(name))
    }
}
