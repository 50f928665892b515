//! Decides which provider keys to try, in which order, and says why the others are out. Calls nobody.

use std::sync::Arc;

use model::{Code, ProjectId, Provider, ProviderKeyId, Refusal};
use store::workspace::Health;

use crate::authenticate::Caller;
use crate::authorize::Permit;
use crate::directory::WorkspaceEntry;
use crate::parse::Call;
use crate::provider_key::ProviderKeyEntry;
use crate::rules::{Denial, Rules};
use crate::{Gateway, KeyFinding, KeyReport};

/// Ordered attempts; never empty.
#[must_use]
pub struct Plan<'a> {
    pub(crate) attempts: Vec<Candidate<'a>>,
}

/// One provider, one key, one model.
pub struct Candidate<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) key: Arc<ProviderKeyEntry>,
    pub(crate) model: String,
}

pub fn plan<'a>(gw: &'a Gateway, permit: &Permit, call: &Call) -> Result<Plan<'a>, Refusal> {
    let wishes = &call.request.wishes;
    let pin = wishes.provider_key.as_deref().map(pinned).transpose()?;
    if wishes.only_platform {
        let public = "routing.only_platform is set, and the operator offers no platform keys";
        return Err(Refusal::new(Code::NoProviderKey, public));
    }
    let caller = permit.caller();
    let rules = caller.rules()?;
    let wanted = Wanted::new(caller, rules, call);
    let providers = match wanted.endpoint {
        Some(_) => gw.catalogue.provider(CUSTOM).into_iter().collect(),
        None => providers(gw, call)?,
    };
    let mut attempts = Vec::new();
    let mut exclusions = Exclusions::default();
    for provider in &providers {
        candidates(caller, rules, &wanted, pin, provider, &mut attempts, &mut exclusions);
    }
    exclusions.moved.iter().for_each(|key| tell_of_move(gw, caller, key));
    if attempts.is_empty() {
        return Err(exclusions.refusal(caller, call, &providers));
    }
    attempts.truncate(usize::try_from(gw.limits.attempts_max).unwrap_or(usize::MAX));
    Ok(Plan { attempts })
}

/// The provider of all endpoints that people bring themselves.
const CUSTOM: &str = "custom";

/// What the call's model comes down to in this workspace.
struct Wanted<'a> {
    /// As it was written, but for the provider.
    written: &'a str,
    /// As the provider knows it.
    model: &'a str,
    /// The custom endpoint that was named, as in `my-vllm/llama`.
    endpoint: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn new(caller: &Caller, rules: &Rules, call: &'a Call) -> Self {
        let written = call.model.model.as_str();
        let named = call.model.provider.is_none().then(|| written.split_once('/')).flatten();
        let endpoint = named.filter(|(name, model)| {
            let keys = &caller.workspace.provider_keys;
            !model.is_empty()
                && keys.iter().any(|key| {
                    rules.reaches(key, caller.project()) && key.row.name.as_deref() == Some(name)
                })
        });
        match endpoint {
            Some((name, model)) => Self { written, model, endpoint: Some(name) },
            None => Self { written, model: written, endpoint: None },
        }
    }

    /// Lists may name a model of an endpoint as callers write it.
    fn is_allowed(&self, mut allows: impl FnMut(&str) -> bool) -> bool {
        allows(self.model) || allows(self.written)
    }
}

/// Never repeated when it is no id: some will paste the key itself here.
fn pinned(text: &str) -> Result<ProviderKeyId, Refusal> {
    text.parse().map_err(|_| {
        let public = "routing.provider_key is no provider key's id: those begin with pk_";
        Refusal::invalid("routing", public)
    })
}

/// The provider that was named, or those whose models include the bare name.
fn providers<'a>(gw: &'a Gateway, call: &Call) -> Result<Vec<&'a Provider>, Refusal> {
    let named: Vec<&Provider> = match &call.model.provider {
        Some(id) => gw.catalogue.provider(id.as_str()).into_iter().collect(),
        None => gw.catalogue.providers_of(&call.model.model),
    };
    if named.is_empty() {
        let model = &call.model;
        let public = format!(
            "model \"{model}\" is in no provider's list: name its provider, as in \"openai/{model}\""
        );
        return Err(Refusal { param: Some("model"), ..Refusal::new(Code::ModelNotFound, public) });
    }
    let speaking: Vec<_> = named.iter().copied().filter(|p| p.chat.is_some()).collect();
    if speaking.is_empty() {
        let names: Vec<_> = named.iter().map(|p| p.id.as_str()).collect();
        let public = format!(
            "provider \"{}\" does not speak chat completions, and this version does not translate",
            names.join("\", \"")
        );
        return Err(Refusal::invalid("model", public));
    }
    Ok(speaking)
}

/// The keys for one provider, best first: the project's, the workspace's default, its others.
fn candidates<'a>(
    caller: &Caller,
    rules: &Rules,
    wanted: &Wanted<'_>,
    pin: Option<ProviderKeyId>,
    provider: &'a Provider,
    attempts: &mut Vec<Candidate<'a>>,
    exclusions: &mut Exclusions,
) {
    if !wanted.is_allowed(|model| caller.allows_model(&provider.id, model)) {
        exclusions.model_not_allowed = Some("gateway key");
        return;
    }
    if !wanted.is_allowed(|model| rules.allows_model(&provider.id, model)) {
        exclusions.model_not_allowed = Some("project or workspace of gateway key");
        return;
    }
    let project = caller.project();
    let mut keys: Vec<_> = caller
        .workspace
        .provider_keys
        .iter()
        .filter(|key| key.provider == provider.id)
        .filter(|key| rules.reaches(key, project))
        .filter(|key| wanted.endpoint.is_none_or(|name| key.row.name.as_deref() == Some(name)))
        .filter(|key| pin.is_none_or(|pin| key.row.id == pin))
        .collect();
    let ambiguous = pin.is_none()
        && provider.base_url.is_none()
        && keys.iter().any(|key| keys.first().is_some_and(|first| first.base_url != key.base_url));
    if ambiguous {
        exclusions.ambiguous = true;
        return;
    }
    // Stable: within a rank the store's order, oldest first, stays.
    keys.sort_by_key(|key| (key.row.project.is_none(), !key.row.is_default));
    for key in keys {
        let judged = rules.allow_key(key, provider, wanted.model).map_err(Exclusion::Denied);
        match judged.and_then(|()| usable(key).map_err(Exclusion::Unusable)) {
            Ok(()) => attempts.push(Candidate {
                provider,
                key: Arc::clone(key),
                model: wanted.model.to_owned(),
            }),
            Err(reason) => {
                if is_moved(key) && key.row.health != Health::OriginChanged {
                    exclusions.moved.push(Arc::clone(key));
                }
                exclusions.keys.push((key.row.id, reason));
            }
        }
    }
}

/// A key goes to the origin it was given for and to no other.
fn is_moved(key: &ProviderKeyEntry) -> bool {
    key.base_url.origin().as_str() != key.row.origin
}

fn tell_of_move(gw: &Gateway, caller: &Caller, key: &ProviderKeyEntry) {
    let (id, sealed_version) = (key.row.id, key.row.sealed_version);
    let tell = |report: &mut KeyReport| report.finding = Some(KeyFinding::Moved);
    gw.key_news.note(id, caller.workspace.id, sealed_version, tell);
}

fn usable(key: &ProviderKeyEntry) -> Result<(), &'static str> {
    if !key.row.is_active {
        return Err("is paused");
    }
    if is_moved(key) {
        return Err("was stored for another address than the provider has now: replace it");
    }
    Ok(())
}

/// Why nothing is left, for the one message the caller gets.
#[derive(Default)]
struct Exclusions {
    /// Several custom endpoints, and nothing that says which.
    ambiguous: bool,
    /// Who leaves it out.
    model_not_allowed: Option<&'static str>,
    keys: Vec<(ProviderKeyId, Exclusion)>,
    /// Those whose provider was moved, and whose health does not say so yet.
    moved: Vec<Arc<ProviderKeyEntry>>,
}

/// Why one key is left out.
enum Exclusion {
    Denied(Denial),
    Unusable(&'static str),
}

impl Exclusions {
    fn refusal(self, caller: &Caller, call: &Call, providers: &[&Provider]) -> Refusal {
        let names: Vec<&str> = providers.iter().map(|provider| provider.id.as_str()).collect();
        let names = names.join("\" or \"");
        if let Some(who) = self.model_not_allowed {
            let public = format!("{who} {} may not use model \"{}\"", caller.key.id, call.model);
            let refusal = Refusal::new(Code::ModelNotAllowed, public);
            return Refusal { param: Some("model"), ..refusal };
        }
        if self.ambiguous {
            let public = "there are several custom endpoints: say which with routing.provider_key";
            return Refusal::invalid("model", public);
        }
        if let Some((id, reason)) = self.keys.first() {
            return reason.refusal(*id, &names, call);
        }
        if let Some(pin) = &call.request.wishes.provider_key {
            let public = format!("routing.provider_key: no key {pin} for provider \"{names}\"");
            return Refusal::new(Code::NoProviderKey, public);
        }
        let public = format!(
            "there is no key for provider \"{names}\": add one with POST \
             /v1/workspaces/{}/provider-keys",
            caller.workspace.id
        );
        Refusal::new(Code::NoProviderKey, public)
    }
}

impl Exclusion {
    fn refusal(&self, id: ProviderKeyId, names: &str, call: &Call) -> Refusal {
        let reason = match self {
            Self::Denied(Denial::DataPolicy { promised, required }) => {
                let public = format!(
                    "the data policy here is {required}, and key {id} for provider \"{names}\" \
                     promises {promised}: attest a contract on the key, or use another provider"
                );
                return Refusal::new(Code::DataPolicyUnsatisfied, public);
            }
            Self::Denied(Denial::Model) => {
                let model = &call.model;
                let public = format!("key {id} may not be used for model \"{model}\"");
                let refusal = Refusal::new(Code::ModelNotAllowed, public);
                return Refusal { param: Some("model"), ..refusal };
            }
            Self::Denied(Denial::Plan) => {
                let public = "the workspace's plan does not include keys of one's own";
                return Refusal::new(Code::PlanForbids, public);
            }
            Self::Denied(Denial::WorkspaceKeysOff) => {
                "is the workspace's, and the project does not use those (use_workspace_keys)"
            }
            Self::Unusable(reason) => reason,
        };
        let public = format!("no key for provider \"{names}\" can be used: {id} {reason}");
        Refusal::new(Code::NoProviderKey, public)
    }
}

/// Whether a project can reach a model on a usable key: what the list of models shows.
pub fn reaches(
    workspace: &WorkspaceEntry,
    project: ProjectId,
    provider: &Provider,
    model: &str,
) -> bool {
    let Some(rules) = workspace.rules.get(&project) else { return false };
    rules.allows_model(&provider.id, model)
        && workspace.provider_keys.iter().any(|key| {
            key.provider == provider.id
                && rules.reaches(key, project)
                && rules.allow_key(key, provider, model).is_ok()
                && usable(key).is_ok()
        })
}
