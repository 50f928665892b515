//! `GET /v1/workspaces/{workspace}/requests[/{id}]`: lists as JSON in pages, or as CSV from the first row to the last

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Path;
use bytes::Bytes;
use control::{AttemptView, Page, Reader, RequestQuery, RequestView, RequestWish, Target};
use futures_util::stream::try_unfold;
use model::{Refusal, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Ask, ok};
use crate::answer::table;
use crate::csv;
use crate::shared::Shared;

pub fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// List what became of a workspace's requests, newest first: one item per attempt
///
/// A project's key sees its project. A page may be short, or empty, and have others after it, as `next_cursor` tells. CSV holds
/// all that fit, however many: `limit` is for pages.
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/requests",
    tag = "usage",
    params(
        ("workspace" = String, Path),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("from" = Option<String>, Query, description = "A time or a day; by default 30 days ago"),
        ("to" = Option<String>, Query, description = "Not included"),
        ("gateway_key" = Option<String>, Query),
        ("min_status" = Option<u16>, Query, description = "The provider's status, at least"),
        ("model" = Option<String>, Query),
        ("outcome" = Option<String>, Query, description = "`completed`, `failed`, `cut`, `aborted` or `unknown`"),
        ("payer" = Option<String>, Query, description = "`byok` or `platform`"),
        ("project" = Option<String>, Query),
        ("provider" = Option<String>, Query),
        ("provider_key" = Option<String>, Query),
        ("state" = Option<String>, Query, description = "`open`, `settled` or `unsettled`"),
        ("streamed" = Option<bool>, Query),
        ("format" = Option<String>, Query, description = "`json` or `csv`, as `Accept` says too")
    ),
    responses((status = 200, content((Page<AttemptView> = "application/json"), (String = "text/csv"))))
)]
async fn list(ask: Ask, Path(workspace): Path<String>) -> Answer {
    let reader = ask.scoped(Target::Within(&workspace), Scope::ReadUsage).await?;
    let wish: RequestWish = ask.query()?;
    let is_table = ask.wants_table(wish.format.as_deref())?;
    let control = &ask.shared.control;
    let mut query = control.request_query(&reader, &wish)?;
    if !is_table {
        return ok(&control.requests(&reader, &mut query).await?);
    }
    let mut query = query.in_large_pages();
    // What can be refused is refused before the first byte.
    let first = lines(&control.requests(&reader, &mut query).await?)?;
    let export = Export { shared: Arc::clone(&ask.shared), reader, query };
    Ok(table(export.body(csv::titles(&COLUMNS) + &first)))
}

/// Show what became of one request: all its attempts
#[utoipa::path(
    get,
    path = "/v1/workspaces/{workspace}/requests/{id}",
    tag = "usage",
    params(("workspace" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = RequestView))
)]
async fn show(ask: Ask, Path((workspace, id)): Path<(String, String)>) -> Answer {
    let reader = ask.scoped(Target::Within(&workspace), Scope::ReadUsage).await?;
    ok(&ask.shared.control.request(&reader, &id).await?)
}

/// What of a list is still to be written. One page is in memory at a time, and the next is read when it was taken.
struct Export {
    shared: Arc<Shared>,
    reader: Reader,
    query: RequestQuery,
}

impl Export {
    /// One that fails in the middle breaks off, so that nobody takes it for whole.
    fn body(self, first: String) -> Body {
        Body::from_stream(try_unfold((self, Some(first)), |(mut export, ready)| async move {
            match ready {
                Some(text) => Ok::<_, Refusal>(Some((Bytes::from(text), (export, None)))),
                None if export.query.is_done() => Ok(None),
                None => {
                    let text = export.next().await?;
                    Ok(Some((Bytes::from(text), (export, None))))
                }
            }
        }))
    }

    async fn next(&mut self) -> Result<String, Refusal> {
        let control = &self.shared.control;
        lines(&control.more_requests(&self.reader, &mut self.query).await?)
    }
}

fn lines(page: &Page<AttemptView>) -> Result<String, Refusal> {
    csv::lines(&COLUMNS, &page.items).map_err(Refusal::internal)
}

const COLUMNS: [&str; 28] = [
    "request_id",
    "attempt",
    "started_at",
    "settled_at",
    "project_id",
    "gateway_key_id",
    "provider_key_id",
    "provider",
    "model",
    "operation",
    "streamed",
    "payer",
    "state",
    "outcome",
    "http_status",
    "error_code",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "service_tier",
    "estimated",
    "billing_unknown",
    "cost_micro_usd",
    "price",
    "latency_ms",
    "ttft_ms",
];
