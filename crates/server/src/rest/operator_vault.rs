//! The vault, for the operator: `GET /v1/operator/vault`, `GET .../doctor`, `POST .../rotate`, `POST .../rebind`

use std::sync::Arc;

use axum::body::Body;
use control::{DoctorView, JobView, Rebind, RebindView, RotateVault, VaultView};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, json, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(doctor))
        .routes(routes!(rotate))
        .routes(routes!(rebind))
}

/// Which master key and which suite seal, what is left of others, and how a rotation is going
#[utoipa::path(
    get,
    path = "/v1/operator/vault",
    tag = "operator",
    responses((status = 200, body = VaultView))
)]
async fn status(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.vault_status(&operator).await?)
}

/// Open every stored value once, and name those that do not open
#[utoipa::path(
    get,
    path = "/v1/operator/vault/doctor",
    tag = "operator",
    responses((status = 200, body = DoctorView))
)]
async fn doctor(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.vault_doctor(&operator).await?)
}

/// Seal everything anew: under a new master key, or with another suite
#[utoipa::path(
    post,
    path = "/v1/operator/vault/rotate",
    tag = "operator",
    request_body = RotateVault,
    responses((status = 202, body = JobView))
)]
async fn rotate(ask: Ask, body: Body) -> Answer {
    let operator = ask.operator().await?;
    let input: RotateVault = Sent::read(body).await?.json_or_nothing()?;
    let job = ask.shared.control.rotate_vault(&operator, input).await?;
    Ok(json(StatusCode::ACCEPTED, &job)?)
}

/// Let a provider's keys be sent to the address the operator gave it
#[utoipa::path(
    post,
    path = "/v1/operator/vault/rebind",
    tag = "operator",
    request_body = Rebind,
    responses((status = 200, body = RebindView))
)]
async fn rebind(ask: Ask, body: Body) -> Answer {
    let operator = ask.operator().await?;
    let input: Rebind = Sent::read(body).await?.json()?;
    ok(&ask.shared.control.rebind_vault(&operator, input).await?)
}
