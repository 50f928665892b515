//! The parts of a workspace. Every workspace has one named `default`.

use model::{ProjectId, Settings, Timestamp};

use super::Workspace;
use crate::db::{Row, args};
use crate::{Result, WorkspaceWrite};

#[derive(Clone, Debug)]
pub struct ProjectRow {
    pub id: ProjectId,
    pub name: String,
    pub settings: Settings,
    pub version: i64,
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
    pub async fn count_projects(&mut self) -> Result<u64> {
        let row = self.tx.one(COUNT, args![self.id]).await?;
        let count: i64 = row.map(|row| row.get("projects")).transpose()?.unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    pub async fn insert_project(&mut self, project: &ProjectRow) -> Result<()> {
        let args = args![
            project.id,
            self.id,
            &project.name,
            &project.settings,
            project.version,
            project.created_at,
        ];
        self.tx.run(INSERT, args).await?;
        Ok(())
    }

    /// The row as it is, locked until the commit, with the version that `save_project` will give it.
    pub async fn touch_project(&mut self, id: ProjectId) -> Result<Option<ProjectRow>> {
        self.tx.one(TOUCH, args![self.id, id]).await?.as_ref().map(project_row).transpose()
    }

    pub async fn save_project(&mut self, row: &ProjectRow) -> Result<()> {
        self.tx.run(SAVE, args![self.id, row.id, &row.name, &row.settings]).await?;
        Ok(())
    }

    /// With its keys. The ledger keeps its id.
    pub async fn delete_project(&mut self, id: ProjectId) -> Result<bool> {
        Ok(self.tx.run(DELETE, args![self.id, id]).await? > 0)
    }
}

fn project_row(row: &Row) -> Result<ProjectRow> {
    Ok(ProjectRow {
        id: row.parse("id")?,
        name: row.get("name")?,
        settings: row.json("settings")?,
        version: row.get("version")?,
        created_at: row.time("created_at")?,
    })
}

const ALL: &str = "select id, name, settings, version, created_at
    from projects
    where workspace_id = $1
    order by created_at, id";

const BY_ID: &str = "select id, name, settings, version, created_at
    from projects
    where workspace_id = $1 and id = $2";

const COUNT: &str = "select count(*) as projects
    from projects
    where workspace_id = $1";

const INSERT: &str = "insert into projects (id, workspace_id, name, settings, version, created_at)
    values ($1, $2, $3, $4, $5, $6)";

const TOUCH: &str = "update projects
    set version = version + 1
    where workspace_id = $1 and id = $2
    returning id, name, settings, version, created_at";

const SAVE: &str = "update projects
    set name = $3, settings = $4
    where workspace_id = $1 and id = $2";

const DELETE: &str = "delete from projects
    where workspace_id = $1 and id = $2";
