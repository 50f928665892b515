//! `/v1/workspaces/{workspace}/members[/{user}]`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{ChangeRole, Invite, MemberView, NewInvitationView, Page};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, invite)).routes(routes!(update, delete))
}

/// List the members of a workspace
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/members",
    tag = "people",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<MemberView>))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    ok(&ask.shared.control.members(&reader, ask.page()?).await?)
}

/// Invite somebody: the answer has the link to send them
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/members",
    tag = "people",
    params(("workspace" = String, Path)),
    request_body = Invite,
    responses((status = 201, body = NewInvitationView))
)]
async fn invite(ask: Ask, Path(workspace): Path<String>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.invite(&writer, &input, once.as_ref());
    created(&control.once(writer.doer(), once.as_ref(), make).await?)
}

/// Change a member's role
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/members/{user}",
    tag = "people",
    params(("workspace" = String, Path), ("user" = String, Path)),
    request_body = ChangeRole,
    responses((status = 200, body = MemberView))
)]
async fn update(ask: Ask, Path((workspace, user)): Path<(String, String)>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let input: ChangeRole = Sent::read(body).await?.json()?;
    ok(&ask.shared.control.change_role(&writer, &user, &input).await?)
}

/// Remove a member, or leave; the gateway keys of who is gone stay with the workspace
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/members/{user}",
    tag = "people",
    params(("workspace" = String, Path), ("user" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path((workspace, user)): Path<(String, String)>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    ask.shared.control.remove_member(&reader, &user).await?;
    no_content()
}
