//! The operator's provider keys, which all workspaces share: `/v1/operator/platform-keys`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{
    ChangeTier, CreateProviderKey, Page, ProviderKeyFields, ProviderKeyView, ReplaceProviderKey,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change, delete))
        .routes(routes!(replace))
        .routes(routes!(validate))
        .routes(routes!(make_default))
        .routes(routes!(change_tier))
}

/// List the platform keys, redacted
#[utoipa::path(
    get,
    path = "/v1/operator/platform-keys",
    tag = "operator",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<ProviderKeyView>))
)]
async fn list(ask: Ask) -> Answer {
    let writer = ask.operator().await?.platform();
    ok(&ask.shared.control.provider_keys(&writer, ask.page()?).await?)
}

/// Add a platform key: it is probed before it is kept
#[utoipa::path(
    post,
    path = "/v1/operator/platform-keys",
    tag = "operator",
    request_body = CreateProviderKey,
    responses((status = 201, body = ProviderKeyView))
)]
async fn create(ask: Ask, body: Body) -> Answer {
    let writer = ask.operator().await?.platform();
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.create_provider_key(&writer, input, once.as_ref());
    created(&control.once(writer.doer(), once.as_ref(), make).await?)
}

/// Read a platform key, redacted
#[utoipa::path(
    get,
    path = "/v1/operator/platform-keys/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn read(ask: Ask, Path(id): Path<String>) -> Answer {
    let writer = ask.operator().await?.platform();
    versioned(&ask.shared.control.provider_key(&writer, &id).await?)
}

/// Change what is said of a platform key: label, is_active, allowed_models, data_policy
#[utoipa::path(
    patch,
    path = "/v1/operator/platform-keys/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = ProviderKeyFields,
    responses((status = 200, body = ProviderKeyView))
)]
async fn change(ask: Ask, Path(id): Path<String>, body: Body) -> Answer {
    let writer = ask.operator().await?.platform();
    let (patch, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.change_provider_key(&writer, &id, patch, expected).await?)
}

/// Delete a platform key, with its ciphertext
#[utoipa::path(
    delete,
    path = "/v1/operator/platform-keys/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path(id): Path<String>) -> Answer {
    let writer = ask.operator().await?.platform();
    ask.shared.control.delete_provider_key(&writer, &id).await?;
    no_content()
}

/// Give a platform key another value: probed, id and history kept
#[utoipa::path(
    put,
    path = "/v1/operator/platform-keys/{id}/secret",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = ReplaceProviderKey,
    responses((status = 200, body = ProviderKeyView))
)]
async fn replace(ask: Ask, Path(id): Path<String>, body: Body) -> Answer {
    let writer = ask.operator().await?.platform();
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.replace_provider_key(&writer, &id, input, expected).await?)
}

/// Ask the provider again about the stored key
#[utoipa::path(
    post,
    path = "/v1/operator/platform-keys/{id}/validate",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn validate(ask: Ask, Path(id): Path<String>) -> Answer {
    let writer = ask.operator().await?.platform();
    versioned(&ask.shared.control.validate_provider_key(&writer, &id).await?)
}

/// Make a key the one that is tried first for its provider
#[utoipa::path(
    post,
    path = "/v1/operator/platform-keys/{id}/set-default",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn make_default(ask: Ask, Path(id): Path<String>) -> Answer {
    let writer = ask.operator().await?.platform();
    let expected = ask.expected()?;
    versioned(&ask.shared.control.make_default_provider_key(&writer, &id, expected).await?)
}

/// Say by hand which tier the key's account is of
#[utoipa::path(
    patch,
    path = "/v1/operator/platform-keys/{id}/tier",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = ChangeTier,
    responses((status = 200, body = ProviderKeyView))
)]
async fn change_tier(ask: Ask, Path(id): Path<String>, body: Body) -> Answer {
    let writer = ask.operator().await?.platform();
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.change_provider_key_tier(&writer, &id, input, expected).await?)
}
