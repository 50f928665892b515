//! What a workspace's plan lets it do. The plans themselves are the operator's configuration.

use model::{Code, Plan, Refusal, WorkspaceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Control, Operator, Page, PageWish};

#[derive(Serialize, ToSchema)]
pub struct PlanView {
    #[serde(flatten)]
    pub plan: Plan,
    /// Whether new workspaces get it.
    pub is_default: bool,
}

impl Control {
    pub fn plans(&self, _operator: &Operator, wish: PageWish) -> Page<PlanView> {
        let default = self.plans.default_name();
        let plans: Vec<Plan> = self.plans.iter().cloned().collect();
        let view = |plan: Plan| PlanView { is_default: plan.name == default, plan };
        wish.cut(plans, |plan| plan.name.clone(), view)
    }

    /// Whether a workspace may register provider keys of its own. The operator's, whose keys are the pool, always may.
    pub async fn require_byok(&self, workspace: WorkspaceId) -> Result<(), Refusal> {
        if workspace == WorkspaceId::NIL {
            return Ok(());
        }
        let row = self.store.workspace(workspace).row().await?;
        let plan = row.ok_or_else(Refusal::not_found)?.plan;
        // One that the configuration has no more allows nothing.
        if self.plans.plan(&plan).is_some_and(|plan| plan.byok) {
            return Ok(());
        }
        let public = format!(
            "the plan \"{plan}\" has no provider keys of one's own (BYOK): the operator can change the plan"
        );
        Err(Refusal::new(Code::PlanForbids, public))
    }

    /// A plan's name as the operator wrote it; none means the default one.
    pub(crate) fn plan_name(&self, name: Option<&str>) -> Result<String, Refusal> {
        let name = name.unwrap_or(self.plans.default_name());
        if self.plans.plan(name).is_some() {
            return Ok(name.to_owned());
        }
        let public = format!("there is no such plan; plans are {}", self.plans.names());
        Err(Refusal::invalid("plan", public))
    }
}
