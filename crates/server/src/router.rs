//! Every route there is.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use crate::rest::{api_keys, health, me, projects, provider_keys, sessions, setup, workspaces};
use crate::shared::Shared;
use crate::{proxy, refused};

pub fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(proxy::inference))
        .route("/v1/models", get(proxy::models))
        .route("/v1/me", get(me::show))
        .route("/v1/setup", post(setup::create))
        .route("/v1/sessions", post(sessions::create))
        .route("/v1/sessions/current", delete(sessions::delete))
        .route("/v1/workspaces", get(workspaces::list).post(workspaces::create))
        .route("/v1/workspaces/{workspace}", get(workspaces::show))
        .route("/v1/workspaces/{workspace}/projects", get(projects::list).post(projects::create))
        .route(
            "/v1/workspaces/{workspace}/provider-keys",
            get(provider_keys::list).post(provider_keys::create),
        )
        .route("/v1/workspaces/{workspace}/provider-keys/{id}", delete(provider_keys::delete))
        .route(
            "/v1/workspaces/{workspace}/api-keys",
            get(api_keys::list_of_workspace).post(api_keys::create_for_workspace),
        )
        .route("/v1/workspaces/{workspace}/api-keys/{id}", delete(api_keys::delete_of_workspace))
        .route(
            "/api/v1/projects/{project}/api-keys",
            get(api_keys::list_of_project).post(api_keys::create_for_project),
        )
        .route("/api/v1/projects/{project}/api-keys/{id}", delete(api_keys::delete_of_project))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(refused::not_found)
        .method_not_allowed_fallback(refused::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&shared), refused::observe))
        .with_state(shared)
}
