//! Decides whether the caller may, and reserves the record of it. No call without a permit, no permit without a record.

use model::{Code, ProjectId, ProviderId, Refusal, Scope};
use store::journal::Reservation;

use crate::Gateway;
use crate::accept::invalid_api_key;
use crate::authenticate::Caller;
use crate::rules::{Rules, names};

/// The right to make calls for one request. Only `authorize` makes one; `attempt` needs it, the `Recorder` consumes it.
#[must_use]
pub struct Permit {
    caller: Caller,
    reservation: Reservation,
}

/// Each attempt writes two records: that it began, and how it ended.
const RECORDS_PER_ATTEMPT: u32 = 2;

pub fn authorize(gw: &Gateway, caller: Caller) -> Result<Permit, Refusal> {
    require_scope(&caller, Scope::Inference)?;
    let records = gw.limits.attempts_max.saturating_mul(RECORDS_PER_ATTEMPT);
    let Some(reservation) = gw.journal.reserve(records) else {
        let public =
            "the usage journal is full, so that nothing can be recorded: try again shortly";
        return Err(Refusal::new(Code::JournalFull, public).retry_after(1));
    };
    Ok(Permit { caller, reservation })
}

pub fn require_scope(caller: &Caller, scope: Scope) -> Result<(), Refusal> {
    if caller.key.scopes.allows(scope) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::MissingScope,
        format!("gateway key {} lacks the scope \"{scope}\"", caller.key.id),
    ))
}

impl Permit {
    pub(crate) const fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) const fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// The project the request acts in.
    pub(crate) fn project(&self) -> ProjectId {
        self.caller.project()
    }
}

impl Caller {
    pub(crate) fn project(&self) -> ProjectId {
        self.key.project.unwrap_or(self.workspace.default_project)
    }

    /// What the settings of its project and workspace leave it.
    pub(crate) fn rules(&self) -> Result<&Rules, Refusal> {
        let rules = self.workspace.rules.get(&self.project());
        rules.ok_or_else(|| invalid_api_key("the project of this gateway key is gone"))
    }

    pub(crate) fn allows_model(&self, provider: &ProviderId, model: &str) -> bool {
        self.key.allowed_models.as_ref().is_none_or(|list| names(list, provider, model))
    }
}
