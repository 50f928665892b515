//! Decides which provider keys to try, in which order, and says why the others are out. Calls nobody.

mod breaking;
mod exclusion;
mod openrouter;
mod own;
mod pool;
mod reading;
mod refusal;
mod way;

use std::sync::Arc;

use model::catalogue::Endpoint;
use model::settings::{FallbackCause, Unpriced};
use model::{
    Cap, Catalogue, Code, DataPolicy, Operation, ProjectId, Provider, ProviderId, ProviderKeyId,
    Refusal, Tariff, Timestamp, WorkspaceId,
};
use serde::Serialize;
use store::workspace::Health;
use utoipa::ToSchema;

use crate::Gateway;
use crate::asked::Asked;
use crate::authenticate::workspace;
use crate::authorize::{Acting, project_named};
use crate::breaker::{Breakers, Circuit};
use crate::directory::{Identity, WorkspaceEntry};
use crate::headroom::Headroom;
use crate::key_news::{Finding, KeyNews};
use crate::provider_key::ProviderKeyEntry;
use crate::rules::Rules;

pub use exclusion::{Exclusion, Lister, Reason};

use breaking::put_back;
use own::Own;
use reading::Reading;

/// Ordered attempts, and why others are none. Without attempts, `refusal` says so to the caller.
#[must_use]
pub struct Plan<'a> {
    pub(crate) attempts: Vec<Candidate<'a>>,
    pub(crate) exclusions: Vec<Exclusion>,
    /// Keys whose provider was moved, and whose health does not say so yet.
    moved: Vec<(WorkspaceId, Arc<ProviderKeyEntry>)>,
    made_at: Timestamp,
}

/// One provider, one key, one model.
pub struct Candidate<'a> {
    pub(crate) provider: &'a Provider,
    /// As the provider knows it.
    pub(crate) model: String,
    /// How many models were to be tried before this one: 0 is the one that was asked for.
    pub(crate) rank: usize,
    pub(crate) way: Way<'a>,
    pub(crate) key: Arc<ProviderKeyEntry>,
    /// The workspace the key belongs to: the caller's, or the operator's reserved one. Its salt is part of what opens it.
    pub(crate) owner: Arc<WorkspaceEntry>,
    pub(crate) payer: Payer,
    /// Absent where no price is known.
    pub(crate) tariff: Option<Tariff>,
    /// A platform key behind own ones: what must have become of them all for this one to answer. Empty: no matter what.
    pub(crate) only_after: Vec<FallbackCause>,
}

/// What of the provider's is called.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// The caller's operation, or the one it is translated into.
    pub operation: Operation,
    pub endpoint: &'a Endpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    Byok,
    Platform,
}

impl Payer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Byok => "byok",
            Self::Platform => "platform",
        }
    }
}

/// What a plan is made of beside the request: all of it in memory, and none of it the caller's word.
pub struct World<'a> {
    pub catalogue: &'a Catalogue,
    pub headroom: &'a Headroom,
    pub breakers: &'a Breakers,
    /// The operator's reserved workspace, whose keys are the pool.
    pub platform: Option<Arc<WorkspaceEntry>>,
    pub now: Timestamp,
}

/// Whose request it is: what somebody may do in a project, with a gateway key or as a person.
pub struct Standing<'r> {
    pub workspace: &'r Arc<WorkspaceEntry>,
    pub project: ProjectId,
    pub rules: &'r Rules,
    pub key: Option<&'r Identity>,
}

/// Models, their providers, their keys; at last, whoever fails again and again goes to the end.
pub fn plan<'a>(
    world: &World<'a>,
    acting: &Acting,
    asked: &Asked<'a>,
) -> Result<Plan<'a>, Refusal> {
    plan_for(world, &Standing::of(acting)?, asked)
}

pub fn plan_for<'a>(
    world: &World<'a>,
    standing: &Standing<'_>,
    asked: &Asked<'a>,
) -> Result<Plan<'a>, Refusal> {
    let ask = Ask::new(world, standing, asked)?;
    let mut draft = Draft::default();
    for (rank, name) in ask.names()?.into_iter().enumerate() {
        ask.plan_model(rank, name, &mut draft)?;
        // Whoever asks for what cannot be gets told so, and not another model.
        if rank == 0 && draft.is_callers_mistake() {
            break;
        }
    }
    let Draft { attempts, exclusions, moved, .. } = draft;
    let attempts = put_back(attempts, |candidate| {
        world.breakers.is_open(&candidate.circuit(standing.workspace.id), world.now)
    });
    Ok(Plan { attempts, exclusions, moved, made_at: world.now })
}

/// A request as planning sees it.
struct Ask<'r, 'a> {
    world: &'r World<'a>,
    standing: &'r Standing<'r>,
    asked: &'r Asked<'a>,
    pin: Option<ProviderKeyId>,
    data_policy: DataPolicy,
    refuses_unpriced: bool,
}

/// More than anybody has time to try.
const FALLBACKS_MAX: usize = 10;

impl<'r, 'a> Ask<'r, 'a> {
    fn new(
        world: &'r World<'a>,
        standing: &'r Standing<'r>,
        asked: &'r Asked<'a>,
    ) -> Result<Self, Refusal> {
        let wished = asked.wishes.data_policy.unwrap_or_default();
        let data_policy = standing.rules.data_policy().strictest(wished);
        let refuses_unpriced = standing.refuses_unpriced();
        let ask = Self { world, standing, asked, pin: None, data_policy, refuses_unpriced };
        let pin = asked.wishes.provider_key.as_deref();
        Ok(Self { pin: pin.map(|pin| ask.pinned(pin)).transpose()?, ..ask })
    }

    /// The model that is wanted, and those to try after it, as they are written.
    fn names(&self) -> Result<Vec<&'r str>, Refusal> {
        let Standing { rules, key, .. } = *self.standing;
        let policy = key.map(Identity::policy);
        let wanted = self.asked.model.as_deref();
        if self.asked.passthrough.is_some() {
            return Ok(vec![wanted.unwrap_or_default()]);
        }
        let usual = || policy.and_then(|policy| policy.default_model.as_deref());
        let Some(first) = wanted.or_else(usual).or_else(|| rules.default_model()) else {
            let public = "the request names no model, and neither the gateway key nor its project \
                          or workspace has a default_model";
            return Err(Refusal::invalid("model", public));
        };
        let mut names = vec![first];
        if self.asked.wishes.providers.no_fallbacks {
            return Ok(names);
        }
        let of_key = policy.map(|policy| policy.fallback_models.as_slice());
        let of_settings = || of_key.filter(|list| !list.is_empty());
        let wished = self.asked.wishes.fallback_models.as_deref();
        let fallbacks = wished.or_else(of_settings).unwrap_or_else(|| rules.fallback_models());
        if fallbacks.len() > FALLBACKS_MAX {
            let public = format!("at most {FALLBACKS_MAX} fallback models can be named");
            return Err(Refusal::invalid("routing", public));
        }
        for name in fallbacks {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Own keys of every provider that has the model, else OpenRouter in their place, then the platform's.
    fn plan_model(&self, rank: usize, name: &str, draft: &mut Draft<'a>) -> Result<(), Refusal> {
        let first = draft.attempts.len();
        let readings = self.readings(rank, name, draft)?;
        let mut own = Own::default();
        for reading in &readings {
            self.own_keys(reading, &mut own, draft);
        }
        if own.is_missing() {
            for reading in readings.iter().filter_map(|reading| self.through_openrouter(reading)) {
                if draft.is_new(&reading) {
                    self.own_keys(&reading, &mut own, draft);
                }
            }
        }
        draft.sick_last(first);
        let first_of_pool = draft.attempts.len();
        for reading in &readings {
            self.platform_keys(reading, &own, draft);
        }
        draft.sick_last(first_of_pool);
        let wished = &self.asked.wishes.providers;
        if wished.no_fallbacks && wished.order.is_empty() {
            draft.keep_one_provider();
        }
        Ok(())
    }

    /// A pin names a key that the caller could reach, or none at all. Never repeated when it is no id: some will paste the
    /// key itself here.
    fn pinned(&self, text: &str) -> Result<ProviderKeyId, Refusal> {
        let pin = text.parse().map_err(|_| {
            let public = "routing.provider_key is no provider key's id: those begin with pk_";
            Refusal::invalid("routing", public)
        })?;
        if self.reachable().any(|key| key.row.id == pin) {
            return Ok(pin);
        }
        let public = format!("routing.provider_key: there is no key {pin} that could be used here");
        Err(Refusal { param: Some("routing"), ..Refusal::new(Code::NoProviderKey, public) })
    }

    /// Every key of the workspace that is not another project's.
    fn reachable(&self) -> impl Iterator<Item = &'r Arc<ProviderKeyEntry>> {
        let Standing { workspace, project, .. } = *self.standing;
        workspace.provider_keys.iter().filter(move |key| key.is_for(project))
    }
}

/// A plan in the making.
#[derive(Default)]
struct Draft<'a> {
    attempts: Vec<Candidate<'a>>,
    exclusions: Vec<Exclusion>,
    moved: Vec<(WorkspaceId, Arc<ProviderKeyEntry>)>,
    /// Every provider's model that was considered, under whichever name.
    considered: Vec<(ProviderId, String, Option<String>)>,
}

impl<'a> Draft<'a> {
    /// Nobody is asked the same twice because it has two names.
    fn is_new(&mut self, reading: &Reading<'a>) -> bool {
        let Reading { provider, model, endpoint, .. } = reading;
        let this = (provider.id.clone(), model.clone(), endpoint.clone());
        let is_new = !self.considered.contains(&this);
        if is_new {
            self.considered.push(this);
        }
        is_new
    }

    /// Whichever the key.
    fn exclude(&mut self, reading: &Reading<'a>, reason: Reason) {
        self.exclusions.push(Exclusion {
            provider: Some(reading.provider.id.clone()),
            key: None,
            model: reading.model.clone(),
            rank: reading.rank,
            reason,
        });
    }

    fn note(&mut self, candidate: Candidate<'a>, judged: Result<(), Reason>) {
        let Candidate { key, owner, model, .. } = &candidate;
        match judged {
            Ok(()) => {
                // An endpoint has a name of its own, and may be all that `custom` stands for.
                let mut planned = self.attempts.iter();
                if !planned.any(|it| it.key.row.id == key.row.id && it.model == *model) {
                    self.attempts.push(candidate);
                }
            }
            Err(reason) => {
                if reason == Reason::Moved && key.row.health != Health::OriginChanged {
                    self.moved.push((owner.id, Arc::clone(key)));
                }
                self.exclusions.push(Exclusion::of(&candidate, reason));
            }
        }
    }

    /// Keys that were refused the last time they were heard of stay a hope, behind those that were not.
    fn sick_last(&mut self, from: usize) {
        if let Some(last) = self.attempts.get_mut(from..) {
            last.sort_by_key(|candidate| candidate.key.is_sick());
        }
    }

    /// The one that comes first.
    fn keep_one_provider(&mut self) {
        let Some(first) = self.attempts.first().map(|first| first.provider) else { return };
        let exclusions = &mut self.exclusions;
        self.attempts.retain(|candidate| {
            let stays = candidate.provider.id == first.id;
            if !stays {
                exclusions.push(Exclusion::of(candidate, Reason::NotWanted));
            }
            stays
        });
    }

    /// Whether nothing but the request itself is in the way.
    fn is_callers_mistake(&self) -> bool {
        let mut reasons = self.exclusions.iter().map(|exclusion| &exclusion.reason);
        self.attempts.is_empty() && reasons.all(Reason::is_callers_mistake)
    }
}

impl Plan<'_> {
    /// Whether the providers that have the model do not have the operation.
    pub(crate) fn is_unspoken(&self) -> bool {
        let mut reasons = self.exclusions.iter().map(|exclusion| &exclusion.reason);
        self.attempts.is_empty() && reasons.any(|reason| *reason == Reason::NotSpoken)
    }

    /// Who has the model for the caller, if not now, and under which name: what the list of models shows.
    pub(crate) fn reached(&self) -> Option<(ProviderId, String)> {
        let first = self.attempts.first();
        let first = first.map(|first| (first.provider.id.clone(), first.model.clone()));
        let is_exhausted = |it: &&Exclusion| matches!(it.reason, Reason::Exhausted { .. });
        let waiting = self.exclusions.iter().find(is_exhausted);
        first.or_else(|| waiting.and_then(|it| Some((it.provider.clone()?, it.model.clone()))))
    }

    /// What was found out about keys on the way.
    pub(crate) fn tell(&self, news: &KeyNews) {
        for (owner, key) in &self.moved {
            news.note(key.row.id, *owner, key.row.sealed_version, |report| {
                report.finding = Some(Finding::Moved);
            });
        }
    }
}

impl Candidate<'_> {
    /// What fails or works as one when this workspace calls.
    pub(crate) fn circuit(&self, workspace: WorkspaceId) -> Circuit<'_> {
        let host = self.key.base_url.host();
        Circuit { workspace, key: self.key.row.id, model: &self.model, host }
    }
}

impl<'a> World<'a> {
    pub(crate) async fn of(gw: &'a Gateway) -> Result<Self, Refusal> {
        Ok(Self {
            catalogue: &gw.catalogue,
            headroom: &gw.headroom,
            breakers: &gw.breakers,
            platform: workspace(gw, WorkspaceId::NIL).await?,
            now: gw.clock.now(),
        })
    }
}

impl<'r> Standing<'r> {
    /// What its calls count under: the key's, the project's and the workspace's, where they have any.
    pub(crate) fn caps(&self) -> impl Iterator<Item = (Cap, Unpriced)> {
        let of_key = self.key.and_then(Identity::cap);
        of_key.into_iter().chain(self.rules.caps(self.project, self.workspace.id))
    }

    /// Whether a cap is in the way of what nobody knows the price of.
    fn refuses_unpriced(&self) -> bool {
        self.caps().any(|(_, unpriced)| unpriced == Unpriced::Refuse)
    }

    pub(crate) fn of(acting: &'r Acting) -> Result<Self, Refusal> {
        Ok(Self {
            workspace: acting.workspace(),
            project: acting.project(),
            rules: acting.rules()?,
            key: Some(acting.key()),
        })
    }

    /// A person's, in the project that is named, else in the default one.
    pub(crate) fn of_workspace(
        workspace: &'r Arc<WorkspaceEntry>,
        project: Option<&str>,
    ) -> Result<Self, Refusal> {
        let named = project.map(|named| project_named(workspace, named)).transpose()?;
        let project = named.unwrap_or(workspace.default_project);
        let rules = workspace.rules.get(&project).ok_or_else(Refusal::not_found)?;
        Ok(Self { workspace, project, rules, key: None })
    }
}

#[cfg(test)]
pub(crate) mod tests;
