//! Every route there is, and the OpenAPI document of those that speak JSON.

use std::convert::Infallible;
use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::future::RouteFuture;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use tower_service::Service as _;
use utoipa_axum::router::OpenApiRouter;

use crate::ask::Peer;
use crate::mcp::{self, Mcp, upload};
use crate::shared::Shared;
use crate::{openapi, proxy, refused, rest};

/// Where requests come in, whichever connection they come by.
#[derive(Clone)]
pub struct Routes {
    shared: Arc<Shared>,
    framework: Router,
}

impl Routes {
    pub fn new(shared: Arc<Shared>, mcp: Mcp) -> serde_json::Result<Self> {
        let framework = framework(Arc::clone(&shared), mcp)?;
        Ok(Self { shared, framework })
    }

    pub fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Sent>> + use<> {
        let Self { shared, mut framework } = self.clone();
        async move {
            if proxy::goes_straight(request.method(), request.uri().path()) {
                return proxy::straight(request, shared).await.map(Either::Left);
            }
            request.extensions_mut().insert(peer);
            let routed: RouteFuture<Infallible> = framework.call(request);
            let Ok(response) = routed.await;
            response.map(Either::Right)
        }
    }
}

/// The body of an answer, from whoever gave it.
pub type Sent = Either<gateway::Body, axum::body::Body>;

fn framework(shared: Arc<Shared>, mcp: Mcp) -> serde_json::Result<Router> {
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
