//! BYOK keys of a project, one for each provider: `/api/v1/projects/{project}/byok-keys`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{ByokKeyFields, ByokKeyView, Page, SetByokKey, Target, Writer};
use model::{Refusal, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(set, change, delete))
        .routes(routes!(test))
}

/// List the keys of a project, redacted
#[utoipa::path(
    get,
    path = "/api/v1/projects/{project}/byok-keys",
    tag = "BYOK keys",
    params(
        ("project" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<ByokKeyView>))
)]
async fn list(ask: Ask, Path(project): Path<String>) -> Answer {
    let reader = ask.scoped(Target::Project(&project), Scope::ReadByok).await?;
    ok(&ask.shared.control.byok_keys(&reader, ask.page()?).await?)
}

/// Set the project's key for a provider: it is probed before it is kept, and replaces the one there is
#[utoipa::path(
    put,
    path = "/api/v1/projects/{project}/byok-keys/{provider}",
    tag = "BYOK keys",
    params(("project" = String, Path), ("provider" = String, Path)),
    request_body = SetByokKey,
    responses((status = 200, body = ByokKeyView))
)]
async fn set(ask: Ask, Path((project, provider)): Path<(String, String)>, body: Body) -> Answer {
    let writer = writer(&ask, &project).await?;
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.set_byok_key(&writer, &provider, input, expected).await?)
}

/// Pause a key or let it be used again
#[utoipa::path(
    patch,
    path = "/api/v1/projects/{project}/byok-keys/{provider}",
    tag = "BYOK keys",
    params(("project" = String, Path), ("provider" = String, Path)),
    request_body = ByokKeyFields,
    responses((status = 200, body = ByokKeyView))
)]
async fn change(ask: Ask, Path((project, provider)): Path<(String, String)>, body: Body) -> Answer {
    let writer = writer(&ask, &project).await?;
    let (patch, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.change_byok_key(&writer, &provider, patch, expected).await?)
}

/// Ask the provider again about the stored key
#[utoipa::path(
    post,
    path = "/api/v1/projects/{project}/byok-keys/{provider}/test",
    tag = "BYOK keys",
    params(("project" = String, Path), ("provider" = String, Path)),
    responses((status = 200, body = ByokKeyView))
)]
async fn test(ask: Ask, Path((project, provider)): Path<(String, String)>) -> Answer {
    let writer = writer(&ask, &project).await?;
    versioned(&ask.shared.control.test_byok_key(&writer, &provider).await?)
}

/// Delete the project's key for a provider, with its ciphertext
#[utoipa::path(
    delete,
    path = "/api/v1/projects/{project}/byok-keys/{provider}",
    tag = "BYOK keys",
    params(("project" = String, Path), ("provider" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path((project, provider)): Path<(String, String)>) -> Answer {
    let writer = writer(&ask, &project).await?;
    ask.shared.control.delete_byok_key(&writer, &provider).await?;
    no_content()
}

async fn writer(ask: &Ask, project: &str) -> Result<Writer, Refusal> {
    ask.scoped(Target::Project(project), Scope::WriteByok).await?.writer()
}
