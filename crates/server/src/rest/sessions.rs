//! `POST /v1/sessions`, `DELETE /v1/sessions/current`

use std::sync::Arc;

use axum::body::Body;
use control::{LoginView, Made, SignIn};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(delete))
}

/// Sign in
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "people",
    request_body = SignIn,
    responses((status = 201, body = LoginView)),
    security(())
)]
async fn create(ask: Ask, body: Body) -> Answer {
    let input: SignIn = Sent::read(body).await?.json()?;
    created(&Made::Now(ask.shared.control.sign_in(&input, ask.from()).await?))
}

/// Sign out
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "people", responses((status = 204)))]
async fn delete(ask: Ask) -> Answer {
    ask.shared.control.sign_out(&ask.person().await?).await?;
    no_content()
}
