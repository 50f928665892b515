//! What a gateway key is told about itself.

use model::{ProjectId, ScopeSet, UserId, WorkspaceId};
use serde::Serialize;

use crate::{Control, KeyCaller};

#[derive(Serialize)]
pub struct Me {
    pub object: &'static str,
    pub workspace_id: WorkspaceId,
    pub project_id: Option<ProjectId>,
    pub user_id: UserId,
    pub tier: &'static str,
    pub rate_limit_rpm: Option<u64>,
    pub scopes: ScopeSet,
    pub allowed_models: Option<Vec<String>>,
    pub spend: Spend,
}

/// Micro-USD; nothing is capped and nothing is priced yet.
#[derive(Serialize)]
pub struct Spend {
    pub cap_micro_usd: Option<i64>,
    pub spent_micro_usd: Option<i64>,
    pub held_micro_usd: Option<i64>,
}

/// The plan of an instance whose operator defined none.
const SELF_HOSTED: &str = "self_hosted";

impl Control {
    pub fn me(&self, caller: KeyCaller) -> Me {
        let row = caller.row;
        Me {
            object: "api_key_identity",
            workspace_id: row.workspace,
            project_id: row.project,
            user_id: row.owner,
            tier: SELF_HOSTED,
            rate_limit_rpm: None,
            scopes: row.scopes,
            allowed_models: row.allowed_models,
            spend: Spend { cap_micro_usd: None, spent_micro_usd: None, held_micro_usd: None },
        }
    }
}
