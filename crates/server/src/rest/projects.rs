//! `GET|POST /v1/workspaces/{workspace}/projects`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::{json, page, person, read};
use crate::refused::Refused;
use crate::shared::Shared;

pub async fn list(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let reader = shared.control.reader(&person, &workspace).await?;
    Ok(page(shared.control.projects(&reader).await?)?)
}

pub async fn create(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let writer = shared.control.reader(&person, &workspace).await?.writer()?;
    let made = shared.control.create_project(&writer, read(body).await?).await?;
    Ok(json(StatusCode::CREATED, &made)?)
}
