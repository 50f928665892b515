//! Decides whether the caller may, and reserves the record of it. No call without a permit, no permit without a record.

mod rates;

use std::sync::Arc;

use model::{Code, ProjectId, Refusal, Scope, Usage};
use store::journal::Reservation;

use crate::Gateway;
use crate::accept::invalid_api_key;
use crate::asked::Asked;
use crate::authenticate::Caller;
use crate::directory::{Identity, WorkspaceEntry};
use crate::rules::Rules;

pub use rates::Rates;

/// The right to make calls for one request. Only `authorize` makes one; `attempt` needs it, the `Recorder` consumes it.
#[must_use]
pub struct Permit {
    acting: Acting,
    rates: Rates,
    reservation: Reservation,
}

/// A caller in the project it acts in.
pub struct Acting {
    key: Arc<Identity>,
    workspace: Arc<WorkspaceEntry>,
    project: ProjectId,
}

/// Each attempt writes two records: that it began, and how it ended.
const RECORDS_PER_ATTEMPT: u32 = 2;

pub async fn authorize(gw: &Gateway, caller: Caller, asked: &Asked<'_>) -> Result<Permit, Refusal> {
    let acting = act(caller, asked.wishes.project.as_deref())?;
    let rates = Rates::take(&gw.rates, &acting, asked.tokens_expected()).await?;
    let records = gw.limits.attempts_max.saturating_mul(RECORDS_PER_ATTEMPT);
    let Some(reservation) = gw.journal.reserve(records) else {
        let public =
            "the usage journal is full, so that nothing can be recorded: try again shortly";
        return Err(Refusal::new(Code::JournalFull, public).retry_after(1));
    };
    Ok(Permit { acting, rates, reservation })
}

/// Whether the caller may ask models at all, and in which project it does.
pub fn act(caller: Caller, project: Option<&str>) -> Result<Acting, Refusal> {
    require_scope(&caller, Scope::Inference)?;
    let Caller { key, workspace } = caller;
    let named = project.map(|named| project_named(&workspace, named)).transpose()?;
    let project = match (key.project, named) {
        // A project's key never reaches another project, and is told no more of it than of one that does not exist.
        (Some(own), Some(named)) if own != named => return Err(no_such_project()),
        (Some(own), _) => own,
        (None, named) => named.unwrap_or(workspace.default_project),
    };
    if !workspace.rules.contains_key(&project) {
        return Err(invalid_api_key("the project of this gateway key is gone"));
    }
    Ok(Acting { key, workspace, project })
}

/// By its id, or by its name.
pub fn project_named(workspace: &WorkspaceEntry, named: &str) -> Result<ProjectId, Refusal> {
    let by_id = named.parse().ok().filter(|id| workspace.rules.contains_key(id));
    let by_name = || {
        let mut projects = workspace.rules.iter();
        projects.find(|(_, rules)| rules.project_name() == named).map(|(id, _)| *id)
    };
    by_id.or_else(by_name).ok_or_else(no_such_project)
}

fn no_such_project() -> Refusal {
    let public = "routing.project names no project that this gateway key can act in";
    Refusal { param: Some("routing"), ..Refusal::new(Code::NotFound, public) }
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
    pub(crate) const fn acting(&self) -> &Acting {
        &self.acting
    }

    pub(crate) const fn rates(&self) -> &Rates {
        &self.rates
    }

    /// What was used, now that it is known; an end that nobody tells costs no tokens.
    pub(crate) fn used(&mut self, usage: &Usage) {
        let (input, output) = (usage.input_tokens, usage.output_tokens);
        self.rates.settle(input.unwrap_or_default().saturating_add(output.unwrap_or_default()));
    }

    pub(crate) const fn reservation(&self) -> &Reservation {
        &self.reservation
    }
}

impl Acting {
    pub(crate) fn key(&self) -> &Identity {
        &self.key
    }

    pub(crate) const fn workspace(&self) -> &Arc<WorkspaceEntry> {
        &self.workspace
    }

    pub(crate) const fn project(&self) -> ProjectId {
        self.project
    }

    /// What the settings of its project and workspace leave it.
    pub(crate) fn rules(&self) -> Result<&Rules, Refusal> {
        let rules = self.workspace.rules.get(&self.project);
        rules.ok_or_else(|| invalid_api_key("the project of this gateway key is gone"))
    }
}
