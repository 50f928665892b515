//! `GET|POST /v1/workspaces`, `GET /v1/workspaces/{workspace}`

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
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    Ok(page(shared.control.workspaces(&person).await?)?)
}

pub async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let made = shared.control.create_workspace(&person, read(body).await?).await?;
    Ok(json(StatusCode::CREATED, &made)?)
}

pub async fn show(
    State(shared): State<Arc<Shared>>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    let reader = shared.control.reader(&person, &workspace).await?;
    Ok(json(StatusCode::OK, &shared.control.workspace(&reader).await?)?)
}
