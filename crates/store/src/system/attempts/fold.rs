//! Brings the journal's records into the ledger: the attempts' rows, and with them the sums that are kept of them. Folding
//! the same records again changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{NodeId, PicoUsd, ProviderKeyId, RequestId, Timestamp, Usage};

use super::tally::{Ended, Tally};
use crate::Result;
use crate::db::{Row, Tx, Value, args};
use crate::journal::{Checkpoint, Outcome, Record, Settled, Started};

/// What a batch tells of one attempt. Most begin and end in the same batch, and then cost one statement.
#[derive(Default)]
struct Told<'a> {
    started: Option<&'a Started>,
    /// The newest; each says all that was used so far.
    checkpoint: Option<&'a Checkpoint>,
    settled: Option<&'a Settled>,
}

pub(crate) async fn fold(tx: &mut Tx, node: NodeId, records: &[Record]) -> Result<()> {
    let mut tally = Tally::default();
    for told in by_attempt(records).into_values() {
        match told {
            Told { started: Some(started), settled: Some(settled), .. } => {
                let is_new = tx.run(INSERT_SETTLED, settled_row(node, started, settled)).await? > 0;
                match is_new {
                    true => tally.add(&ended(started, settled)),
                    false => settle(tx, settled, &mut tally).await?,
                }
            }
            // Its `started` was in an earlier batch: one journal keeps the order of an attempt's records. Where that
            // record is lost, with a damaged segment that somebody moved away, nobody knows whose attempt it was,
            // and this touches nothing.
            Told { settled: Some(settled), .. } => settle(tx, settled, &mut tally).await?,
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
    tally.write(tx, node).await
}

/// What this node began before it died: kept for review, charged what its last checkpoint came to, else what was held.
pub(crate) async fn settle_orphans(tx: &mut Tx, node: NodeId, now: Timestamp) -> Result<u64> {
    let mut tally = Tally::default();
    let orphans = tx.all(ORPHANS, args![node]).await?;
    for row in &orphans {
        let mut orphan = ended_row(row)?;
        if orphan.cost.is_none() {
            // Nothing was held where tokens alone are counted: what it cost is not known then.
            orphan.cost = orphan.hold.filter(|held| *held > PicoUsd(0));
        }
        orphan.is_unsettled = true;
        let (micro, rest) = split(orphan.cost);
        let key: (RequestId, i64) = (row.parse("request_id")?, row.get("attempt")?);
        tx.run(LEAVE_UNSETTLED, args![key.0, key.1, now, micro, rest]).await?;
        tally.add(&orphan);
    }
    tally.write(tx, node).await?;
    Ok(u64::try_from(orphans.len()).unwrap_or(u64::MAX))
}

/// An attempt whose row is there. One that is settled stays as it is; one that was given up counts by what it really was.
async fn settle(tx: &mut Tx, settled: &Settled, tally: &mut Tally) -> Result<()> {
    let Some(row) = tx.one(STANDING, args![settled.request, settled.attempt]).await? else {
        return Ok(());
    };
    let before = ended_row(&row)?;
    match row.get::<String>("state")?.as_str() {
        "settled" => return Ok(()),
        "unsettled" => tally.take_back(&before),
        _ => {}
    }
    let mut args = args![settled.request, settled.attempt];
    args.extend(ending(settled));
    tx.run(SETTLE, args).await?;
    tally.add(&Ended { is_unsettled: false, ..with_end(before, settled) });
    Ok(())
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

/// The attempt as the sums see it.
fn ended(started: &Started, settled: &Settled) -> Ended {
    let before = Ended {
        workspace: started.workspace.to_string(),
        project: started.project.to_string(),
        gateway_key: started.gateway_key.to_string(),
        provider_key: started.provider_key.unwrap_or(ProviderKeyId::NIL).to_string(),
        provider: storable(&started.provider).into_owned(),
        model: storable(&started.model).into_owned(),
        payer: storable(&started.payer).into_owned(),
        hour: hour(started),
        is_first: started.attempt == 1,
        is_failure: false,
        is_unsettled: false,
        usage: Usage::default(),
        cost: None,
        hold: started.hold_pico_usd.map(PicoUsd::from),
        latency_ms: 0,
        ttft_ms: None,
    };
    with_end(before, settled)
}

fn with_end(before: Ended, settled: &Settled) -> Ended {
    Ended {
        is_failure: matches!(settled.status, Outcome::Cut | Outcome::Failed),
        usage: settled.usage,
        cost: settled.cost_pico_usd.map(PicoUsd::from),
        latency_ms: settled.latency_ms,
        ttft_ms: settled.ttft_ms,
        ..before
    }
}

fn ended_row(row: &Row) -> Result<Ended> {
    let number = |column| -> Result<Option<i64>> { row.get(column) };
    let count = |column| -> Result<Option<u64>> {
        Ok(number(column)?.and_then(|count| u64::try_from(count).ok()))
    };
    let outcome: Option<String> = row.get("outcome")?;
    let state: String = row.get("state")?;
    let attempt: i64 = row.get("attempt")?;
    Ok(Ended {
        workspace: row.get("workspace_id")?,
        project: row.get("project_id")?,
        gateway_key: row.get("gateway_key_id")?,
        provider_key: row.get("provider_key_id")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        payer: row.get("payer")?,
        hour: row.get("hour")?,
        is_first: attempt == 1,
        is_failure: matches!(outcome.as_deref(), Some("cut" | "failed")),
        is_unsettled: state == "unsettled",
        usage: Usage {
            input_tokens: count("input_tokens")?,
            cached_tokens: count("cached_tokens")?,
            cache_write_tokens: count("cache_write_tokens")?,
            output_tokens: count("output_tokens")?,
            reasoning_tokens: count("reasoning_tokens")?,
            ..Usage::default()
        },
        cost: row.money_opt("cost_micro_usd", "cost_pico_rest")?,
        hold: number("hold_pico_usd")?.map(|pico| PicoUsd(i128::from(pico))),
        latency_ms: count("latency_ms")?.unwrap_or_default(),
        ttft_ms: count("ttft_ms")?,
    })
}

fn hour(started: &Started) -> i64 {
    model::Period::of_hour(started.held_at).start.unix_ms()
}

fn split(cost: Option<PicoUsd>) -> (Option<i64>, Option<i64>) {
    let parts = cost.map(PicoUsd::split);
    (parts.map(|(micro, _)| micro.0), parts.map(|(_, rest)| i64::from(rest)))
}

fn split_u64(cost: Option<u64>) -> (Option<i64>, Option<i64>) {
    split(cost.map(PicoUsd::from))
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
        hour(started),
        started.hold_pico_usd,
    ]
}

fn so_far(checkpoint: &Checkpoint) -> Vec<Value> {
    let usage = &checkpoint.usage;
    let (micro, rest) = split_u64(checkpoint.cost_pico_usd);
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
        micro,
        rest,
    ]
}

fn settled_row(node: NodeId, started: &Started, settled: &Settled) -> Vec<Value> {
    let mut args = opening(node, started);
    args.extend(ending(settled));
    args
}

fn ending(settled: &Settled) -> Vec<Value> {
    let usage = &settled.usage;
    let (micro, rest) = split_u64(settled.cost_pico_usd);
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
        usage.audio_input_tokens,
        usage.searches,
        usage.tier.map(model::ServiceTier::as_str),
        micro,
        rest,
        settled.price.as_deref().map(storable).as_deref(),
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
        started_at, hour, hold_pico_usd, state, estimated, billing_unknown)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'open', 0, 0)
    on conflict (request_id, attempt) do nothing";

const INSERT_SETTLED: &str = "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        started_at, hour, hold_pico_usd, outcome, http_status, error_code, input_tokens,
        cached_tokens, output_tokens, reasoning_tokens, estimated, billing_unknown, settled_at,
        latency_ms, ttft_ms, cache_write_tokens, cache_write_long_tokens, audio_input_tokens,
        searches, service_tier, cost_micro_usd, cost_pico_rest, price, state)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, 'settled')
    on conflict (request_id, attempt) do nothing";

const UPDATE_OPEN: &str = "update attempts
    set input_tokens = $3, cached_tokens = $4, output_tokens = $5, reasoning_tokens = $6,
        estimated = $7, cache_write_tokens = $8, cache_write_long_tokens = $9,
        cost_micro_usd = $10, cost_pico_rest = $11
    where request_id = $1 and attempt = $2 and state = 'open'";

const SETTLE: &str = "update attempts
    set state = 'settled', outcome = $3, http_status = $4, error_code = $5, input_tokens = $6,
        cached_tokens = $7, output_tokens = $8, reasoning_tokens = $9, estimated = $10,
        billing_unknown = $11, settled_at = $12, latency_ms = $13, ttft_ms = $14,
        cache_write_tokens = $15, cache_write_long_tokens = $16, audio_input_tokens = $17,
        searches = $18, service_tier = $19, cost_micro_usd = $20, cost_pico_rest = $21, price = $22
    where request_id = $1 and attempt = $2";

const LEAVE_UNSETTLED: &str = "update attempts
    set state = 'unsettled', outcome = 'unknown', billing_unknown = 1, settled_at = $3,
        cost_micro_usd = $4, cost_pico_rest = $5
    where request_id = $1 and attempt = $2";

const STANDING: &str = "select request_id, attempt, workspace_id, project_id, gateway_key_id,
        provider_key_id, provider, model, payer, hour, state, outcome, input_tokens, cached_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
        hold_pico_usd, latency_ms, ttft_ms
    from attempts
    where request_id = $1 and attempt = $2";

const ORPHANS: &str = "select request_id, attempt, workspace_id, project_id, gateway_key_id,
        provider_key_id, provider, model, payer, hour, state, outcome, input_tokens, cached_tokens,
        cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
        hold_pico_usd, latency_ms, ttft_ms
    from attempts
    where node_id = $1 and state = 'open'
    order by request_id, attempt";
