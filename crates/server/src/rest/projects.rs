//! `/v1/workspaces/{workspace}/projects[/{id}]`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{CreateProject, Page, ProjectFields, ProjectView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete))
}

/// List the projects of a workspace
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/projects",
    tag = "projects",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<ProjectView>))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    ok(&ask.shared.control.projects(&reader, ask.page()?).await?)
}

/// Make a project
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/projects",
    tag = "projects",
    params(("workspace" = String, Path)),
    request_body = CreateProject,
    responses((status = 201, body = ProjectView))
)]
async fn create(ask: Ask, Path(workspace): Path<String>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.create_project(&writer, input, once.as_ref());
    created(&control.once(writer.doer(), once.as_ref(), make).await?)
}

/// Show a project and its settings
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/projects/{id}",
    tag = "projects",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ProjectView))
)]
async fn show(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    versioned(&ask.shared.control.project(&reader, &id).await?)
}

/// Rename a project or change its settings
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/projects/{id}",
    tag = "projects",
    params(("workspace" = String, Path), ("id" = String, Path)),
    request_body = ProjectFields,
    responses((status = 200, body = ProjectView))
)]
async fn update(ask: Ask, Path((workspace, id)): Path<(String, String)>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let patch = Sent::read(body).await?.json()?;
    let expected = ask.expected()?;
    versioned(&ask.shared.control.update_project(&writer, &id, patch, expected).await?)
}

/// Delete a project with its keys
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/projects/{id}",
    tag = "projects",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ask.shared.control.delete_project(&writer, &id).await?;
    no_content()
}
