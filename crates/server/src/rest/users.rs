//! `/v1/users/current`

use std::sync::Arc;

use axum::body::Body;
use control::{ChangePassword, CurrentUserView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, no_content, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(change_password))
}

/// Who one is, and where one belongs
#[utoipa::path(
    get,
    path = "/v1/users/current",
    tag = "people",
    responses((status = 200, body = CurrentUserView))
)]
async fn show(ask: Ask) -> Answer {
    let person = ask.person().await?;
    ok(&ask.shared.control.current_user(&person).await?)
}

/// Change one's password; all other sessions end
#[utoipa::path(
    put,
    path = "/v1/users/current/password",
    tag = "people",
    request_body = ChangePassword,
    responses((status = 204))
)]
async fn change_password(ask: Ask, body: Body) -> Answer {
    let person = ask.person().await?;
    let input: ChangePassword = Sent::read(body).await?.json()?;
    ask.shared.control.change_password(&person, &input).await?;
    no_content()
}
