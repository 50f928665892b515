//! `GET /v1/workspaces/{workspace}/audit`, `GET .../audit/verify`, and the same of the instance for its operator

use std::sync::Arc;

use axum::extract::Path;
use control::{AuditReport, AuditView, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(verify))
        .routes(routes!(list_of_instance))
        .routes(routes!(verify_instance))
}

/// List who did what in a workspace, newest first
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/audit",
    tag = "audit",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("action" = Option<String>, Query),
        ("actor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<AuditView>))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ok(&ask.shared.control.audit(&writer, ask.query()?).await?)
}

/// Check a workspace's audit, link by link
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/audit/verify",
    tag = "audit",
    params(("workspace" = String, Path)),
    responses((status = 200, body = AuditReport))
)]
async fn verify(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ok(&ask.shared.control.verify_audit(&writer).await?)
}

/// List who did what to the instance itself, newest first
#[utoipa::path(
    get,
    path = "/v1/operator/audit",
    tag = "operator",
    params(
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("action" = Option<String>, Query),
        ("actor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<AuditView>))
)]
async fn list_of_instance(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.instance_audit(&operator, ask.query()?).await?)
}

/// Check the instance's audit, link by link
#[utoipa::path(
    get,
    path = "/v1/operator/audit/verify",
    tag = "operator",
    responses((status = 200, body = AuditReport))
)]
async fn verify_instance(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.verify_instance_audit(&operator).await?)
}
