//! `GET /v1/workspaces/{workspace}/usage`, as JSON or CSV

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use control::{Target, UsageView, UsageWish};
use model::{Refusal, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, ok};
use crate::answer::table;
use crate::csv;
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// Add up what a workspace used and what it cost, by model, key, project or time
///
/// A project's key sees its project. Times are rounded outwards to whole hours.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/usage",
    tag = "usage",
    params(
        ("workspace" = String, Path),
        ("from" = Option<String>, Query, description = "A time or a day; by default 30 days before `to`"),
        ("to" = Option<String>, Query, description = "Not included; by default now"),
        ("group_by" = Option<model::UsageBy>, Query, description = "By default `day`"),
        ("gateway_key" = Option<String>, Query),
        ("model" = Option<String>, Query),
        ("payer" = Option<String>, Query, description = "`byok` or `platform`"),
        ("project" = Option<String>, Query),
        ("provider" = Option<String>, Query),
        ("provider_key" = Option<String>, Query),
        ("format" = Option<String>, Query, description = "`json` or `csv`, as `Accept` says too")
    ),
    responses((status = 200, content((UsageView = "application/json"), (String = "text/csv"))))
)]
async fn show(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.scoped(Target::Within(&workspace), Scope::ReadUsage).await?;
    let wish: UsageWish = ask.query()?;
    let is_table = ask.wants_table(wish.format.as_deref())?;
    let view = ask.shared.control.usage(&reader, &wish).await?;
    if !is_table {
        return ok(&view);
    }
    let lines = csv::lines(&COLUMNS, &view.items).map_err(Refusal::internal)?;
    Ok(table(Body::from(csv::titles(&COLUMNS) + &lines)))
}

const COLUMNS: [&str; 14] = [
    "group",
    "requests",
    "attempts",
    "failures",
    "unpriced",
    "unsettled",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_micro_usd",
    "average_latency_ms",
    "average_ttft_ms",
];
