//! Provider keys of a workspace: `/v1/workspaces/{workspace}/provider-keys`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{
    ChangeTier, CreateProviderKey, HeadroomView, Page, ProviderKeyFields, ProviderKeyView,
    ReplaceProviderKey,
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
        .routes(routes!(headroom))
}

/// List the provider keys of a workspace, redacted
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/provider-keys",
    tag = "provider keys",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<ProviderKeyView>))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    ok(&ask.shared.control.provider_keys(&reader, ask.page()?).await?)
}

/// Add a provider key: it is probed before it is kept
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/provider-keys",
    tag = "provider keys",
    params(("workspace" = String, Path)),
    request_body = CreateProviderKey,
    responses((status = 201, body = ProviderKeyView))
)]
async fn create(ask: Ask, Path(workspace): Path<String>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let sent = Sent::read(body).await?;
    let (input, once) = (sent.json()?, ask.once(&sent)?);
    let control = &ask.shared.control;
    let make = control.create_provider_key(&writer, input, once.as_ref());
    created(&control.once(writer.doer(), once.as_ref(), make).await?)
}

/// Read a provider key, redacted
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn read(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    versioned(&ask.shared.control.provider_key(&reader, &id).await?)
}

/// Change what is said of a provider key: label, is_active, allowed_models, data_policy
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    request_body = ProviderKeyFields,
    responses((status = 200, body = ProviderKeyView))
)]
async fn change(ask: Ask, Path((workspace, id)): Path<(String, String)>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let (patch, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.change_provider_key(&writer, &id, patch, expected).await?)
}

/// Delete a provider key, with its ciphertext
#[utoipa::path(
    delete,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 204))
)]
async fn delete(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    ask.shared.control.delete_provider_key(&writer, &id).await?;
    no_content()
}

/// Give a provider key another value: probed, id and history kept
#[utoipa::path(
    put,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}/secret",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    request_body = ReplaceProviderKey,
    responses((status = 200, body = ProviderKeyView))
)]
async fn replace(ask: Ask, Path((workspace, id)): Path<(String, String)>, body: Body) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.replace_provider_key(&writer, &id, input, expected).await?)
}

/// Ask the provider again about the stored key
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}/validate",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn validate(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    versioned(&ask.shared.control.validate_provider_key(&writer, &id).await?)
}

/// Make a key the one that is tried first for its provider
#[utoipa::path(
    post,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}/set-default",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ProviderKeyView))
)]
async fn make_default(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let expected = ask.expected()?;
    versioned(&ask.shared.control.make_default_provider_key(&writer, &id, expected).await?)
}

/// Say by hand which tier the key's account is of
#[utoipa::path(
    patch,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}/tier",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    request_body = ChangeTier,
    responses((status = 200, body = ProviderKeyView))
)]
async fn change_tier(
    ask: Ask,
    Path((workspace, id)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let writer = ask.writer(&workspace).await?;
    let (input, expected) = (Sent::read(body).await?.json()?, ask.expected()?);
    let control = &ask.shared.control;
    versioned(&control.change_provider_key_tier(&writer, &id, input, expected).await?)
}

/// What is left of the key's rate limits, model by model
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/provider-keys/{id}/headroom",
    tag = "provider keys",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = HeadroomView))
)]
async fn headroom(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let reader = ask.reader(&workspace).await?;
    ok(&ask.shared.control.headroom(&reader, &id).await?)
}
