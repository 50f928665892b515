//! `GET|POST /v1/workspaces/{workspace}/provider-keys`, `DELETE .../{id}`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{json, no_content, page, person, read};
use crate::refused::Refused;
use crate::shared::Shared;

pub async fn list(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let reader = shared.control.reader(&person, &workspace).await?;
    Ok(page(shared.control.provider_keys(&reader).await?)?)
}

pub async fn create(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let writer = shared.control.reader(&person, &workspace).await?.writer()?;
    let made = shared.control.create_provider_key(&writer, read(body).await?).await?;
    Ok(json(StatusCode::CREATED, &made)?)
}

pub async fn delete(
    State(shared): State<Arc<Shared>>,
    Path((workspace, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let writer = shared.control.reader(&person, &workspace).await?.writer()?;
    shared.control.delete_provider_key(&writer, &id).await?;
    Ok(no_content())
}
