//! `POST /v1/setup`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::{json, read};
use crate::refused::Refused;
use crate::shared::Shared;

pub async fn create(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let made = shared.control.set_up(read(body).await?).await?;
    Ok(json(StatusCode::CREATED, &made)?)
}
