//! Brings the journal's records into the ledger: the attempts' rows, and with them the sums that are kept of them. Folding
//! the same records again changes nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use model::{NodeId, PicoUsd, ProviderKeyId, RequestId, Timestamp, Usage};

use super::tally::{Ended, Tally};
use crate::Result;
use crate::db::{Insert, Row, Tx, Value, args};
use crate::journal::{Checkpoint, Outcome, Record, Settled, Started};

type Key = (RequestId, u32);

/// What a batch tells, by attempt, in the order of the ledger's rows. Most begin and end in the same batch.
pub(crate) struct Batch<'a>(BTreeMap<Key, Told<'a>>);

#[derive(Default)]
struct Told<'a> {
    started: Option<&'a Started>,
    /// The newest; each says all that was used so far.
    checkpoint: Option<&'a Checkpoint>,
    settled: Option<&'a Settled>,
}

/// Attempts that are open in the ledger, as their records told them: what ends them need not ask the ledger who they are.
/// Only to save that question: whatever is missing here is asked.
#[derive(Default)]
pub(crate) struct OpenAttempts(HashMap<Key, Started>);

/// What became of a batch that was folded in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folded {
    /// The ledger knew some of it. Nobody can tell which, so what was written must be undone, and told one by one.
    NotAllNew,
    Whole,
}

impl<'a> Batch<'a> {
    pub fn new(records: &'a [Record]) -> Self {
        let mut attempts = BTreeMap::<_, Told<'_>>::new();
        for record in records {
            let told = attempts.entry((record.request(), record.attempt())).or_default();
            match record {
                Record::Checkpoint(checkpoint) => told.checkpoint = Some(checkpoint),
                Record::Settled(settled) => told.settled = Some(settled),
                Record::Started(started) => told.started = Some(started),
            }
        }
        Self(attempts)
    }

    /// Many rows by few statements, as long as all of it is news.
    pub async fn fold(&self, tx: &mut Tx, node: NodeId, open: &OpenAttempts) -> Result<Folded> {
        let mut tally = Tally::default();
        let (mut rows, mut wanted, mut touched) = (Vec::new(), 0_u64, 0_u64);
        for (key, told) in &self.0 {
            match (told.started.or_else(|| open.0.get(key)), told.settled) {
                (Some(started), Some(settled)) => {
                    rows.extend(settled_row(node, started, settled));
                    tally.add(&ended(started, settled));
                    wanted += 1;
                }
                (None, Some(_)) => told.fold(*key, tx, node, &mut tally).await?,
                (_, None) => match (told.started, told.checkpoint) {
                    (Some(started), checkpoint) => {
                        rows.extend(open_row(node, started, checkpoint));
                        wanted += 1;
                    }
                    (None, Some(checkpoint)) => {
                        tx.run(UPDATE_OPEN, so_far(checkpoint)).await?;
                    }
                    (None, None) => {}
                },
            }
            if rows.len() >= VALUES_MAX {
                touched += tx.insert(&ATTEMPTS, std::mem::take(&mut rows)).await?;
            }
        }
        touched += tx.insert(&ATTEMPTS, rows).await?;
        if touched < wanted {
            return Ok(Folded::NotAllNew);
        }
        tally.write(tx, node).await?;
        Ok(Folded::Whole)
    }

    pub async fn fold_one_by_one(&self, tx: &mut Tx, node: NodeId) -> Result<()> {
        let mut tally = Tally::default();
        for (key, told) in &self.0 {
            told.fold(*key, tx, node, &mut tally).await?;
        }
        tally.write(tx, node).await
    }
}

impl OpenAttempts {
    /// What is in the ledger for good.
    pub fn follow(&mut self, records: Vec<Record>) {
        for record in records {
            let key = (record.request(), record.attempt());
            match record {
                Record::Checkpoint(_) => {}
                Record::Settled(_) => {
                    self.0.remove(&key);
                }
                Record::Started(started) if self.0.len() < OPEN_ATTEMPTS_MAX => {
                    self.0.insert(key, started);
                }
                Record::Started(_) => {}
            }
        }
    }

    pub fn forget(&mut self) {
        self.0.clear();
    }
}

impl Told<'_> {
    /// Asks the ledger what it knows of it.
    async fn fold(&self, key: Key, tx: &mut Tx, node: NodeId, tally: &mut Tally) -> Result<()> {
        match (tx.one(STANDING, args![key.0, key.1]).await?, self.started, self.settled) {
            (None, Some(started), Some(settled)) => {
                tx.insert(&ATTEMPTS, settled_row(node, started, settled)).await?;
                tally.add(&ended(started, settled));
            }
            (None, Some(started), None) => {
                tx.insert(&ATTEMPTS, open_row(node, started, self.checkpoint)).await?;
            }
            // One journal keeps the order of an attempt's records. Where the first is lost, with a damaged segment that
            // somebody moved away, nobody knows whose attempt it was, and this touches nothing.
            (None, None, _) => {}
            (Some(row), _, Some(settled)) => settle(tx, &row, settled, tally).await?,
            (Some(_), _, None) => {
                if let Some(checkpoint) = self.checkpoint {
                    tx.run(UPDATE_OPEN, so_far(checkpoint)).await?;
                }
            }
        }
        Ok(())
    }
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
async fn settle(tx: &mut Tx, row: &Row, settled: &Settled, tally: &mut Tally) -> Result<()> {
    let before = ended_row(row)?;
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
    let mut values = opening(node, started);
    values.extend(ending(settled));
    values.push("settled".into());
    values
}

fn open_row(node: NodeId, started: &Started, checkpoint: Option<&Checkpoint>) -> Vec<Value> {
    let usage = checkpoint.map_or_else(Usage::default, |checkpoint| checkpoint.usage);
    let cost = checkpoint.and_then(|checkpoint| checkpoint.cost_pico_usd);
    let mut values = opening(node, started);
    values.extend(end(None, &usage, false, cost));
    values.push("open".into());
    values
}

fn ending(settled: &Settled) -> Vec<Value> {
    end(Some(settled), &settled.usage, settled.billing_unknown, settled.cost_pico_usd)
}

/// What is known of an attempt's end, in the order of [`ATTEMPTS`] and of [`SETTLE`].
fn end(
    settled: Option<&Settled>,
    usage: &Usage,
    billing_unknown: bool,
    cost: Option<u64>,
) -> Vec<Value> {
    let (micro, rest) = split_u64(cost);
    args![
        settled.map(|it| it.status.as_str()),
        settled.and_then(|it| it.http_status).map(i64::from),
        settled.and_then(|it| it.error_code.as_deref()).map(storable).as_deref(),
        usage.input_tokens,
        usage.cached_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.estimated,
        billing_unknown,
        settled.map(|it| it.at),
        settled.map(|it| it.latency_ms),
        settled.and_then(|it| it.ttft_ms),
        usage.cache_write_tokens,
        usage.cache_write_long_tokens,
        usage.audio_input_tokens,
        usage.searches,
        usage.tier.map(model::ServiceTier::as_str),
        micro,
        rest,
        settled.and_then(|it| it.price.as_deref()).map(storable).as_deref(),
    ]
}

/// What the ledger cannot hold must not stop it: one such record would be tried for ever, with all that follow it.
fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// Rows of one statement and a little, so that their values need not all be there at once.
const VALUES_MAX: usize = 64 * ATTEMPT_COLUMNS;
const ATTEMPT_COLUMNS: usize = 36;
/// As many as are under way on a node that is very busy.
const OPEN_ATTEMPTS_MAX: usize = 10_000;

/// One that is open in the ledger is closed by it; one that has ended stays as it is, and does not count as touched.
static ATTEMPTS: Insert = Insert::new(
    "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        started_at, hour, hold_pico_usd, outcome, http_status, error_code, input_tokens,
        cached_tokens, output_tokens, reasoning_tokens, estimated, billing_unknown, settled_at,
        latency_ms, ttft_ms, cache_write_tokens, cache_write_long_tokens, audio_input_tokens,
        searches, service_tier, cost_micro_usd, cost_pico_rest, price, state)
    values",
    ATTEMPT_COLUMNS,
    "on conflict (request_id, attempt) do update
    set outcome = excluded.outcome, http_status = excluded.http_status,
        error_code = excluded.error_code, input_tokens = excluded.input_tokens,
        cached_tokens = excluded.cached_tokens, output_tokens = excluded.output_tokens,
        reasoning_tokens = excluded.reasoning_tokens, estimated = excluded.estimated,
        billing_unknown = excluded.billing_unknown, settled_at = excluded.settled_at,
        latency_ms = excluded.latency_ms, ttft_ms = excluded.ttft_ms,
        cache_write_tokens = excluded.cache_write_tokens,
        cache_write_long_tokens = excluded.cache_write_long_tokens,
        audio_input_tokens = excluded.audio_input_tokens, searches = excluded.searches,
        service_tier = excluded.service_tier, cost_micro_usd = excluded.cost_micro_usd,
        cost_pico_rest = excluded.cost_pico_rest, price = excluded.price, state = excluded.state
    where attempts.state = 'open' and excluded.state = 'settled'",
);

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
