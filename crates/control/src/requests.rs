//! What became of a workspace's requests: the ledger's rows, one per attempt, newest first. Sums are in `usage.rs`.

use model::{ProviderKeyId, Refusal, RequestId, ServiceTier, Timestamp};
use serde::{Deserialize, Serialize};
use store::system::AttemptRow;
use store::workspace::{AttemptFilter, AttemptPlace};
use utoipa::ToSchema;

use crate::usage::narrow::{Narrow, one_of};
use crate::usage::span::Span;
use crate::{Control, Page, PageWish, Reader};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestWish {
    pub limit: Option<u32>,
    pub cursor: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub gateway_key: Option<String>,
    pub min_status: Option<u16>,
    pub model: Option<String>,
    pub outcome: Option<String>,
    pub payer: Option<String>,
    pub project: Option<String>,
    pub provider: Option<String>,
    pub provider_key: Option<String>,
    pub state: Option<String>,
    pub streamed: Option<bool>,
    /// For whoever shows it.
    pub format: Option<String>,
}

/// A wish that was understood, and how far it is answered.
pub struct RequestQuery {
    filter: AttemptFilter,
    after: Option<AttemptPlace>,
    limit: u32,
}

/// One call to one provider with one key.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    pub request_id: RequestId,
    /// From 1, in the order they were made.
    pub attempt: u32,
    pub started_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub project_id: String,
    pub gateway_key_id: String,
    pub provider_key_id: Option<String>,
    pub provider: String,
    pub model: String,
    pub operation: String,
    pub streamed: bool,
    pub payer: String,
    /// `open` while it runs, then `settled`; `unsettled` if the node died before it ended.
    pub state: String,
    /// `completed`, `failed`, `cut` by the provider, `aborted` by the client, or `unknown`.
    pub outcome: Option<String>,
    pub http_status: Option<i64>,
    pub error_code: Option<String>,
    pub input_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub cache_write_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub reasoning_tokens: Option<u64>,
    pub service_tier: Option<ServiceTier>,
    /// Counted by us because the provider's own count never came.
    pub estimated: bool,
    /// The provider may bill what we never heard the end of.
    pub billing_unknown: bool,
    /// Null where no price is known, and while it runs.
    pub cost_micro_usd: Option<i64>,
    /// Whose price it was, and of when.
    pub price: Option<String>,
    pub latency_ms: Option<i64>,
    pub ttft_ms: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct RequestView {
    pub request_id: RequestId,
    /// In their order; the last one is the answer, if there is one.
    pub attempts: Vec<AttemptView>,
    /// Of all attempts with a known price.
    pub cost_micro_usd: i64,
}

const STATES: [&str; 3] = ["open", "settled", "unsettled"];
const OUTCOMES: [&str; 5] = ["aborted", "completed", "cut", "failed", "unknown"];

impl RequestQuery {
    /// Where the page ended; whether there is more.
    pub const fn is_done(&self) -> bool {
        self.after.is_none()
    }

    /// As many at once as a list ever shows.
    #[must_use]
    pub fn in_large_pages(self) -> Self {
        Self { limit: PageWish::LIMIT_MAX, ..self }
    }
}

impl Control {
    pub fn request_query(
        &self,
        reader: &Reader,
        wish: &RequestWish,
    ) -> Result<RequestQuery, Refusal> {
        let page = PageWish::new(wish.limit, wish.cursor.clone())?;
        let span = Span::exact(wish.from.as_deref(), wish.to.as_deref(), self.clock.now())?;
        let narrow = Narrow {
            gateway_key: wish.gateway_key.as_deref(),
            model: wish.model.as_deref(),
            payer: wish.payer.as_deref(),
            project: wish.project.as_deref(),
            provider: wish.provider.as_deref(),
            provider_key: wish.provider_key.as_deref(),
        };
        let narrowed = narrow.read(&self.catalogue, reader)?;
        let filter = AttemptFilter {
            from: span.from,
            to: span.to,
            gateway_key: narrowed.gateway_key,
            model: narrowed.model,
            outcome: one_of("outcome", wish.outcome.as_deref(), &OUTCOMES)?,
            payer: narrowed.payer,
            project: narrowed.project,
            provider: narrowed.provider,
            provider_key: narrowed.provider_key,
            state: one_of("state", wish.state.as_deref(), &STATES)?,
            status_min: wish.min_status.map(i64::from),
            streamed: wish.streamed,
        };
        Ok(RequestQuery { filter, after: place(&page)?, limit: page.limit() })
    }

    /// The next page of it. One that is not full, and even an empty one, may have others after it.
    pub async fn requests(
        &self,
        reader: &Reader,
        query: &mut RequestQuery,
    ) -> Result<Page<AttemptView>, Refusal> {
        let workspace = self.store.workspace(reader.workspace());
        let read = workspace.attempts(&query.filter, query.after.as_ref(), query.limit).await?;
        query.after = read.next;
        Ok(Page {
            items: read.rows.into_iter().map(attempt_view).collect(),
            next_cursor: read.next.as_ref().map(cursor),
        })
    }

    /// The same for an export that takes long: a right may end meanwhile.
    pub async fn more_requests(
        &self,
        reader: &Reader,
        query: &mut RequestQuery,
    ) -> Result<Page<AttemptView>, Refusal> {
        self.must_still_stand(reader).await?;
        self.requests(reader, query).await
    }

    pub async fn request(&self, reader: &Reader, id: &str) -> Result<RequestView, Refusal> {
        let request_id: RequestId = id.parse().map_err(|_| Refusal::not_found())?;
        let workspace = self.store.workspace(reader.workspace());
        let mut rows = workspace.attempts_of(request_id).await?;
        if let Some(own) = reader.confined_to() {
            rows.retain(|row| row.project == own);
        }
        if rows.is_empty() {
            return Err(Refusal::not_found());
        }
        let costs = rows.iter().filter(|row| row.state != "open").filter_map(|row| row.cost);
        let cost =
            costs.fold(model::PicoUsd(0), |sum, cost| model::PicoUsd(sum.0.saturating_add(cost.0)));
        Ok(RequestView {
            request_id,
            attempts: rows.into_iter().map(attempt_view).collect(),
            cost_micro_usd: cost.rounded().0,
        })
    }
}

fn attempt_view(row: AttemptRow) -> AttemptView {
    let has_ended = row.state != "open";
    let provider_key = Some(row.provider_key).filter(|key| *key != ProviderKeyId::NIL);
    AttemptView {
        request_id: row.request,
        attempt: row.attempt,
        started_at: row.started_at,
        settled_at: row.settled_at,
        project_id: row.project.to_string(),
        gateway_key_id: row.gateway_key.to_string(),
        provider_key_id: provider_key.map(|key| key.to_string()),
        provider: row.provider,
        model: row.model,
        operation: row.dialect,
        streamed: row.streamed,
        payer: row.payer,
        state: row.state,
        outcome: row.outcome,
        http_status: row.http_status,
        error_code: row.error_code,
        input_tokens: row.usage.input_tokens,
        cached_tokens: row.usage.cached_tokens,
        cache_write_tokens: row.usage.cache_write_tokens,
        output_tokens: row.usage.output_tokens,
        reasoning_tokens: row.usage.reasoning_tokens,
        service_tier: row.usage.tier,
        estimated: row.usage.estimated,
        billing_unknown: row.billing_unknown,
        cost_micro_usd: row.cost.filter(|_| has_ended).map(|cost| cost.rounded().0),
        price: row.price,
        latency_ms: row.latency_ms,
        ttft_ms: row.ttft_ms,
    }
}

fn cursor(place: &AttemptPlace) -> String {
    format!("{}_{}_{}", place.started_at.unix_ms(), place.attempt, place.request)
}

fn place(page: &PageWish) -> Result<Option<AttemptPlace>, Refusal> {
    if page.after().is_empty() {
        return Ok(None);
    }
    let mut parts = page.after().splitn(3, '_');
    let mut part = || parts.next().unwrap_or_default();
    let (started_at, attempt, request) = (part(), part(), part());
    match (started_at.parse(), attempt.parse(), request.parse()) {
        (Ok(started_at), Ok(attempt), Ok(request)) => {
            let started_at = Timestamp::from_unix_ms(started_at);
            Ok(Some(AttemptPlace { started_at, request, attempt }))
        }
        _ => Err(PageWish::not_ours()),
    }
}
