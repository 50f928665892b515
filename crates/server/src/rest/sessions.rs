//! `POST /v1/sessions`, `DELETE /v1/sessions/current`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{json, no_content, person, read};
use crate::refused::Refused;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: String,
    password: String,
}

pub async fn create(State(shared): State<Arc<Shared>>, body: Body) -> Result<Response, Refused> {
    let input: SignIn = read(body).await?;
    let login = shared.control.sign_in(&input.email, &input.password).await?;
    Ok(json(StatusCode::CREATED, &login)?)
}

pub async fn delete(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let person = person(&shared, &headers).await?;
    shared.control.sign_out(&person).await?;
    Ok(no_content())
}
