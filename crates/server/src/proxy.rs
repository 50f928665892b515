//! The skin of the data plane: turns the framework's request into the gateway's and back. No rule lives here.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use gateway::{Raw, Reply, handle, list_models};
use http_body_util::BodyExt as _;
use model::{Refusal, RequestId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::refused::Refused;
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(inference)).routes(routes!(models))
}

/// Ask a model, in OpenAI's chat completions dialect
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "inference",
    request_body = Object,
    responses((status = 200, body = Object))
)]
async fn inference(
    State(shared): State<Arc<Shared>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let body = body.map_err(Into::into).boxed_unsync();
    let raw = Raw { id, parts, body };
    answer(&shared, handle(&shared.gateway, raw).await)
}

/// List the models that the gateway key can reach
#[utoipa::path(get, path = "/v1/models", tag = "inference", responses((status = 200, body = Object)))]
async fn models(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Refused> {
    let (parts, _) = request.into_parts();
    answer(&shared, list_models(&shared.gateway, &parts).await)
}

fn answer(shared: &Shared, reply: Result<Reply, Refusal>) -> Result<Response, Refused> {
    match reply {
        Ok(reply) => Ok(reply.map(Body::new)),
        Err(refusal) => {
            shared.gateway.metrics.refused(refusal.code.as_str());
            Err(refusal.into())
        }
    }
}
