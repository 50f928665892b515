//! The parts of a workspace.

use model::{Code, ProjectId, Refusal, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workspace::ProjectRow;
use store::{Change, ChangeKind, StoreError};

use crate::{Control, Reader, Writer, fields, storage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    pub name: String,
}

#[derive(Serialize)]
pub struct ProjectView {
    pub id: ProjectId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub created_at: Timestamp,
}

impl Control {
    pub async fn create_project(
        &self,
        writer: &Writer,
        input: CreateProject,
    ) -> Result<ProjectView, Refusal> {
        let now = self.clock.now();
        let workspace = writer.workspace();
        let project = ProjectRow {
            id: ProjectId::new(&*self.clock, &*self.random),
            name: fields::name("name", &input.name)?,
            created_at: now,
        };
        let mut write = self.store.write().await.map_err(storage)?;
        let inserted = write.workspace(workspace).insert_project(&project).await;
        inserted.map_err(|error| match error {
            StoreError::Conflict => {
                let public = format!("there is a project \"{}\" already", project.name);
                Refusal { param: Some("name"), ..Refusal::new(Code::Conflict, public) }
            }
            error => storage(error),
        })?;
        let detail = json!({ "name": project.name });
        write.audit(writer.actor(), Some(workspace), "project.created", project.id, detail);
        write.changed(Change {
            kind: ChangeKind::Workspace,
            workspace: Some(workspace),
            subject: project.id.to_string(),
        });
        write.commit(now).await.map_err(storage)?;
        Ok(view(workspace, project))
    }

    pub async fn projects(&self, reader: &Reader) -> Result<Vec<ProjectView>, Refusal> {
        let workspace = reader.workspace();
        let rows = self.store.workspace(workspace).projects().await.map_err(storage)?;
        Ok(rows.into_iter().map(|row| view(workspace, row)).collect())
    }
}

fn view(workspace_id: WorkspaceId, row: ProjectRow) -> ProjectView {
    ProjectView { id: row.id, workspace_id, name: row.name, created_at: row.created_at }
}
