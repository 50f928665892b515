//! What belongs to no tenant or to all of them: the only place with queries across tenants, each with its reason.

mod answers;
mod attempts;
mod cap_notices;
mod instance;
mod key_checks;
mod key_operations;
mod ledger;
mod nodes;
mod people;
mod rotation;
mod seals;
mod uploads;

use model::ProjectId;

use crate::Result;
use crate::db::{Db, args};
use crate::workspace::{GatewayKeyRow, WorkspaceRow, gateway_key_row, workspace_row};

pub use crate::attempt::AttemptRow;
pub use answers::AnswerRow;
pub use instance::{InstanceRow, InstanceSecretRow, KeyState, KeyringRow};
pub use key_checks::KeyInUse;
pub use ledger::{
    BudgetCheck, BudgetRow, KeyPolicyRow, LeaseRow, OddAttempt, OffsetRow, SettingsRow, UnendedRow,
    UnsettledRow, UsageGap,
};
pub use nodes::NodeRow;
pub use people::{SessionRow, UserRow};
pub use rotation::{JobState, NewReseal, ResealJobRow};
pub use seals::{SealCount, SealRow, SealTable, SealTarget, SealedKeyRow};

pub(crate) use attempts::{Batch, Folded, OpenAttempts, settle_orphans};

pub struct System<'a> {
    pub(crate) db: &'a Db,
}

impl System<'_> {
    /// Across tenants, because the token is all a caller gives: the hash decides the tenant.
    pub async fn gateway_key_by_hash(&self, hash: &[u8]) -> Result<Option<GatewayKeyRow>> {
        let row = self.db.one(GATEWAY_KEY_BY_HASH, args![hash]).await?;
        row.as_ref().map(gateway_key_row).transpose()
    }

    /// Across tenants, because some routes name only the project.
    pub async fn workspace_of_project(&self, project: ProjectId) -> Result<Option<WorkspaceRow>> {
        let row = self.db.one(WORKSPACE_OF_PROJECT, args![project]).await?;
        row.as_ref().map(workspace_row).transpose()
    }
}

const GATEWAY_KEY_BY_HASH: &str = "select id, workspace_id, project_id, user_id, name, token_hash,
        previous_hash, previous_until, shown, scopes, policy, version, expires_at, blocked_at,
        revoked_at, created_at
    from gateway_keys
    where token_hash = $1 or previous_hash = $1";

const WORKSPACE_OF_PROJECT: &str =
    "select w.id as workspace_id, w.name, w.plan, w.settings, w.version, w.salt,
        w.created_at
    from projects p
    join workspaces w on w.id = p.workspace_id
    where p.id = $1";
