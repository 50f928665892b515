//! The REST skin: one file per family of routes. Each handler parses, calls one operation, renders.

pub mod api_keys;
pub mod audit;
pub mod byok_keys;
pub mod health;
pub mod invitations;
pub mod me;
pub mod members;
pub mod operator;
pub mod operator_vault;
pub mod platform_keys;
pub mod projects;
pub mod provider_keys;
pub mod providers;
pub mod requests;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod usage;
pub mod users;
pub mod workspaces;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use control::{Made, Versioned};
use http::StatusCode;
use http::header::{ETAG, HeaderName, HeaderValue};
use model::Refusal;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::answer::{Answer, json, ok};
use crate::ask::{Ask, Sent};
use crate::shared::Shared;

/// Every route of management, with its part of the OpenAPI document.
pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(byok_keys::routes())
        .merge(health::routes())
        .merge(invitations::routes())
        .merge(me::routes())
        .merge(members::routes())
        .merge(operator::routes())
        .merge(operator_vault::routes())
        .merge(platform_keys::routes())
        .merge(projects::routes())
        .merge(provider_keys::routes())
        .merge(providers::routes())
        .merge(requests::routes())
        .merge(secrets::routes())
        .merge(sessions::routes())
        .merge(setup::routes())
        .merge(usage::routes())
        .merge(users::routes())
        .merge(workspaces::routes())
}

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// With the version that `If-Match` can name next time.
fn versioned<T: Serialize>(answer: &Versioned<T>) -> Answer {
    let mut response = json(StatusCode::OK, &answer.view)?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", answer.version));
    response.headers_mut().insert(ETAG, tag.map_err(Refusal::internal)?);
    Ok(response)
}

fn created<T: Serialize>(made: &Made<T>) -> Answer {
    match made {
        Made::Now(view) => Ok(json(StatusCode::CREATED, view)?),
        Made::Before(answer) => {
            let mut response = json(StatusCode::CREATED, answer)?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
    }
}

fn no_content() -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
