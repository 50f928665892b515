//! Gateway keys: `/api/v1/projects/{project}/api-keys` and `/v1/workspaces/{workspace}/api-keys`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{
    GatewayKeyFields, GatewayKeyView, NewGatewayKeyView, Page, Reader, RotateGatewayKey, Target,
};
use http::StatusCode;
use model::{Refusal, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, Sent, created, json, no_content, ok, versioned};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    of_project::routes().merge(of_workspace::routes())
}

/// The same routes below a project and below a workspace. The formatter would move the attributes further each time.
#[rustfmt::skip]
macro_rules! face {
    (
        $target:path, $owner:literal, $list:literal, $one:literal, $rotate:literal, $block:literal,
        $unblock:literal
    ) => {
        pub fn routes() -> OpenApiRouter<Arc<Shared>> {
            OpenApiRouter::new()
                .routes(routes!(list, create))
                .routes(routes!(show, update, revoke))
                .routes(routes!(rotate))
                .routes(routes!(block))
                .routes(routes!(unblock))
        }

        /// List gateway keys
        #[utoipa::path(
            get,
            path = $list,
            tag = "gateway keys",
            params(
                ($owner = String, Path),
                ("limit" = Option<u32>, Query),
                ("cursor" = Option<String>, Query)
            ),
            responses((status = 200, body = Page<GatewayKeyView>))
        )]
        async fn list(ask: Ask, Path(owner): Path<String>) -> Answer {
            let reader = reading(&ask, $target(&owner)).await?;
            ok(&ask.shared.control.gateway_keys(&reader, ask.page()?).await?)
        }

        /// Make a gateway key; it is shown this once
        #[utoipa::path(
            post,
            path = $list,
            tag = "gateway keys",
            params(($owner = String, Path)),
            request_body = GatewayKeyFields,
            responses((status = 201, body = NewGatewayKeyView))
        )]
        async fn create(ask: Ask, Path(owner): Path<String>, body: Body) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            let sent = Sent::read(body).await?;
            let (input, once) = (sent.json()?, ask.once(&sent)?);
            let control = &ask.shared.control;
            let make = control.create_gateway_key(&reader, input, once.as_ref());
            created(&control.once(reader.doer(), once.as_ref(), make).await?)
        }

        /// Show a gateway key, but for the key itself
        #[utoipa::path(
            get,
            path = $one,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            responses((status = 200, body = GatewayKeyView))
        )]
        async fn show(ask: Ask, Path((owner, id)): Path<(String, String)>) -> Answer {
            let reader = reading(&ask, $target(&owner)).await?;
            versioned(&ask.shared.control.gateway_key(&reader, &id).await?)
        }

        /// Change what a gateway key may do
        #[utoipa::path(
            patch,
            path = $one,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            request_body = GatewayKeyFields,
            responses((status = 200, body = GatewayKeyView))
        )]
        async fn update(ask: Ask, Path((owner, id)): Path<(String, String)>, body: Body) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            let patch = Sent::read(body).await?.json()?;
            let control = &ask.shared.control;
            let updated = control.update_gateway_key(&reader, &id, patch, ask.expected()?);
            versioned(&updated.await?)
        }

        /// Revoke a gateway key, for good
        #[utoipa::path(
            delete,
            path = $one,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            responses((status = 204))
        )]
        async fn revoke(ask: Ask, Path((owner, id)): Path<(String, String)>) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            ask.shared.control.revoke_gateway_key(&reader, &id).await?;
            no_content()
        }

        /// Give a gateway key a new token, shown this once
        #[utoipa::path(
            post,
            path = $rotate,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            request_body = RotateGatewayKey,
            responses((status = 200, body = NewGatewayKeyView))
        )]
        async fn rotate(ask: Ask, Path((owner, id)): Path<(String, String)>, body: Body) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            let input = Sent::read(body).await?.json_or_nothing()?;
            let rotated = ask.shared.control.rotate_gateway_key(&reader, &id, input).await?;
            Ok(json(StatusCode::OK, &rotated)?)
        }

        /// Take a gateway key out of use for a while
        #[utoipa::path(
            post,
            path = $block,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            responses((status = 200, body = GatewayKeyView))
        )]
        async fn block(ask: Ask, Path((owner, id)): Path<(String, String)>) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            versioned(&ask.shared.control.block_gateway_key(&reader, &id).await?)
        }

        /// Put a blocked gateway key back into use
        #[utoipa::path(
            post,
            path = $unblock,
            tag = "gateway keys",
            params(($owner = String, Path), ("id" = String, Path)),
            responses((status = 200, body = GatewayKeyView))
        )]
        async fn unblock(ask: Ask, Path((owner, id)): Path<(String, String)>) -> Answer {
            let reader = changing(&ask, $target(&owner)).await?;
            versioned(&ask.shared.control.unblock_gateway_key(&reader, &id).await?)
        }
    };
}

mod of_project {
    use super::*;

    face!(
        Target::Project,
        "project",
        "/api/v1/projects/{project}/api-keys",
        "/api/v1/projects/{project}/api-keys/{id}",
        "/api/v1/projects/{project}/api-keys/{id}/rotate",
        "/api/v1/projects/{project}/api-keys/{id}/block",
        "/api/v1/projects/{project}/api-keys/{id}/unblock"
    );
}

mod of_workspace {
    use super::*;

    face!(
        Target::Workspace,
        "workspace",
        "/v1/workspaces/{workspace}/api-keys",
        "/v1/workspaces/{workspace}/api-keys/{id}",
        "/v1/workspaces/{workspace}/api-keys/{id}/rotate",
        "/v1/workspaces/{workspace}/api-keys/{id}/block",
        "/v1/workspaces/{workspace}/api-keys/{id}/unblock"
    );
}

async fn reading(ask: &Ask, target: Target<'_>) -> Result<Reader, Refusal> {
    ask.scoped(target, Scope::ReadKeys).await
}

/// Members may change what they own, so the operation itself decides about people.
async fn changing(ask: &Ask, target: Target<'_>) -> Result<Reader, Refusal> {
    ask.scoped(target, Scope::WriteKeys).await
}
