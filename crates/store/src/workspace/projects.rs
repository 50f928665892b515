//! The parts of a workspace. Every workspace has one named `default`.

use model::{ProjectId, Timestamp};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub name: String,
    pub created_at: Timestamp,
}

impl Workspace<'_> {
    pub async fn projects(&self) -> Result<Vec<ProjectRow>> {
        self.db.all(ALL, args![self.id]).await?.iter().map(project_row).collect()
    }

    pub async fn project(&self, id: ProjectId) -> Result<Option<ProjectRow>> {
        self.db.one(BY_ID, args![self.id, id]).await?.as_ref().map(project_row).transpose()
    }
}

impl WorkspaceWrite<'_> {
    pub async fn insert_project(&mut self, project: &ProjectRow) -> Result<()> {
        let args = args![project.id, self.id, &project.name, project.created_at];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }
}

fn project_row(row: &Row) -> Result<ProjectRow> {
    Ok(ProjectRow {
        id: row.parse("id")?,
        name: row.get("name")?,
        created_at: row.time("created_at")?,
    })
}

const ALL: &str = "select id, name, created_at
    from projects
    where workspace_id = $1
    order by created_at, id";

const BY_ID: &str = "select id, name, created_at
    from projects
    where workspace_id = $1 and id = $2";

const INSERT: &str = "insert into projects (id, workspace_id, name, created_at)
    values ($1, $2, $3, $4)";
