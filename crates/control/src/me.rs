//! What a gateway key is told about itself.

use model::settings::CapPeriod;
use model::{Cap, CapScope, MicroUsd, PicoUsd, ProjectId, Refusal, ScopeSet, UserId, WorkspaceId};
use serde::Serialize;
use store::workspace::GatewayKeyRow;
use utoipa::ToSchema;

use crate::{Control, KeyCaller};

#[derive(Serialize, ToSchema)]
pub struct Me {
    pub object: &'static str,
    pub workspace_id: WorkspaceId,
    pub project_id: Option<ProjectId>,
    pub user_id: UserId,
    /// The plan of the workspace.
    pub tier: String,
    pub rate_limit_rpm: Option<u64>,
    pub scopes: ScopeSet,
    pub allowed_models: Option<Vec<String>>,
    pub spend: Spend,
}

/// In the running period of the cap, or over all time where there is none.
#[derive(Serialize, ToSchema)]
pub struct Spend {
    pub cap_micro_usd: Option<u64>,
    pub spent_micro_usd: i64,
    /// Reserved for calls in flight, and what nodes may spend without asking.
    pub held_micro_usd: i64,
}

impl Control {
    pub async fn me(&self, caller: KeyCaller) -> Result<Me, Refusal> {
        let row = *caller.row;
        let workspace = self.store.workspace(row.workspace).row().await?;
        let workspace = workspace.ok_or_else(Refusal::not_found)?;
        let spend = self.spend(&row).await?;
        Ok(Me {
            object: "api_key_identity",
            workspace_id: row.workspace,
            project_id: row.project,
            user_id: row.owner,
            tier: workspace.plan,
            rate_limit_rpm: row.policy.rpm_limit,
            scopes: row.scopes,
            allowed_models: row.policy.allowed_models,
            spend,
        })
    }
    async fn spend(&self, key: &GatewayKeyRow) -> Result<Spend, Refusal> {
        let cap_micro_usd = key.policy.spend_cap_micro_usd;
        let cap = Cap {
            scope: CapScope::GatewayKey(key.id),
            amount: micro(cap_micro_usd.unwrap_or_default()),
            period: cap_micro_usd.map_or(CapPeriod::Never, |_| key.policy.cap_period),
            mode: key.policy.cap_mode,
        };
        let standing = self.budgets.standing(key.workspace, &cap).await?;
        let held = cap_micro_usd.map_or(PicoUsd(0), |_| standing.held);
        Ok(Spend {
            cap_micro_usd,
            spent_micro_usd: standing.spent.rounded().0,
            held_micro_usd: held.rounded().0,
        })
    }
}

fn micro(cap: u64) -> PicoUsd {
    PicoUsd::from(MicroUsd(i64::try_from(cap).unwrap_or(i64::MAX)))
}
