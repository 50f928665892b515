//! An attempt as the ledger holds it. Whoever reads the ledger reads these.

use model::{
    GatewayKeyId, PicoUsd, ProjectId, ProviderKeyId, RequestId, ServiceTier, Timestamp, Usage,
    WorkspaceId,
};

use crate::Result;
use crate::db::Row;

#[derive(Clone, Debug)]
pub struct AttemptRow {
    pub request: RequestId,
    pub attempt: u32,
    pub workspace: WorkspaceId,
    pub project: ProjectId,
    pub gateway_key: GatewayKeyId,
    /// `NIL` where the attempt used none of ours.
    pub provider_key: ProviderKeyId,
    pub provider: String,
    pub model: String,
    pub dialect: String,
    pub payer: String,
    pub streamed: bool,
    pub state: String,
    pub outcome: Option<String>,
    pub http_status: Option<i64>,
    pub error_code: Option<String>,
    pub usage: Usage,
    pub billing_unknown: bool,
    /// Absent where no price is known, and while it runs.
    pub cost: Option<PicoUsd>,
    pub price: Option<String>,
    pub started_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub latency_ms: Option<i64>,
    pub ttft_ms: Option<i64>,
}

pub(crate) fn attempt_row(row: &Row) -> Result<AttemptRow> {
    let count = |column| -> Result<Option<u64>> {
        let count: Option<i64> = row.get(column)?;
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    };
    let attempt: i64 = row.get("attempt")?;
    Ok(AttemptRow {
        request: row.parse("request_id")?,
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        workspace: row.parse("workspace_id")?,
        project: row.parse("project_id")?,
        gateway_key: row.parse("gateway_key_id")?,
        provider_key: row.parse("provider_key_id")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        dialect: row.get("dialect")?,
        payer: row.get("payer")?,
        streamed: row.flag("streamed")?,
        state: row.get("state")?,
        outcome: row.get("outcome")?,
        http_status: row.get("http_status")?,
        error_code: row.get("error_code")?,
        usage: Usage {
            input_tokens: count("input_tokens")?,
            cached_tokens: count("cached_tokens")?,
            cache_write_tokens: count("cache_write_tokens")?,
            cache_write_long_tokens: count("cache_write_long_tokens")?,
            output_tokens: count("output_tokens")?,
            reasoning_tokens: count("reasoning_tokens")?,
            audio_input_tokens: count("audio_input_tokens")?,
            searches: count("searches")?,
            tier: row.parse_opt::<ServiceTier>("service_tier")?,
            geo: None,
            reported_pico_usd: None,
            estimated: row.flag("estimated")?,
        },
        billing_unknown: row.flag("billing_unknown")?,
        cost: row.money_opt("cost_micro_usd", "cost_pico_rest")?,
        price: row.get("price")?,
        started_at: row.time("started_at")?,
        settled_at: row.time_opt("settled_at")?,
        latency_ms: row.get("latency_ms")?,
        ttft_ms: row.get("ttft_ms")?,
    })
}
