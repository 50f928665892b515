//! What a gateway key is told about itself.

use model::{ProjectId, Refusal, ScopeSet, UserId, WorkspaceId};
use serde::Serialize;
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

/// Micro-USD; nothing is priced yet, so that what is spent is not known.
#[derive(Serialize, ToSchema)]
pub struct Spend {
    pub cap_micro_usd: Option<u64>,
    pub spent_micro_usd: Option<i64>,
    pub held_micro_usd: Option<i64>,
}

impl Control {
    pub async fn me(&self, caller: KeyCaller) -> Result<Me, Refusal> {
        let row = *caller.row;
        let workspace = self.store.workspace(row.workspace).row().await?;
        let workspace = workspace.ok_or_else(Refusal::not_found)?;
        Ok(Me {
            object: "api_key_identity",
            workspace_id: row.workspace,
            project_id: row.project,
            user_id: row.owner,
            tier: workspace.plan,
            rate_limit_rpm: row.policy.rpm_limit,
            scopes: row.scopes,
            allowed_models: row.policy.allowed_models,
            spend: Spend {
                cap_micro_usd: row.policy.spend_cap_micro_usd,
                spent_micro_usd: None,
                held_micro_usd: None,
            },
        })
    }
}
