//! `/v1/workspaces[/{workspace}]`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{CreateWorkspace, Page, WorkspaceFields, WorkspaceView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, update, delete))
}

/// List the workspaces one belongs to
#[utoipa::path(
    get,
    path = "/v1/workspaces",
    tag = "workspaces",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<WorkspaceView>))
)]
async fn list(ask: Ask) -> Answer {
    let person = ask.person().await?;
    ok(&ask.shared.control.workspaces(&person, ask.page()?).await?)
}

/// Make a workspace, and become its owner
#[utoipa::path(
    post,
    path = "/v1/workspaces",
    tag = "workspaces",
    request_body = CreateWorkspace,
    responses((status = 201, body = WorkspaceView))
)]
async fn create(ask: Ask, body: Body) -> Answer {
    let person = ask.person().await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.create_workspace(&person, input, once.as_ref());
    created(&control.once(person.doer(), once.as_ref(), make).await?)
}

/// Show a workspace and its settings
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}",
    tag = "workspaces",
    params(("workspace" = String, Path)),
    responses((status = 200, body = WorkspaceView))
)]
async fn show(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    versioned(&ask.shared.control.workspace(&reader).await?)
}

/// Rename a workspace or change its settings
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}",
    tag = "workspaces",
    params(("workspace" = String, Path)),
    request_body = WorkspaceFields,
    responses((status = 200, body = WorkspaceView))
)]
async fn update(ask: Ask, Path(workspace): Path<String>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let patch = Sent::read(body).await?.json()?;
    versioned(&ask.shared.control.update_workspace(&writer, patch, ask.expected()?).await?)
}

/// Delete a workspace with everything in it
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}",
    tag = "workspaces",
    params(("workspace" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ask.shared.control.delete_workspace(&writer).await?;
    no_content()
}
