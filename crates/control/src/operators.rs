//! What the operator decides about tenants: that they are there, what they are called, which plan they have. Sees nothing of
//! what is inside.

use model::{Refusal, Role, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::WorkspaceRow;
use utoipa::ToSchema;

use crate::invitations::Invited;
use crate::{
    Control, Expected, NewInvitationView, Once, Operator, Page, PageWish, Versioned, fields,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FoundWorkspace {
    pub name: String,
    /// Gets an invitation.
    pub owner_email: String,
    #[serde(default)]
    pub plan: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    #[serde(default, deserialize_with = "crate::patch::mentioned")]
    #[schema(value_type = String)]
    pub name: Option<Option<String>>,
    /// `null` is the default plan.
    #[serde(default, deserialize_with = "crate::patch::mentioned")]
    #[schema(value_type = Option<String>)]
    pub plan: Option<Option<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct TenantView {
    pub id: WorkspaceId,
    pub name: String,
    pub plan: String,
    pub created_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct NewTenantView {
    #[serde(flatten)]
    pub view: TenantView,
    /// For its owner.
    pub invitation: NewInvitationView,
}

impl Control {
    pub async fn tenants(
        &self,
        _operator: &Operator,
        wish: PageWish,
    ) -> Result<Page<TenantView>, Refusal> {
        let rows = self.store.system().workspaces(wish.after(), wish.rows()).await?;
        Ok(wish.page(rows, |row| row.id.to_string(), view))
    }

    /// A workspace without members: who follows the link becomes its owner.
    pub async fn found_workspace(
        &self,
        operator: &Operator,
        input: &FoundWorkspace,
        once: Option<&Once>,
    ) -> Result<NewTenantView, Refusal> {
        let name = fields::name("name", &input.name)?;
        let email = fields::email(&input.owner_email)?;
        let plan = self.plan_name(input.plan.as_deref())?;
        let id = WorkspaceId::new(&*self.clock, &*self.random);
        let mut unit = self.unit_by(operator.doer(), id).await?;
        let made = self.insert_workspace(unit.write(), id, &name, &plan).await?;
        let invited = Invited { workspace: id, email, role: Role::Owner };
        let by = operator.person().user;
        let invitation = self.insert_invitation(&mut unit, invited, by).await?;
        let remembered = Remembered { view: view(made.row), invitation: &invitation.view };
        unit.remember(once, &remembered).await?;
        let view = remembered.view;
        unit.audit("invitation.created", invitation.view.id, json!({ "role": Role::Owner }));
        unit.commit("workspace.created", id, json!({ "name": view.name, "plan": plan })).await?;
        Ok(NewTenantView { view, invitation })
    }

    pub async fn tenant(
        &self,
        operator: &Operator,
        id: &str,
    ) -> Result<Versioned<TenantView>, Refusal> {
        let workspace = self.operator_over(operator, id).await?.workspace();
        let row = self.store.workspace(workspace).row().await?;
        row.map(versioned).ok_or_else(Refusal::not_found)
    }

    pub async fn update_tenant(
        &self,
        operator: &Operator,
        id: &str,
        input: UpdateTenant,
        expected: Expected,
    ) -> Result<Versioned<TenantView>, Refusal> {
        let writer = self.operator_over(operator, id).await?;
        // There is no name to go back to: null is as bad as an empty one.
        let name = input.name.map(|name| fields::name("name", &name.unwrap_or_default()));
        let name = name.transpose()?;
        let plan = input.plan.map(|plan| self.plan_name(plan.as_deref())).transpose()?;
        let mut unit = self.unit(&writer).await?;
        let mut row = unit.rows().touch().await?.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        let before = row.plan.clone();
        row.name = name.unwrap_or(row.name);
        row.plan = plan.unwrap_or(row.plan);
        unit.rows().save(&row).await?;
        let detail = json!({ "name": row.name, "plan": { "from": before, "to": row.plan } });
        unit.commit("workspace.updated", row.id, detail).await?;
        Ok(versioned(row))
    }
}

/// What a repetition is answered: without the token and the link.
#[derive(Serialize)]
struct Remembered<'a, Invitation> {
    #[serde(flatten)]
    view: TenantView,
    invitation: &'a Invitation,
}

fn versioned(row: WorkspaceRow) -> Versioned<TenantView> {
    Versioned { version: row.version, view: view(row) }
}

fn view(row: WorkspaceRow) -> TenantView {
    TenantView { id: row.id, name: row.name, plan: row.plan, created_at: row.created_at }
}
