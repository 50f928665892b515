//! `/v1/operator/workspaces[/{workspace}]`, `/v1/operator/plans`, `/v1/operator/nodes[/{id}]`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{
    Forcing, ForgottenNodeView, FoundWorkspace, NewTenantView, NodeView, Page, PlanView,
    TenantView, UpdateTenant,
};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update))
        .routes(routes!(plans))
        .routes(routes!(nodes))
        .routes(routes!(forget_node))
}

/// List all workspaces
#[utoipa::path(
    get,
    path = "/v1/operator/workspaces",
    tag = "operator",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<TenantView>))
)]
async fn list(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.tenants(&operator, ask.page()?).await?)
}

/// Make a workspace for somebody: the answer has the link to send its owner
#[utoipa::path(
    post,
    path = "/v1/operator/workspaces",
    tag = "operator",
    request_body = FoundWorkspace,
    responses((status = 201, body = NewTenantView))
)]
async fn create(ask: Ask, body: Body) -> Answer {
    let operator = ask.operator().await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.found_workspace(&operator, &input, once.as_ref());
    created(&control.once(operator.doer(), once.as_ref(), make).await?)
}

/// Show a workspace's name and plan
#[utoipa::path(
    get,
    path = "/v1/operator/workspaces/{workspace}",
    tag = "operator",
    params(("workspace" = String, Path)),
    responses((status = 200, body = TenantView))
)]
async fn show(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let operator = ask.operator().await?;
    versioned(&ask.shared.control.tenant(&operator, &workspace).await?)
}

/// Change a workspace's name or plan
#[utoipa::path(
    patch,
    path = "/v1/operator/workspaces/{workspace}",
    tag = "operator",
    params(("workspace" = String, Path)),
    request_body = UpdateTenant,
    responses((status = 200, body = TenantView))
)]
async fn update(ask: Ask, Path(workspace): Path<String>, body: Body) -> Answer {
    let operator = ask.operator().await?;
    let input = Sent::read(body).await?.json()?;
    let expected = ask.expected()?;
    versioned(&ask.shared.control.update_tenant(&operator, &workspace, input, expected).await?)
}

/// List the plans there are
#[utoipa::path(
    get,
    path = "/v1/operator/plans",
    tag = "operator",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<PlanView>))
)]
async fn plans(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.plans(&operator, ask.page()?))
}

/// List the processes that serve this instance
#[utoipa::path(
    get,
    path = "/v1/operator/nodes",
    tag = "operator",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<NodeView>))
)]
async fn nodes(ask: Ask) -> Answer {
    let operator = ask.operator().await?;
    ok(&ask.shared.control.nodes(&operator, ask.page()?).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgetQuery {
    force: Option<bool>,
}

/// Give up a node whose data is lost: what it had leased counts as spent, what it had begun as unsettled
#[utoipa::path(
    delete,
    path = "/v1/operator/nodes/{id}",
    tag = "operator",
    params(
        ("id" = String, Path),
        ("force" = Option<bool>, Query, description = "Although it was seen within the last minute")
    ),
    responses((status = 200, body = ForgottenNodeView))
)]
async fn forget_node(ask: Ask, Path(id): Path<String>) -> Answer {
    let operator = ask.operator().await?;
    let ForgetQuery { force } = ask.query()?;
    let whether = if force == Some(true) { Forcing::Yes } else { Forcing::No };
    ok(&ask.shared.control.forget_node(&operator, &id, whether).await?)
}
