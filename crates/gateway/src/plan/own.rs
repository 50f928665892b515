//! The caller's own keys for a model: the project's, the workspace's default, its others.

use std::sync::Arc;

use model::settings::FallbackCause;
use model::{Tariff, TierSource};

use super::openrouter::OPENROUTER;
use super::reading::Reading;
use super::{Ask, Candidate, Draft, Payer, Reason, Way};
use crate::asked::Pricing;
use crate::directory::WorkspaceEntry;
use crate::headroom::requests_per_minute;
use crate::provider_key::ProviderKeyEntry;

/// What the own keys of a model come to, as far as the platform's need to know.
#[derive(Default)]
pub struct Own {
    is_planned: bool,
    /// Of those that are there and cannot answer now.
    causes: Vec<FallbackCause>,
}

impl Own {
    /// Whether there is no own key at all; one that is paused or may not be used is as good as none.
    pub fn is_missing(&self) -> bool {
        !self.is_planned && self.causes.is_empty()
    }

    fn note(&mut self, judged: &Result<(), Reason>) {
        match judged {
            Ok(()) => self.is_planned = true,
            Err(reason) => self.causes.extend(reason.cause()),
        }
    }

    /// What must become of the own keys for a platform key to answer, or the cause for which none may.
    pub fn only_after(
        &self,
        may: impl Fn(FallbackCause) -> bool,
    ) -> Result<Vec<FallbackCause>, FallbackCause> {
        use FallbackCause::{Exhausted, Failed, Missing, Unavailable};
        let causes = if self.is_missing() { &[Missing] } else { self.causes.as_slice() };
        if let Some(cause) = causes.iter().find(|cause| !may(**cause)) {
            return Err(*cause);
        }
        if !self.is_planned {
            return Ok(Vec::new());
        }
        let after: Vec<_> =
            [Exhausted, Failed, Unavailable].into_iter().filter(|c| may(*c)).collect();
        if after.is_empty() { Err(Failed) } else { Ok(after) }
    }
}

impl<'a> Ask<'_, 'a> {
    pub(super) fn own_keys(&self, reading: &Reading<'a>, own: &mut Own, draft: &mut Draft<'a>) {
        let Some(way) = reading.way else { return };
        let mut keys: Vec<_> = self.reachable().filter(|key| reading.is_on(key)).collect();
        if keys.is_empty() {
            let reason = if self.pin.is_some() { Reason::NotPinned } else { Reason::NoKey };
            draft.exclude(reading, reason);
        }
        if self.is_ambiguous(reading, &keys) {
            return draft.exclude(reading, Reason::Ambiguous);
        }
        sort(&mut keys);
        for key in keys {
            let owner = self.standing.workspace;
            let candidate = self.candidate(reading, way, key, owner, Payer::Byok);
            let judged = self.judge_own(key, reading, candidate.tariff.as_ref());
            own.note(&judged);
            draft.note(candidate, judged);
        }
    }

    /// Several endpoints of people's own, and nothing that says which.
    fn is_ambiguous(&self, reading: &Reading<'a>, keys: &[&Arc<ProviderKeyEntry>]) -> bool {
        let mut pairs = keys.windows(2);
        reading.provider.needs_base_url()
            && self.pin.is_none()
            && pairs.any(|pair| matches!(pair, [one, next] if one.base_url != next.base_url))
    }

    /// With its price: the workspace's own word holds for what the workspace pays.
    pub(super) fn candidate(
        &self,
        reading: &Reading<'a>,
        way: Way<'a>,
        key: &Arc<ProviderKeyEntry>,
        owner: &Arc<WorkspaceEntry>,
        payer: Payer,
    ) -> Candidate<'a> {
        let (provider, model) = (&reading.provider.id, &reading.model);
        let own = || self.standing.rules.price(provider, model).cloned();
        let own = (payer == Payer::Byok).then(own).flatten();
        let listed = || self.world.catalogue.tariff(provider, model, self.world.now);
        let tariff = own.or_else(listed);
        Candidate { tariff, ..reading.candidate(way, key, owner, payer) }
    }

    fn judge_own(
        &self,
        key: &ProviderKeyEntry,
        reading: &Reading<'a>,
        tariff: Option<&Tariff>,
    ) -> Result<(), Reason> {
        let rules = self.standing.rules;
        if self.asked.wishes.only_platform {
            return Err(Reason::OnlyPlatform);
        }
        if self.pin.is_some_and(|pin| pin != key.row.id) {
            return Err(Reason::NotPinned);
        }
        if !rules.byok() {
            return Err(Reason::PlanForbids);
        }
        if key.row.project.is_none() && !rules.use_workspace_keys() {
            return Err(Reason::WorkspaceKeysOff);
        }
        self.judge(key, reading, tariff)
    }

    /// What holds for any key, whoever owns it.
    pub(super) fn judge(
        &self,
        key: &ProviderKeyEntry,
        reading: &Reading<'a>,
        tariff: Option<&Tariff>,
    ) -> Result<(), Reason> {
        if key.allowed.as_ref().is_some_and(|list| !reading.is_in(list)) {
            return Err(Reason::KeyModels);
        }
        if self.leaves_choice(key, reading) {
            return Err(Reason::Preset);
        }
        let (promised, required) = (key.promises(reading.provider), self.data_policy);
        if promised < required {
            return Err(Reason::DataPolicy { promised, required });
        }
        let is_priced = match self.asked.pricing {
            Pricing::Free => true,
            Pricing::Tokens => tariff.is_some(),
            Pricing::Unknown => false,
        };
        if self.refuses_unpriced && !is_priced {
            return Err(Reason::Unpriced);
        }
        if !key.row.is_active {
            return Err(Reason::Paused);
        }
        if key.is_moved() {
            return Err(Reason::Moved);
        }
        let world = self.world;
        // One that nobody chose or saw is a guess: a paid key must not be held to it.
        let is_guessed = key.row.tier_source == Some(TierSource::Default);
        let tier = key.row.tier.as_ref().filter(|_| !is_guessed);
        let model = reading.model.as_str();
        let by_tier = requests_per_minute(reading.provider, tier, model);
        match world.headroom.exhausted_until(key.row.id, model, by_tier, world.now) {
            Some(until) => Err(Reason::Exhausted { until }),
            None => Ok(()),
        }
    }
}

impl Ask<'_, '_> {
    /// Whether OpenRouter would choose among more models than the lists of allowed ones name.
    fn leaves_choice(&self, key: &ProviderKeyEntry, reading: &Reading<'_>) -> bool {
        let mut lists = self.standing.rules.lists();
        let of_key = self.standing.key.is_some_and(|key| key.allowed_models.is_some());
        self.asked.wishes.names_preset
            && reading.provider.id.as_str() == OPENROUTER
            && (of_key || key.allowed.is_some() || lists.next().is_some())
    }
}

/// Whose they are and what they were made for. Stable: within a rank the store's order, oldest first, stays.
pub fn sort(keys: &mut [&Arc<ProviderKeyEntry>]) {
    keys.sort_by_key(|key| (key.row.project.is_none(), !key.row.is_default));
}
