//! `GET /v1/me`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use gateway::credential;

use super::json;
use crate::refused::Refused;
use crate::shared::Shared;

pub async fn show(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let caller = shared.control.key_caller(credential(&headers)?.as_deref()).await?;
    Ok(json(StatusCode::OK, &shared.control.me(caller))?)
}
