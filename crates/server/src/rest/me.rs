//! `GET /v1/me`

use std::sync::Arc;

use control::Me;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What the gateway key of the request is, and what it may do
#[utoipa::path(get, path = "/v1/me", tag = "gateway keys", responses((status = 200, body = Me)))]
async fn show(ask: Ask) -> Answer {
    let caller = ask.key_caller().await?;
    ok(&ask.shared.control.me(caller).await?)
}
