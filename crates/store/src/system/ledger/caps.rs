//! Who may have a cap: every workspace, project and gateway key with what it is set to. Across tenants, because budgets are.

use model::{CapScope, GatewayKeyId, KeyPolicy, ProjectId, Settings, WorkspaceId};

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
    pub project: Option<ProjectId>,
    pub policy: KeyPolicy,
}

impl System<'_> {
    pub async fn all_settings(&self) -> Result<Vec<SettingsRow>> {
        self.db.all(SETTINGS, args![]).await?.iter().map(settings_row).collect()
    }

    pub async fn settings_of(&self, scope: CapScope) -> Result<Option<SettingsRow>> {
        let sql = match scope {
            CapScope::Project(_) => SETTINGS_OF_PROJECT,
            CapScope::Workspace(_) => SETTINGS_OF_WORKSPACE,
            CapScope::GatewayKey(_) | CapScope::Pool(_) => return Ok(None),
        };
        let row = self.db.one(sql, args![&scope.to_string()]).await?;
        row.as_ref().map(settings_row).transpose()
    }

    pub async fn key_policy(&self, key: GatewayKeyId) -> Result<Option<KeyPolicyRow>> {
        self.db.one(POLICY, args![key]).await?.as_ref().map(policy_row).transpose()
    }

    pub async fn all_key_policies(&self) -> Result<Vec<KeyPolicyRow>> {
        self.db.all(POLICIES, args![]).await?.iter().map(policy_row).collect()
    }
}

fn settings_row(row: &Row) -> Result<SettingsRow> {
    Ok(SettingsRow {
        scope: row.get("scope")?,
        workspace: row.parse("workspace_id")?,
        settings: row.json("settings")?,
    })
}

fn policy_row(row: &Row) -> Result<KeyPolicyRow> {
    Ok(KeyPolicyRow {
        scope: row.get("scope")?,
        workspace: row.parse("workspace_id")?,
        project: row.parse_opt("project_id")?,
        policy: row.json("policy")?,
    })
}

const SETTINGS: &str = "select id as scope, id as workspace_id, settings
    from workspaces
    union all
    select id as scope, workspace_id, settings
    from projects";

const POLICIES: &str = "select id as scope, workspace_id, project_id, policy
    from gateway_keys";

const SETTINGS_OF_PROJECT: &str = "select id as scope, workspace_id, settings
    from projects
    where id = $1";

const SETTINGS_OF_WORKSPACE: &str = "select id as scope, id as workspace_id, settings
    from workspaces
    where id = $1";

const POLICY: &str = "select id as scope, workspace_id, project_id, policy
    from gateway_keys
    where id = $1";
