//! Tenants: made by whoever is signed in, seen by their members only.

use model::settings::Patch;
use model::{Code, ProjectId, Refusal, Role, Settings, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Write;
use store::workspace::{ProjectRow, WorkspaceRow};
use utoipa::ToSchema;
use vault::WorkspaceSalt;

use crate::settings::{Of, WorkspaceSettings};
use crate::{Control, Expected, Once, Page, PageWish, Person, Reader, Versioned, Writer, fields};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    pub name: String,
}

#[derive(Serialize, ToSchema)]
pub struct WorkspaceView {
    pub id: WorkspaceId,
    pub name: String,
    /// The caller's.
    pub role: Role,
    pub plan: String,
    pub created_at: Timestamp,
    #[serde(flatten)]
    pub settings: WorkspaceSettings,
}

#[derive(Serialize, ToSchema)]
pub struct NamedId<Id> {
    pub id: Id,
    pub name: String,
}

pub(crate) struct NewWorkspace {
    pub row: WorkspaceRow,
    pub project: NamedId<ProjectId>,
}

/// Every workspace has it, and it keeps its name.
pub(crate) const DEFAULT_PROJECT: &str = "default";

impl Control {
    pub async fn create_workspace(
        &self,
        person: &Person,
        input: CreateWorkspace,
        once: Option<&Once>,
    ) -> Result<WorkspaceView, Refusal> {
        let name = fields::name("name", &input.name)?;
        let id = WorkspaceId::new(&*self.clock, &*self.random);
        let mut unit = self.unit_by(person.doer(), id).await?;
        let plan = self.plans.default_name();
        let made = self.insert_workspace(unit.write(), id, &name, plan).await?;
        let now = unit.now();
        unit.rows().insert_member(person.user, Role::Owner, now).await?;
        let view = view(made.row, Role::Owner);
        unit.remember(once, &view).await?;
        unit.commit("workspace.created", id, json!({ "name": view.name })).await?;
        Ok(view)
    }

    pub async fn workspaces(
        &self,
        person: &Person,
        wish: PageWish,
    ) -> Result<Page<WorkspaceView>, Refusal> {
        let system = self.store.system();
        let rows = system.workspaces_of(person.user, wish.after(), wish.rows()).await?;
        Ok(wish.page(rows, |(row, _)| row.id.to_string(), |(row, role)| view(row, role)))
    }

    pub async fn workspace(&self, reader: &Reader) -> Result<Versioned<WorkspaceView>, Refusal> {
        let role = reader.role().ok_or_else(Refusal::not_found)?;
        let row = self.store.workspace(reader.workspace()).row().await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        Ok(Versioned { version: row.version, view: view(row, role) })
    }

    pub async fn update_workspace(
        &self,
        writer: &Writer,
        patch: Patch,
        expected: Expected,
    ) -> Result<Versioned<WorkspaceView>, Refusal> {
        let role = writer.role().ok_or_else(Refusal::not_found)?;
        let change = self.change(Of::Workspace(writer.workspace()), patch).await?;
        let mut unit = self.unit(writer).await?;
        change.hold(&mut unit).await?;
        let mut row = unit.rows().touch().await?.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        if let Some(name) = change.name() {
            row.name.clone_from(name);
        }
        let detail = change.detail();
        row.settings = self.changed(&mut unit, &row.settings, change).await?;
        unit.rows().save(&row).await?;
        unit.commit("workspace.updated", row.id, detail).await?;
        Ok(Versioned { version: row.version, view: view(row, role) })
    }

    /// With all that is in it. The salt goes with the row, and without it no copy of what was sealed opens any more. The
    /// instance's own audit remembers, because nobody can look into the workspace's.
    pub async fn delete_workspace(&self, writer: &Writer) -> Result<(), Refusal> {
        let (mut unit, acting) = self.locked(writer).await?;
        if acting != Role::Owner {
            return Err(Refusal::new(Code::ForbiddenRole, "only an owner may do this"));
        }
        if !unit.rows().delete().await? {
            return Err(Refusal::not_found());
        }
        let id = writer.workspace();
        unit.write().audit(writer.doer(), None, "workspace.deleted", id, json!({}));
        unit.commit("workspace.deleted", id, json!({})).await
    }

    /// The workspace, its salt and its default project; no member yet.
    pub(crate) async fn insert_workspace(
        &self,
        write: &mut Write,
        id: WorkspaceId,
        name: &str,
        plan: &str,
    ) -> Result<NewWorkspace, Refusal> {
        let now = self.clock.now();
        let salt = WorkspaceSalt::generate(&*self.random);
        let row = WorkspaceRow {
            id,
            name: name.to_owned(),
            plan: plan.to_owned(),
            settings: Settings::default(),
            version: 1,
            salt: salt.as_bytes().to_vec(),
            created_at: now,
        };
        write.insert_workspace(&row).await?;
        let project = ProjectRow {
            id: ProjectId::new(&*self.clock, &*self.random),
            name: DEFAULT_PROJECT.to_owned(),
            settings: Settings::default(),
            version: 1,
            created_at: now,
        };
        write.workspace(id).insert_project(&project).await?;
        Ok(NewWorkspace { row, project: NamedId { id: project.id, name: project.name } })
    }
}

fn view(row: WorkspaceRow, role: Role) -> WorkspaceView {
    WorkspaceView {
        id: row.id,
        name: row.name,
        role,
        plan: row.plan,
        created_at: row.created_at,
        settings: WorkspaceSettings(row.settings),
    }
}
