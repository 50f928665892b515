//! Which tier a key is of, as far as a provider's limits tell. Says nothing rather than something unsure.

use model::catalogue::{Counts, Per, ProviderTier, TierLimits, TierSign};
use model::{Provider, Tier};

use super::reading::Reading;

/// By the limits in an answer about `model`; without one, only what is the same for all models.
pub fn detect_tier(provider: &Provider, model: Option<&str>, reading: &Reading) -> Option<Tier> {
    let sign = provider.tier_sign?;
    let seen = limit(reading, sign)?;
    if provider.tiers.iter().any(|tier| tier.floor.is_some()) {
        let reached = provider.tiers.iter().rfind(|tier| tier.floor.is_some_and(|f| f <= seen));
        return reached.map(|tier| tier.name.clone());
    }
    let fits = |limits: &&TierLimits| limits.of(sign.counts, sign.per) == Some(seen);
    let fitting = candidates(provider, model).filter(|(_, limits)| fits(limits));
    let fitting: Vec<_> = fitting.collect();
    the_only(&fitting).or_else(|| {
        // Two tiers may agree in what tells them and differ in the requests they allow.
        let requests = limit(reading, TierSign { counts: Counts::Requests, per: Per::Minute })?;
        let agrees = |limits: &TierLimits| limits.rpm == Some(requests);
        let agreeing = fitting.iter().filter(|(_, limits)| agrees(limits)).copied();
        the_only(&agreeing.collect::<Vec<_>>())
    })
}

/// What a key of this tier may ask about this model, as far as that is published.
pub fn requests_per_minute(provider: &Provider, tier: Option<&Tier>, model: &str) -> Option<u64> {
    provider.limits(tier?, model)?.rpm
}

/// The account's own: a second window of the same kind is a part's of it, such as a project's.
fn limit(reading: &Reading, sign: TierSign) -> Option<u64> {
    let mut windows = reading.windows.iter();
    windows.find(|window| window.counts == sign.counts && window.per == sign.per)?.limit
}

type Candidate<'a> = (&'a Tier, &'a TierLimits);

fn candidates<'a>(
    provider: &'a Provider,
    model: Option<&'a str>,
) -> impl Iterator<Item = Candidate<'a>> {
    let of_tier = move |tier: &'a ProviderTier| {
        let one = model.and_then(|model| provider.limits(&tier.name, model));
        let all = tier.limits.values().filter(move |_| model.is_none());
        one.into_iter().chain(all).map(|limits| (&tier.name, limits))
    };
    provider.tiers.iter().flat_map(of_tier)
}

/// The tier that all candidates are of.
fn the_only(candidates: &[Candidate<'_>]) -> Option<Tier> {
    let (tier, _) = candidates.first()?;
    candidates.iter().all(|(other, _)| other == tier).then(|| Tier::clone(tier))
}

#[cfg(test)]
mod tests;
