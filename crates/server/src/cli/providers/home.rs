//! Where provider keys are: those of a workspace by their ids, those of a project by their providers.

use crate::cli::client::path;
use crate::cli::connection::Connection;

/// Whose keys are meant.
#[derive(clap::Args)]
pub struct Home {
    /// The keys of this project, by id or name, instead of the workspace's
    #[arg(long, value_name = "PROJECT")]
    pub project: Option<String>,
}

#[derive(clap::Args)]
pub struct One {
    /// The id of a workspace's key, or with --project the provider
    pub key: String,
    #[command(flatten)]
    pub home: Home,
}

impl Home {
    /// Where the keys are.
    pub async fn path(&self, to: &Connection) -> anyhow::Result<String> {
        match &self.project {
            Some(project) => Ok(byok_keys(&to.project(project).await?)),
            None => Ok(provider_keys(&to.workspace().await?)),
        }
    }
}

impl One {
    pub async fn path(&self, to: &Connection) -> anyhow::Result<String> {
        Ok(format!("{}{}", self.home.path(to).await?, path([&self.key])))
    }
}

pub fn provider_keys(workspace: &str) -> String {
    path(["v1", "workspaces", workspace, "provider-keys"])
}

pub fn byok_keys(project: &str) -> String {
    path(["api", "v1", "projects", project, "byok-keys"])
}

pub async fn of_workspace(to: &Connection, key: &str) -> anyhow::Result<String> {
    Ok(format!("{}{}", provider_keys(&to.workspace().await?), path([key])))
}
