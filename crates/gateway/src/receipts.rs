//! `GET /v1/requests/{id}`: what became of a request, for the key that made it. The ledger's own rows.

use std::time::Duration;

use model::{GatewayKeyId, MicroUsd, PicoUsd, Refusal, RequestId, Timestamp, Usage};
use serde::Serialize;
use store::system::AttemptRow;
use utoipa::ToSchema;

use crate::Gateway;
use crate::authenticate::identify;

/// Of one request: the last attempt's word, and all attempts.
#[derive(Serialize, ToSchema)]
pub struct RequestReceipt {
    pub request_id: RequestId,
    pub operation: String,
    pub streamed: bool,
    pub provider: String,
    pub model: String,
    pub payer: String,
    pub provider_key: String,
    pub usage: Usage,
    /// Of all attempts; null where a price is not known.
    pub cost_micro_usd: Option<MicroUsd>,
    /// In their order; the last one is the answer, if there is one.
    pub attempts: Vec<AttemptReceipt>,
}

#[derive(Serialize, ToSchema)]
pub struct AttemptReceipt {
    pub attempt: u32,
    pub provider: String,
    pub model: String,
    pub payer: String,
    pub provider_key: String,
    /// `open` while it runs, then `settled`; `unsettled` if this node died before it ended.
    pub state: String,
    pub outcome: Option<String>,
    pub http_status: Option<i64>,
    pub error_code: Option<String>,
    pub usage: Usage,
    /// Null while it runs, and where no price is known.
    pub cost_micro_usd: Option<MicroUsd>,
    /// Whose price it is, and of when.
    pub price: Option<String>,
    /// The provider may bill what we never heard the end of.
    pub billing_unknown: bool,
    pub started_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub latency_ms: Option<i64>,
    pub ttft_ms: Option<i64>,
}

/// What was just answered is a moment behind in the database.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);

pub async fn receipt(
    gw: &Gateway,
    credential: Option<&str>,
    request: &str,
) -> Result<RequestReceipt, Refusal> {
    let caller = identify(gw, credential).await?;
    let request: RequestId = request.parse().map_err(|_| Refusal::not_found())?;
    gw.journal.catch_up(CATCH_UP_MAX).await;
    let rows = gw.directory.attempts(request).await?;
    of_rows(request, caller.key.id, rows).ok_or_else(Refusal::not_found)
}

/// Another key's request is as good as none.
fn of_rows(
    request_id: RequestId,
    key: GatewayKeyId,
    rows: Vec<AttemptRow>,
) -> Option<RequestReceipt> {
    let last = rows.last().filter(|row| row.gateway_key == key)?;
    Some(RequestReceipt {
        request_id,
        operation: last.dialect.clone(),
        streamed: last.streamed,
        provider: last.provider.clone(),
        model: last.model.clone(),
        payer: last.payer.clone(),
        provider_key: last.provider_key.to_string(),
        usage: last.usage,
        cost_micro_usd: cost(&rows),
        attempts: rows.into_iter().map(attempt).collect(),
    })
}

/// Summed exactly, rounded once.
fn cost(rows: &[AttemptRow]) -> Option<MicroUsd> {
    let sum = rows.iter().try_fold(PicoUsd(0), |sum, row| sum.checked_add(row.cost?));
    sum.map(PicoUsd::rounded)
}

fn attempt(row: AttemptRow) -> AttemptReceipt {
    AttemptReceipt {
        attempt: row.attempt,
        provider: row.provider,
        model: row.model,
        payer: row.payer,
        provider_key: row.provider_key.to_string(),
        state: row.state,
        outcome: row.outcome,
        http_status: row.http_status,
        error_code: row.error_code,
        usage: row.usage,
        cost_micro_usd: row.cost.map(PicoUsd::rounded),
        price: row.price,
        billing_unknown: row.billing_unknown,
        started_at: row.started_at,
        settled_at: row.settled_at,
        latency_ms: row.latency_ms,
        ttft_ms: row.ttft_ms,
    }
}
