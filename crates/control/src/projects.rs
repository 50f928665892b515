//! The parts of a workspace.

use model::settings::Patch;
use model::{Code, ProjectId, Refusal, Settings, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::StoreError;
use store::workspace::ProjectRow;
use utoipa::ToSchema;

use crate::settings::Of;
use crate::workspaces::DEFAULT_PROJECT;
use crate::{Control, Expected, Once, Page, PageWish, Reader, Versioned, Writer, fields};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    pub name: String,
}

#[derive(Serialize, ToSchema)]
pub struct ProjectView {
    pub id: ProjectId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub created_at: Timestamp,
    #[serde(flatten)]
    pub settings: Settings,
}

/// A workspace and all of its projects are read together.
const PROJECTS_MAX: u64 = 1000;

impl Control {
    pub async fn create_project(
        &self,
        writer: &Writer,
        input: CreateProject,
        once: Option<&Once>,
    ) -> Result<ProjectView, Refusal> {
        let name = fields::name("name", &input.name)?;
        let mut unit = self.unit(writer).await?;
        let project = ProjectRow {
            id: ProjectId::new(&*self.clock, &*self.random),
            name,
            settings: Settings::default(),
            version: 1,
            created_at: unit.now(),
        };
        let mut rows = unit.rows();
        rows.lock().await?;
        if rows.count_projects().await? >= PROJECTS_MAX {
            let public = format!("a workspace has at most {PROJECTS_MAX} projects");
            return Err(Refusal::new(Code::Conflict, public));
        }
        let inserted = rows.insert_project(&project).await;
        inserted.map_err(|error| name_taken(error, &project.name))?;
        let view = view(writer.workspace(), project);
        unit.remember(once, &view).await?;
        unit.commit("project.created", view.id, json!({ "name": view.name })).await?;
        Ok(view)
    }

    pub async fn projects(
        &self,
        reader: &Reader,
        wish: PageWish,
    ) -> Result<Page<ProjectView>, Refusal> {
        let workspace = reader.workspace();
        let rows = self.store.workspace(workspace).projects().await?;
        Ok(wish.cut(rows, |row| row.id.to_string(), |row| view(workspace, row)))
    }

    pub async fn project(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<Versioned<ProjectView>, Refusal> {
        let row = self.store.workspace(reader.workspace()).project(parse(id)?).await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        Ok(Versioned { version: row.version, view: view(reader.workspace(), row) })
    }

    pub async fn update_project(
        &self,
        writer: &Writer,
        id: &str,
        patch: Patch,
        expected: Expected,
    ) -> Result<Versioned<ProjectView>, Refusal> {
        let id = parse(id)?;
        let change = self.change(Of::Project(writer.workspace(), id), patch).await?;
        let mut unit = self.unit(writer).await?;
        change.hold(&mut unit).await?;
        let mut row = unit.rows().touch_project(id).await?.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        if let Some(name) = change.name() {
            refuse_default(&row, name != DEFAULT_PROJECT, "renamed")?;
            row.name.clone_from(name);
        }
        let detail = change.detail();
        row.settings = self.changed(&mut unit, &row.settings, change).await?;
        let saved = unit.rows().save_project(&row).await;
        saved.map_err(|error| name_taken(error, &row.name))?;
        unit.commit("project.updated", id, detail).await?;
        Ok(Versioned { version: row.version, view: view(writer.workspace(), row) })
    }

    /// With its gateway keys, its provider keys and the secret of its webhook.
    pub async fn delete_project(&self, writer: &Writer, id: &str) -> Result<(), Refusal> {
        let id = parse(id)?;
        let mut unit = self.unit(writer).await?;
        let row = unit.rows().touch_project(id).await?.ok_or_else(Refusal::not_found)?;
        refuse_default(&row, true, "deleted")?;
        for key in unit.rows().provider_keys_of(id).await? {
            unit.audit("provider_key.deleted", key, json!({ "project": id }));
        }
        let secret = Of::Project(writer.workspace(), id).secret_name();
        unit.rows().delete_secret(&secret).await?;
        unit.rows().delete_project(id).await?;
        unit.commit("project.deleted", id, json!({ "name": row.name })).await
    }
}

fn parse(id: &str) -> Result<ProjectId, Refusal> {
    id.parse().map_err(|_| Refusal::not_found())
}

fn refuse_default(row: &ProjectRow, would_go: bool, how: &str) -> Result<(), Refusal> {
    if row.name == DEFAULT_PROJECT && would_go {
        let public = format!("the project \"{DEFAULT_PROJECT}\" cannot be {how}");
        return Err(Refusal::new(Code::Conflict, public));
    }
    Ok(())
}

fn name_taken(error: StoreError, name: &str) -> Refusal {
    match error {
        StoreError::Conflict => {
            let public = format!("there is a project \"{name}\" already");
            Refusal { param: Some("name"), ..Refusal::new(Code::Conflict, public) }
        }
        error => error.into(),
    }
}

fn view(workspace_id: WorkspaceId, row: ProjectRow) -> ProjectView {
    ProjectView {
        id: row.id,
        workspace_id,
        name: row.name,
        created_at: row.created_at,
        settings: row.settings,
    }
}
