//! Who calls: the same credentials as elsewhere, looked at before the body is.

use control::{Caller, Reader, Target};
use gateway::credential;
use http::HeaderMap;
use model::{Code, Refusal, Scope};
use zeroize::Zeroizing;

use crate::ask::Ask;
use crate::shared::Shared;
use crate::trace::Trace;

/// Put among the request's extensions, where the tools find it.
pub struct Principal {
    pub caller: Caller,
    /// What the data plane knows a gateway key by.
    pub credential: Zeroizing<String>,
    /// For the audit of what a tool refuses.
    pub trace: Trace,
    /// The workspace that `X-Tenant-Id` names.
    tenant: Option<String>,
}

pub async fn principal(ask: &Ask, headers: &HeaderMap) -> Result<Principal, Refusal> {
    let Some(credential) = credential(headers)?.map(Zeroizing::new) else {
        let public = "the request carries no credential: send a gateway key (ks_live_...) or a \
                      session token as \"Authorization: Bearer ...\"";
        return Err(Refusal::new(Code::InvalidApiKey, public));
    };
    let caller = ask.caller().await?;
    let tenant = match ask.tenant()? {
        Target::Tenant(named) => named.map(str::to_owned),
        Target::Project(_) | Target::Within(_) | Target::Workspace(_) => None,
    };
    let trace = Trace::default();
    trace.by(caller.doer());
    Ok(Principal { caller, credential, trace, tenant })
}

impl Principal {
    /// The right to use a tool: a gateway key's by its scope, a person's by membership.
    pub async fn may(&self, shared: &Shared, scope: Scope) -> Result<Reader, Refusal> {
        let target = Target::Tenant(self.tenant.as_deref());
        let reader = shared.control.scoped(&self.caller, target, scope).await?;
        self.trace.about(reader.workspace());
        Ok(reader)
    }
}
