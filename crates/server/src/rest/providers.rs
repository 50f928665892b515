//! `GET /v1/providers`: for whoever has any credential.

use std::sync::Arc;

use control::{Page, ProviderInfo};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, ok};
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the providers there can be keys for, and where to get one
#[utoipa::path(
    get,
    path = "/v1/providers",
    tag = "providers",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<ProviderInfo>))
)]
async fn list(ask: Ask) -> Answer {
    let caller = ask.caller().await?;
    ok(&ask.shared.control.providers(&caller, &ask.page()?))
}
