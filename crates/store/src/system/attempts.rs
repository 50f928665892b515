//! The ledger's rows: one per attempt, folded from the journal. Written here and nowhere else.

use model::{NodeId, ProviderKeyId, RequestId, Timestamp, Usage};

use super::System;
use crate::Result;
use crate::db::{Row, Tx, args};
use crate::journal::{Checkpoint, Record, Settled, Started};

/// An attempt as the ledger holds it.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    pub request: RequestId,
    pub attempt: u32,
    pub provider_key: ProviderKeyId,
    pub provider: String,
    pub model: String,
    pub streamed: bool,
    pub state: String,
    pub outcome: Option<String>,
    pub http_status: Option<i64>,
    pub error_code: Option<String>,
    pub usage: Usage,
    pub billing_unknown: bool,
    pub started_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub latency_ms: Option<i64>,
    pub ttft_ms: Option<i64>,
}

impl System<'_> {
    /// Across tenants: the request's id is unguessable, and who may see it is decided above.
    pub async fn attempts(&self, request: RequestId) -> Result<Vec<AttemptRow>> {
        self.db.all(OF_REQUEST, args![request]).await?.iter().map(attempt_row).collect()
    }

    /// The newest attempts of all, for the operator's eyes and for tests.
    pub async fn latest_attempts(&self, limit: i64) -> Result<Vec<AttemptRow>> {
        self.db.all(LATEST, args![limit]).await?.iter().map(attempt_row).collect()
    }
}

/// Brings one record into the ledger. Folding the same record again changes nothing.
pub(crate) async fn fold(tx: &mut Tx, node: NodeId, record: &Record) -> Result<()> {
    match record {
        Record::Checkpoint(checkpoint) => fold_checkpoint(tx, checkpoint).await,
        Record::Settled(settled) => fold_settled(tx, settled).await,
        Record::Started(started) => fold_started(tx, node, started).await,
    }
}

/// What this node began before it died: kept for review, charged by what its last checkpoint saw.
pub(crate) async fn settle_orphans(tx: &mut Tx, node: NodeId, now: Timestamp) -> Result<u64> {
    tx.run(SETTLE_ORPHANS, args![node, now]).await
}

async fn fold_started(tx: &mut Tx, node: NodeId, started: &Started) -> Result<()> {
    let args = args![
        started.request,
        started.attempt,
        node,
        started.workspace,
        started.project,
        started.gateway_key,
        started.provider_key,
        &started.provider,
        &started.model,
        &started.dialect,
        started.streamed,
        &started.payer,
        started.at,
    ];
    tx.run(INSERT_OPEN, args).await?;
    Ok(())
}

async fn fold_checkpoint(tx: &mut Tx, checkpoint: &Checkpoint) -> Result<()> {
    let usage = &checkpoint.usage;
    let args = args![
        checkpoint.request,
        checkpoint.attempt,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
    ];
    tx.run(UPDATE_OPEN, args).await?;
    Ok(())
}

async fn fold_settled(tx: &mut Tx, settled: &Settled) -> Result<()> {
    let usage = &settled.usage;
    let args = args![
        settled.request,
        settled.attempt,
        settled.status.as_str(),
        settled.http_status.map(i64::from),
        settled.error_code.as_deref(),
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        settled.billing_unknown,
        settled.at,
        settled.latency_ms,
        settled.ttft_ms,
    ];
    tx.run(SETTLE, args).await?;
    Ok(())
}

fn attempt_row(row: &Row) -> Result<AttemptRow> {
    let count = |column| -> Result<Option<u64>> {
        let count: Option<i64> = row.get(column)?;
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    };
    let attempt: i64 = row.get("attempt")?;
    Ok(AttemptRow {
        request: row.parse("request_id")?,
        attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        provider_key: row.parse("provider_key_id")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        streamed: row.flag("streamed")?,
        state: row.get("state")?,
        outcome: row.get("outcome")?,
        http_status: row.get("http_status")?,
        error_code: row.get("error_code")?,
        usage: Usage {
            input_tokens: count("input_tokens")?,
            cached_tokens: count("cached_tokens")?,
            output_tokens: count("output_tokens")?,
            reasoning_tokens: count("reasoning_tokens")?,
            estimated: row.flag("estimated")?,
        },
        billing_unknown: row.flag("billing_unknown")?,
        started_at: row.time("started_at")?,
        settled_at: row.time_opt("settled_at")?,
        latency_ms: row.get("latency_ms")?,
        ttft_ms: row.get("ttft_ms")?,
    })
}

const OF_REQUEST: &str = "select request_id, attempt, provider_key_id, provider, model, streamed,
        state, outcome, http_status, error_code, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, estimated, billing_unknown, started_at, settled_at, latency_ms, ttft_ms
    from attempts
    where request_id = $1
    order by attempt";

const LATEST: &str = "select request_id, attempt, provider_key_id, provider, model, streamed,
        state, outcome, http_status, error_code, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, estimated, billing_unknown, started_at, settled_at, latency_ms, ttft_ms
    from attempts
    order by started_at desc, request_id desc, attempt desc
    limit $1";

const INSERT_OPEN: &str = "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        state, estimated, billing_unknown, started_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', 0, 0, $13)
    on conflict (request_id, attempt) do nothing";

const UPDATE_OPEN: &str = "update attempts
    set input_tokens = $3, cached_tokens = $4, output_tokens = $5, reasoning_tokens = $6,
        estimated = $7
    where request_id = $1 and attempt = $2 and state = 'open'";

const SETTLE: &str = "update attempts
    set state = 'settled', outcome = $3, http_status = $4, error_code = $5, input_tokens = $6,
        cached_tokens = $7, output_tokens = $8, reasoning_tokens = $9, estimated = $10,
        billing_unknown = $11, settled_at = $12, latency_ms = $13, ttft_ms = $14
    where request_id = $1 and attempt = $2 and state <> 'settled'";

const SETTLE_ORPHANS: &str = "update attempts
    set state = 'unsettled', outcome = 'unknown', billing_unknown = 1, settled_at = $2
    where node_id = $1 and state = 'open'";
