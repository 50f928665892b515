//! `GET /healthz`, `/readyz`, `/metrics`

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use model::Refusal;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::json;
use crate::refused::Refused;
use crate::shared::Shared;

#[derive(Serialize, ToSchema)]
struct Readiness {
    database: &'static str,
    /// Whether changes made on other nodes are heard of.
    changes: &'static str,
    journal: &'static str,
    /// Whether the master key that seals now is held here.
    vault: &'static str,
}

const PING_MAX: Duration = Duration::from_secs(5);

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(alive)).routes(routes!(ready)).routes(routes!(metrics))
}

/// The process runs
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")),
    security(())
)]
async fn alive() -> &'static str {
    "ok\n"
}

/// Requests can be served and written down
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)),
    security(())
)]
async fn ready(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let ping = tokio::time::timeout(PING_MAX, shared.control.store.ping()).await;
    let database = matches!(ping, Ok(Ok(())));
    let holds = tokio::time::timeout(PING_MAX, shared.control.holds_active_key()).await;
    let vault = matches!(holds, Ok(Ok(true)));
    let journal = !shared.gateway.journal.stats().failed;
    let gateway = &shared.gateway;
    let changes = !gateway.directory.is_stale(gateway.limits.stale_max);
    let word = |well| if well { "ok" } else { "failing" };
    let readiness = Readiness {
        database: word(database),
        changes: word(changes),
        journal: word(journal),
        vault: word(vault),
    };
    let status = match database && changes && journal && vault {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(json(status, &readiness)?)
}

/// What is counted, in the OpenMetrics format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
    security(())
)]
async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    let text =
        shared.telemetry.render(&shared.gateway, &shared.control).map_err(Refusal::internal)?;
    let mut response = Response::new(Body::from(text));
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(open_metrics));
    Ok(response)
}
