//! `GET|POST /api/secrets`, `GET|PATCH|DELETE /api/secrets/{name}`, `GET /api/v1/tenant/byok-providers`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{
    ByokProviders, CreateSecret, Page, PageWish, Reader, SecretView, UpdateSecret, Writer,
};
use model::{Refusal, Scope, SecretCategory};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, delete))
        .routes(routes!(byok_providers))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    category: Option<SecretCategory>,
}

/// List the secrets of a workspace, without their values
#[utoipa::path(
    get,
    path = "/api/secrets",
    tag = "secrets",
    params(
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces"),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("category" = Option<SecretCategory>, Query)
    ),
    responses((status = 200, body = Page<SecretView>))
)]
async fn list(ask: Ask) -> Answer {
    let reader = reading(&ask).await?;
    let SecretsQuery { limit, cursor, category } = ask.query()?;
    let wish = PageWish::new(limit, cursor)?;
    ok(&ask.shared.control.secrets(&reader, wish, category).await?)
}

/// Seal a secret; one named `provider_key_<provider>` becomes the workspace's default key for that provider
#[utoipa::path(
    post,
    path = "/api/secrets",
    tag = "secrets",
    params(
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces"),
        ("Idempotency-Key" = Option<String>, Header)
    ),
    request_body = CreateSecret,
    responses((status = 201, body = SecretView))
)]
async fn create(ask: Ask, body: Body) -> Answer {
    let writer = writing(&ask).await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.create_secret(&writer, input, once.as_ref());
    created(&control.once(writer.doer(), once.as_ref(), make).await?)
}

/// One secret, without its value
#[utoipa::path(
    get,
    path = "/api/secrets/{name}",
    tag = "secrets",
    params(
        ("name" = String, Path),
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces")
    ),
    responses((status = 200, body = SecretView))
)]
async fn read(ask: Ask, Path(name): Path<String>) -> Answer {
    let reader = reading(&ask).await?;
    versioned(&ask.shared.control.secret(&reader, &name).await?)
}

/// Replace a secret's value, or what is said of it
#[utoipa::path(
    patch,
    path = "/api/secrets/{name}",
    tag = "secrets",
    params(
        ("name" = String, Path),
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces"),
        ("If-Match" = Option<String>, Header)
    ),
    request_body = UpdateSecret,
    responses((status = 200, body = SecretView))
)]
async fn update(ask: Ask, Path(name): Path<String>, body: Body) -> Answer {
    let writer = writing(&ask).await?;
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    versioned(&ask.shared.control.update_secret(&writer, &name, input, expected).await?)
}

/// Delete a secret, with its ciphertext
#[utoipa::path(
    delete,
    path = "/api/secrets/{name}",
    tag = "secrets",
    params(
        ("name" = String, Path),
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces")
    ),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path(name): Path<String>) -> Answer {
    let writer = writing(&ask).await?;
    ask.shared.control.delete_secret(&writer, &name).await?;
    no_content()
}

/// For which providers the workspace has an active key of its own
#[utoipa::path(
    get,
    path = "/api/v1/tenant/byok-providers",
    tag = "secrets",
    params(
        ("X-Tenant-Id" = Option<String>, Header, description = "For who belongs to several workspaces")
    ),
    responses((status = 200, body = ByokProviders))
)]
async fn byok_providers(ask: Ask) -> Answer {
    let reader = ask.scoped(ask.tenant()?, Scope::ReadByok).await?;
    ok(&ask.shared.control.byok_providers(&reader).await?)
}

async fn reading(ask: &Ask) -> Result<Reader, Refusal> {
    ask.scoped(ask.tenant()?, Scope::ReadSecrets).await
}

async fn writing(ask: &Ask) -> Result<Writer, Refusal> {
    ask.scoped(ask.tenant()?, Scope::WriteSecrets).await?.writer()
}
