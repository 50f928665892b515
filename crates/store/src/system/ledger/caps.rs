//! Who may have a cap: every workspace, project and gateway key with what it is set to. Across tenants, because budgets are.

use model::{KeyPolicy, Settings, WorkspaceId};

use crate::Result;
use crate::db::{Row, args};
use crate::system::System;

/// Of a workspace or a project.
#[derive(Clone, Debug)]
pub struct SettingsRow {
    /// Its id, as budgets call it.
    pub scope: String,
    pub workspace: WorkspaceId,
    pub settings: Settings,
}

#[derive(Clone, Debug)]
pub struct KeyPolicyRow {
    pub scope: String,
    pub workspace: WorkspaceId,
    /// Absent for a key of the whole workspace.
    pub project: Option<model::ProjectId>,
    pub policy: KeyPolicy,
}

impl System<'_> {
    pub async fn all_settings(&self) -> Result<Vec<SettingsRow>> {
        let row = |row: &Row| {
            Ok(SettingsRow {
                scope: row.get("scope")?,
                workspace: row.parse("workspace_id")?,
                settings: row.json("settings")?,
            })
        };
        self.db.all(SETTINGS, args![]).await?.iter().map(row).collect()
    }

    pub async fn all_key_policies(&self) -> Result<Vec<KeyPolicyRow>> {
        let row = |row: &Row| {
            Ok(KeyPolicyRow {
                scope: row.get("scope")?,
                workspace: row.parse("workspace_id")?,
                project: row.parse_opt("project_id")?,
                policy: row.json("policy")?,
            })
        };
        self.db.all(POLICIES, args![]).await?.iter().map(row).collect()
    }
}

const SETTINGS: &str = "select id as scope, id as workspace_id, settings
    from workspaces
    union all
    select id as scope, workspace_id, settings
    from projects";

const POLICIES: &str = "select id as scope, workspace_id, project_id, policy
    from gateway_keys";
