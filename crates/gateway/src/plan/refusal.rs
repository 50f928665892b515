//! A plan without attempts, in words for its caller.

use std::mem::discriminant;

use model::{Refusal, Timestamp, WorkspaceId};

use super::{Exclusion, Plan, Reason};

/// More would not be read.
const NAMED_MAX: usize = 5;

impl Plan<'_> {
    /// Why nobody can be asked. Where waiting helps, that; else what is in the way of the model that was wanted.
    pub(crate) fn refusal(&self, workspace: WorkspaceId) -> Refusal {
        if let Some(until) = self.exclusions.iter().filter_map(Exclusion::ends).min() {
            let seconds = until.since(self.made_at).as_millis().div_ceil(1000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            let public = "every key that could answer has used up its rate limits, or those of the \
                          tier that it is taken for: try again later, or set its tier if that is higher";
            let code = Reason::Exhausted { until }.code();
            return Refusal::new(code, public).retry_after(seconds);
        }
        let first = self.exclusions.first().map_or(0, |first| first.rank);
        let of_first = self.exclusions.iter().filter(|exclusion| exclusion.rank == first);
        let heaviest =
            of_first.reduce(
                |best, next| {
                    if next.reason.weight() > best.reason.weight() { next } else { best }
                },
            );
        let Some(told) = heaviest else {
            return Refusal::internal("a plan has neither attempts nor exclusions");
        };
        let alike = |exclusion: &&Exclusion| exclusion.is_like(told);
        let mut sentences: Vec<_> =
            self.exclusions.iter().filter(alike).map(Exclusion::message).collect();
        sentences.dedup();
        sentences.truncate(NAMED_MAX);
        let mut public = sentences.join("; ");
        if told.reason == Reason::NoKey {
            public =
                format!("{public}: add one with POST /v1/workspaces/{workspace}/provider-keys");
        }
        Refusal { param: told.param(), ..Refusal::new(told.reason.code(), public) }
    }
}

impl Exclusion {
    fn ends(&self) -> Option<Timestamp> {
        match self.reason {
            Reason::Exhausted { until } => Some(until),
            _ => None,
        }
    }

    /// Whether it says the same of another key or provider.
    fn is_like(&self, other: &Self) -> bool {
        self.rank == other.rank && discriminant(&self.reason) == discriminant(&other.reason)
    }

    const fn param(&self) -> Option<&'static str> {
        match self.reason {
            Reason::NotPinned | Reason::OnlyByok | Reason::OnlyPlatform | Reason::NoPlatformKey => {
                Some("routing")
            }
            Reason::Preset => Some("preset"),
            Reason::Ambiguous
            | Reason::KeyModels
            | Reason::NotAllowed { .. }
            | Reason::NotSpoken
            | Reason::UnknownModel
            | Reason::Unpriced
            | Reason::WrongKind => Some("model"),
            _ => None,
        }
    }
}
