//! Every route there is, and the OpenAPI document of those that speak JSON.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;

use crate::mcp::{self, Mcp, upload};
use crate::shared::Shared;
use crate::{openapi, proxy, refused, rest};

pub fn routes(shared: Arc<Shared>, mcp: Mcp) -> serde_json::Result<Router> {
    let documented = OpenApiRouter::new().merge(proxy::routes()).merge(rest::routes());
    let (documented, document) = documented.split_for_parts();
    Ok(documented
        .merge(openapi::routes(&openapi::complete(&document)?))
        .route("/mcp", post(mcp::serve).layer(Extension(Arc::new(mcp))))
        .route("/upload/{token}", get(upload::show).post(upload::take))
        .fallback(refused::not_found)
        .method_not_allowed_fallback(refused::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&shared), refused::observe))
        .with_state(shared))
}
