//! Decides which provider keys to try, in which order, and says why the others are out. Calls nobody.

use std::sync::Arc;

use model::{Code, Provider, ProviderId, ProviderKeyId, Refusal};
use store::workspace::Health;

use crate::Gateway;
use crate::authenticate::Caller;
use crate::authorize::Permit;
use crate::directory::ProviderKeyEntry;
use crate::parse::Call;

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
    let providers = providers(gw, call)?;
    let mut attempts = Vec::new();
    let mut exclusions = Exclusions::default();
    for provider in &providers {
        candidates(caller, call, pin, provider, &mut attempts, &mut exclusions);
    }
    if attempts.is_empty() {
        return Err(exclusions.refusal(caller, call, &providers));
    }
    attempts.truncate(usize::try_from(gw.limits.attempts_max).unwrap_or(usize::MAX));
    Ok(Plan { attempts })
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
    call: &Call,
    pin: Option<ProviderKeyId>,
    provider: &'a Provider,
    attempts: &mut Vec<Candidate<'a>>,
    exclusions: &mut Exclusions,
) {
    if !caller.allows_model(&provider.id, &call.model.model) {
        exclusions.model_not_allowed = true;
        return;
    }
    let project = caller.project();
    let mut keys: Vec<_> = caller
        .workspace
        .provider_keys
        .iter()
        .filter(|key| key.provider == provider.id)
        .filter(|key| key.row.project.is_none_or(|owner| owner == project))
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
        match usable(key) {
            Ok(()) => attempts.push(Candidate {
                provider,
                key: Arc::clone(key),
                model: call.model.model.clone(),
            }),
            Err(reason) => exclusions.keys.push((key.row.id.to_string(), reason)),
        }
    }
}

fn usable(key: &ProviderKeyEntry) -> Result<(), &'static str> {
    if !key.row.is_active {
        return Err("is paused");
    }
    // A key goes to the origin it was given for and to no other.
    if key.base_url.origin().as_str() != key.row.origin || key.row.health == Health::OriginChanged {
        return Err("was stored for another address than the provider has now: replace it");
    }
    Ok(())
}

/// Why nothing is left, for the one message the caller gets.
#[derive(Default)]
struct Exclusions {
    /// Several custom endpoints, and nothing that says which.
    ambiguous: bool,
    model_not_allowed: bool,
    keys: Vec<(String, &'static str)>,
}

impl Exclusions {
    fn refusal(self, caller: &Caller, call: &Call, providers: &[&Provider]) -> Refusal {
        let names: Vec<&str> = providers.iter().map(|provider| provider.id.as_str()).collect();
        let names = names.join("\" or \"");
        if self.model_not_allowed {
            let public =
                format!("gateway key {} may not use model \"{}\"", caller.key.id, call.model);
            let refusal = Refusal::new(Code::ModelNotAllowed, public);
            return Refusal { param: Some("model"), ..refusal };
        }
        if self.ambiguous {
            let public = "there are several custom endpoints: say which with routing.provider_key";
            return Refusal::invalid("model", public);
        }
        if let Some((id, reason)) = self.keys.first() {
            let public = format!("no key for provider \"{names}\" can be used: {id} {reason}");
            return Refusal::new(Code::NoProviderKey, public);
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

/// Whether the caller has a usable key for a provider: what the list of models shows.
pub fn reaches(caller: &Caller, provider: &ProviderId) -> bool {
    let project = caller.project();
    caller.workspace.provider_keys.iter().any(|key| {
        key.provider == *provider
            && key.row.project.is_none_or(|owner| owner == project)
            && usable(key).is_ok()
    })
}
