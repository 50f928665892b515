//! Brings the journal's records into the ledger. Folding the same records again changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{NodeId, ProviderKeyId, RequestId, Timestamp};

use crate::Result;
use crate::db::{Tx, Value, args};
use crate::journal::{Checkpoint, Record, Settled, Started};

/// What a batch tells of one attempt. Most begin and end in the same batch, and then cost one statement.
#[derive(Default)]
struct Told<'a> {
    started: Option<&'a Started>,
    /// The newest; each says all that was used so far.
    checkpoint: Option<&'a Checkpoint>,
    settled: Option<&'a Settled>,
}

pub(crate) async fn fold(tx: &mut Tx, node: NodeId, records: &[Record]) -> Result<()> {
    for told in by_attempt(records).into_values() {
        match told {
            Told { started: Some(started), settled: Some(settled), .. } => {
                tx.run(INSERT_SETTLED, settled_row(node, started, settled)).await?;
            }
            // Its `started` was in an earlier batch: one journal keeps the order of an attempt's records. Where that
            // record is lost, with a damaged segment that somebody moved away, nobody knows whose attempt it was,
            // and this touches nothing.
            Told { settled: Some(settled), .. } => {
                tx.run(SETTLE, settling(settled)).await?;
            }
            Told { started, checkpoint, settled: None } => {
                if let Some(started) = started {
                    tx.run(INSERT_OPEN, opening(node, started)).await?;
                }
                if let Some(checkpoint) = checkpoint {
                    tx.run(UPDATE_OPEN, so_far(checkpoint)).await?;
                }
            }
        }
    }
    Ok(())
}

/// What this node began before it died: kept for review, charged by what its last checkpoint saw.
pub(crate) async fn settle_orphans(tx: &mut Tx, node: NodeId, now: Timestamp) -> Result<u64> {
    tx.run(SETTLE_ORPHANS, args![node, now]).await
}

fn by_attempt(records: &[Record]) -> BTreeMap<(RequestId, u32), Told<'_>> {
    let mut attempts = BTreeMap::<_, Told<'_>>::new();
    for record in records {
        let told = attempts.entry((record.request(), record.attempt())).or_default();
        match record {
            Record::Checkpoint(checkpoint) => told.checkpoint = Some(checkpoint),
            Record::Settled(settled) => told.settled = Some(settled),
            Record::Started(started) => told.started = Some(started),
        }
    }
    attempts
}

fn opening(node: NodeId, started: &Started) -> Vec<Value> {
    args![
        started.request,
        started.attempt,
        node,
        started.workspace,
        started.project,
        started.gateway_key,
        started.provider_key.unwrap_or(ProviderKeyId::NIL),
        &*storable(&started.provider),
        &*storable(&started.model),
        &*storable(&started.dialect),
        started.streamed,
        &*storable(&started.payer),
        started.at,
    ]
}

fn so_far(checkpoint: &Checkpoint) -> Vec<Value> {
    let usage = &checkpoint.usage;
    args![
        checkpoint.request,
        checkpoint.attempt,
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        usage.cache_write_tokens,
        usage.cache_write_long_tokens,
    ]
}

fn settling(settled: &Settled) -> Vec<Value> {
    let mut args = args![settled.request, settled.attempt];
    args.extend(ending(settled));
    args
}

fn settled_row(node: NodeId, started: &Started, settled: &Settled) -> Vec<Value> {
    let mut args = opening(node, started);
    args.extend(ending(settled));
    args
}

fn ending(settled: &Settled) -> Vec<Value> {
    let usage = &settled.usage;
    args![
        settled.status.as_str(),
        settled.http_status.map(i64::from),
        settled.error_code.as_deref().map(storable).as_deref(),
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        settled.billing_unknown,
        settled.at,
        settled.latency_ms,
        settled.ttft_ms,
        usage.cache_write_tokens,
        usage.cache_write_long_tokens,
    ]
}

/// What the ledger cannot hold must not stop it: one such record would be tried for ever, with all that follow it.
fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

const INSERT_OPEN: &str = "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        started_at, state, estimated, billing_unknown)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'open', 0, 0)
    on conflict (request_id, attempt) do nothing";

const INSERT_SETTLED: &str = "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        started_at, outcome, http_status, error_code, input_tokens, cached_tokens, output_tokens,
        reasoning_tokens, estimated, billing_unknown, settled_at, latency_ms, ttft_ms, cache_write_tokens,
        cache_write_long_tokens, state)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $25, $26, $27, 'settled')
    on conflict (request_id, attempt) do update
    set state = 'settled', outcome = excluded.outcome, http_status = excluded.http_status,
        error_code = excluded.error_code, input_tokens = excluded.input_tokens,
        cached_tokens = excluded.cached_tokens, output_tokens = excluded.output_tokens,
        reasoning_tokens = excluded.reasoning_tokens, estimated = excluded.estimated,
        billing_unknown = excluded.billing_unknown, settled_at = excluded.settled_at,
        latency_ms = excluded.latency_ms, ttft_ms = excluded.ttft_ms,
        cache_write_tokens = excluded.cache_write_tokens,
        cache_write_long_tokens = excluded.cache_write_long_tokens
    where attempts.state <> 'settled'";

const UPDATE_OPEN: &str = "update attempts
    set input_tokens = $3, cached_tokens = $4, output_tokens = $5, reasoning_tokens = $6,
        estimated = $7, cache_write_tokens = $8, cache_write_long_tokens = $9
    where request_id = $1 and attempt = $2 and state = 'open'";

const SETTLE: &str = "update attempts
    set state = 'settled', outcome = $3, http_status = $4, error_code = $5, input_tokens = $6,
        cached_tokens = $7, output_tokens = $8, reasoning_tokens = $9, estimated = $10,
        billing_unknown = $11, settled_at = $12, latency_ms = $13, ttft_ms = $14,
        cache_write_tokens = $15, cache_write_long_tokens = $16
    where request_id = $1 and attempt = $2 and state <> 'settled'";

const SETTLE_ORPHANS: &str = "update attempts
    set state = 'unsettled', outcome = 'unknown', billing_unknown = 1, settled_at = $2
    where node_id = $1 and state = 'open'";
