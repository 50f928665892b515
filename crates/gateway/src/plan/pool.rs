//! The operator's keys for a model: where the plan has it, and the policy lets them stand in for own ones.

use std::sync::Arc;

use model::settings::FallbackCause;

use super::own::{Own, sort};
use super::reading::Reading;
use super::{Ask, Candidate, Draft, Payer, Reason};
use crate::provider_key::ProviderKeyEntry;

impl<'a> Ask<'_, 'a> {
    pub(super) fn platform_keys(&self, reading: &Reading<'a>, own: &Own, draft: &mut Draft<'a>) {
        let Some(way) = reading.way else { return };
        // What is passed through cannot be priced: its caller's own keys pay it.
        if self.asked.passthrough.is_some() || self.is_own_endpoint(reading) {
            return;
        }
        let mut keys: Vec<_> = self.pool().filter(|key| reading.is_on(key)).collect();
        let (Some(owner), false) = (&self.world.platform, keys.is_empty()) else {
            if self.asked.wishes.only_platform {
                draft.exclude(reading, Reason::NoPlatformKey);
            }
            return;
        };
        let only_after = match self.judge_pool(reading, own) {
            Ok(only_after) => only_after,
            Err(reason) => return draft.exclude(reading, reason),
        };
        sort(&mut keys);
        for key in keys {
            let candidate = self.candidate(reading, way, key, owner, Payer::Platform);
            let candidate = Candidate { only_after: only_after.clone(), ..candidate };
            let judged = self.judge(key, reading, candidate.tariff.as_ref());
            draft.note(candidate, judged);
        }
    }

    /// What must become of own keys before any of the pool's may answer.
    fn judge_pool(&self, reading: &Reading<'a>, own: &Own) -> Result<Vec<FallbackCause>, Reason> {
        if self.asked.wishes.only_byok {
            return Err(Reason::OnlyByok);
        }
        if self.pin.is_some() {
            return Err(Reason::NotPinned);
        }
        let tier = self.world.catalogue.model_tier(&reading.provider.id, &reading.model);
        if !self.standing.rules.pool_serves(tier) {
            return Err(Reason::PoolTier { tier });
        }
        own.only_after(|cause| self.may_fall_back(cause))
            .map_err(|cause| Reason::PlatformFallback { cause })
    }

    /// The narrowest policy counts.
    fn may_fall_back(&self, cause: FallbackCause) -> bool {
        let of_key = self.standing.key.and_then(|key| key.policy().platform_fallback.as_ref());
        self.standing.rules.may_fall_back(cause)
            && of_key.is_none_or(|policy| policy.0.contains(&cause))
    }

    pub(super) fn pool(&self) -> impl Iterator<Item = &Arc<ProviderKeyEntry>> {
        self.world.platform.iter().flat_map(|platform| &platform.provider_keys)
    }

    /// Nobody else's endpoint can stand in for one that people bring themselves.
    fn is_own_endpoint(&self, reading: &Reading<'a>) -> bool {
        let named = reading.endpoint.is_some();
        reading.provider.needs_base_url()
            && (!named || self.reachable().any(|key| reading.is_on(key)))
    }
}
