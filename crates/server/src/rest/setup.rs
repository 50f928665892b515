//! `POST /v1/setup`

use std::sync::Arc;

use axum::body::Body;
use control::{Made, SetUp, SetUpView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(set_up))
}

/// Make the first owner, with the set-up token that was printed at the first start
#[utoipa::path(
    post,
    path = "/v1/setup",
    tag = "set-up",
    request_body = SetUp,
    responses((status = 201, body = SetUpView)),
    security(())
)]
async fn set_up(ask: Ask, body: Body) -> Answer {
    let input: SetUp = Sent::read(body).await?.json()?;
    created(&Made::Now(ask.shared.control.set_up(input, ask.from()).await?))
}
