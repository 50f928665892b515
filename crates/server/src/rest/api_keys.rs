//! Gateway keys: `/api/v1/projects/{project}/api-keys` and `/v1/workspaces/{workspace}/api-keys`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use control::Reader;
use http::{HeaderMap, StatusCode};
use model::{ProjectId, Refusal};

use super::{json, no_content, page, person, read};
use crate::refused::Refused;
use crate::shared::Shared;

/// Whose keys a route is about: a project's, or with none the whole workspace's.
type Owner = (Reader, Option<ProjectId>);

async fn of_workspace(
    shared: &Shared,
    headers: &HeaderMap,
    workspace: &str,
) -> Result<Owner, Refusal> {
    let person = person(shared, headers).await?;
    Ok((shared.control.reader(&person, workspace).await?, None))
}

async fn of_project(shared: &Shared, headers: &HeaderMap, project: &str) -> Result<Owner, Refusal> {
    let person = person(shared, headers).await?;
    let (reader, project) = shared.control.reader_of_project(&person, project).await?;
    Ok((reader, Some(project)))
}

async fn list(shared: &Shared, (reader, project): Owner) -> Result<Response, Refused> {
    Ok(page(shared.control.gateway_keys(&reader, project).await?)?)
}

async fn create(
    shared: &Shared,
    (reader, project): Owner,
    body: Body,
) -> Result<Response, Refused> {
    let input = read(body).await?;
    let made = shared.control.create_gateway_key(&reader, project, input).await?;
    Ok(json(StatusCode::CREATED, &made)?)
}

async fn delete(shared: &Shared, (reader, project): Owner, id: &str) -> Result<Response, Refused> {
    shared.control.revoke_gateway_key(&reader, project, id).await?;
    Ok(no_content())
}

pub async fn list_of_workspace(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    list(&shared, of_workspace(&shared, &headers, &workspace).await?).await
}

pub async fn create_for_workspace(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    create(&shared, of_workspace(&shared, &headers, &workspace).await?, body).await
}

pub async fn delete_of_workspace(
    State(shared): State<Arc<Shared>>,
    Path((workspace, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    delete(&shared, of_workspace(&shared, &headers, &workspace).await?, &id).await
}

pub async fn list_of_project(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    list(&shared, of_project(&shared, &headers, &project).await?).await
}

pub async fn create_for_project(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    create(&shared, of_project(&shared, &headers, &project).await?, body).await
}

pub async fn delete_of_project(
    State(shared): State<Arc<Shared>>,
    Path((project, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    delete(&shared, of_project(&shared, &headers, &project).await?, &id).await
}
