//! `/v1/workspaces/{workspace}/invitations[/{id}]`, and for whoever holds a link `/v1/invitations/{token}`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{AcceptInvitation, InvitationView, JoinedView, Made, OpenInvitationView, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(revoke)).routes(routes!(show, accept))
}

/// List the invitations that may still be accepted
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/invitations",
    tag = "people",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<InvitationView>))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ok(&ask.shared.control.invitations(&writer, ask.page()?).await?)
}

/// Revoke an invitation
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/invitations/{id}",
    tag = "people",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 204))
)]
async fn revoke(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ask.shared.control.revoke_invitation(&writer, &id).await?;
    no_content()
}

/// Show an invitation to whoever holds its link
#[utoipa::path(
    get,
    path = "/v1/invitations/{token}",
    tag = "people",
    params(("token" = String, Path)),
    responses((status = 200, body = OpenInvitationView)),
    security(())
)]
async fn show(ask: Ask, Path(token): Path<String>) -> Answer {
    ok(&ask.shared.control.open_invitation(&token).await?)
}

/// Accept an invitation and sign in: with a new password, or with that of the account that is there
#[utoipa::path(
    post,
    path = "/v1/invitations/{token}",
    tag = "people",
    params(("token" = String, Path)),
    request_body = AcceptInvitation,
    responses((status = 201, body = JoinedView)),
    security(())
)]
async fn accept(ask: Ask, Path(token): Path<String>, body: Body) -> Answer {
    let input: AcceptInvitation = Sent::read(body).await?.json()?;
    let joined = ask.shared.control.accept_invitation(&token, &input, ask.from()).await?;
    created(&Made::Now(joined))
}
