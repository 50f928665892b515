//! Tenants: made by whoever is signed in, seen by their members only.

use model::{ProjectId, Refusal, Role, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Write;
use store::workspace::ProjectRow;
use vault::WorkspaceSalt;

use crate::{Control, Person, Reader, fields, storage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    pub name: String,
}

#[derive(Serialize)]
pub struct WorkspaceView {
    pub id: WorkspaceId,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
}

#[derive(Serialize)]
pub struct NamedId<Id> {
    pub id: Id,
    pub name: String,
}

pub(crate) struct Made {
    pub workspace: NamedId<WorkspaceId>,
    pub project: NamedId<ProjectId>,
}

/// Every workspace has it.
const DEFAULT_PROJECT: &str = "default";

impl Control {
    pub async fn create_workspace(
        &self,
        person: &Person,
        input: CreateWorkspace,
    ) -> Result<WorkspaceView, Refusal> {
        let name = fields::name("name", &input.name)?;
        let now = self.clock.now();
        let mut write = self.store.write().await.map_err(storage)?;
        let made = self.insert_workspace(&mut write, person.user, &name).await?;
        write.commit(now).await.map_err(storage)?;
        Ok(WorkspaceView { id: made.workspace.id, name, role: Role::Owner, created_at: now })
    }

    pub async fn workspaces(&self, person: &Person) -> Result<Vec<WorkspaceView>, Refusal> {
        let rows = self.store.system().workspaces_of(person.user).await.map_err(storage)?;
        let views = rows.into_iter().map(|(row, role)| WorkspaceView {
            id: row.id,
            name: row.name,
            role,
            created_at: row.created_at,
        });
        Ok(views.collect())
    }

    pub async fn workspace(&self, reader: &Reader) -> Result<WorkspaceView, Refusal> {
        let row = self.store.workspace(reader.workspace()).row().await.map_err(storage)?;
        let row = row.ok_or_else(Refusal::not_found)?;
        Ok(WorkspaceView {
            id: row.id,
            name: row.name,
            role: reader.role(),
            created_at: row.created_at,
        })
    }

    /// The workspace, its salt, its default project and its owner.
    pub(crate) async fn insert_workspace(
        &self,
        write: &mut Write,
        user: UserId,
        name: &str,
    ) -> Result<Made, Refusal> {
        let now = self.clock.now();
        let id = WorkspaceId::new(&*self.clock, &*self.random);
        let salt = WorkspaceSalt::generate(&*self.random);
        write.insert_workspace(id, name, salt.as_bytes(), now).await.map_err(storage)?;
        let project = ProjectRow {
            id: ProjectId::new(&*self.clock, &*self.random),
            name: DEFAULT_PROJECT.to_owned(),
            created_at: now,
        };
        let mut inside = write.workspace(id);
        inside.insert_project(&project).await.map_err(storage)?;
        inside.insert_member(user, Role::Owner, now).await.map_err(storage)?;
        let actor = model::Actor::User(user);
        write.audit(actor, Some(id), "workspace.created", id, json!({ "name": name }));
        Ok(Made {
            workspace: NamedId { id, name: name.to_owned() },
            project: NamedId { id: project.id, name: project.name },
        })
    }
}
