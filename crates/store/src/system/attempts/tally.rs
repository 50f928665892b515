//! What the attempts of one batch add to the sums that are kept of the ledger: hours and days of usage, budgets, and the leases
//! of the node that spent it. All in the batch's own transaction, so that each attempt counts once in each of them.

use std::collections::BTreeMap;

use model::{NodeId, PicoUsd, Usage};

use crate::Result;
use crate::db::{Tx, Value, args};

/// An attempt that has ended, by what is counted of it.
pub struct Ended {
    pub workspace: String,
    pub project: String,
    pub gateway_key: String,
    pub provider_key: String,
    pub provider: String,
    pub model: String,
    pub payer: String,
    pub hour: i64,
    /// The first of its request.
    pub is_first: bool,
    pub is_failure: bool,
    pub is_unsettled: bool,
    pub usage: Usage,
    pub cost: Option<PicoUsd>,
    /// What was reserved of the caps for it, if there were any.
    pub hold: Option<PicoUsd>,
    pub latency_ms: u64,
    pub ttft_ms: Option<u64>,
}

#[derive(Default)]
pub struct Tally {
    hours: BTreeMap<UsageKey, Sums>,
    /// By scope and hour. Sorted: two nodes that write at once lock the rows in the same order.
    scopes: BTreeMap<(String, i64), Spent>,
}

/// Of an hour, or of a day.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct UsageKey {
    workspace: String,
    since: i64,
    project: String,
    gateway_key: String,
    provider_key: String,
    provider: String,
    model: String,
    payer: String,
}

#[derive(Default)]
struct Sums {
    requests: i64,
    attempts: i64,
    failures: i64,
    unpriced: i64,
    unsettled: i64,
    input: i64,
    cached: i64,
    cache_write: i64,
    output: i64,
    reasoning: i64,
    cost: i128,
    latency_ms: i64,
    ttft_ms: i64,
    ttft_count: i64,
}

#[derive(Default)]
struct Spent {
    all: i128,
    /// The part that was reserved from leases.
    leased: i128,
}

impl Tally {
    pub fn add(&mut self, ended: &Ended) {
        self.count(ended, 1);
    }

    /// One that was counted before, and was not what it seemed.
    pub fn take_back(&mut self, ended: &Ended) {
        self.count(ended, -1);
    }

    fn count(&mut self, ended: &Ended, sign: i64) {
        let key = UsageKey {
            workspace: ended.workspace.clone(),
            since: ended.hour,
            project: ended.project.clone(),
            gateway_key: ended.gateway_key.clone(),
            provider_key: ended.provider_key.clone(),
            provider: ended.provider.clone(),
            model: ended.model.clone(),
            payer: ended.payer.clone(),
        };
        self.hours.entry(key).or_default().add(ended, sign);
        let cost = ended.cost.unwrap_or_default().0;
        let pool = format!("pool:{}", ended.workspace);
        let pool_tokens = if ended.payer == PLATFORM { ended.usage.total_tokens() } else { 0 };
        let scopes = [
            (&ended.gateway_key, cost),
            (&ended.project, cost),
            (&ended.workspace, cost),
            (&pool, i128::from(pool_tokens).saturating_mul(PICO_PER_MICRO)),
        ];
        for (scope, amount) in scopes.into_iter().filter(|(_, amount)| *amount != 0) {
            let amount = amount.saturating_mul(i128::from(sign));
            let spent = self.scopes.entry((scope.clone(), ended.hour)).or_default();
            spent.all = spent.all.saturating_add(amount);
            if ended.hold.is_some() {
                spent.leased = spent.leased.saturating_add(amount);
            }
        }
    }

    pub async fn write(self, tx: &mut Tx, node: NodeId) -> Result<()> {
        let mut days = BTreeMap::<UsageKey, Sums>::new();
        for (key, sums) in self.hours {
            tx.run(ADD_TO_HOUR, usage_row(&key, &sums)).await?;
            days.entry(key.of_day()).or_default().merge(&sums);
        }
        for (key, sums) in &days {
            tx.run(ADD_TO_DAY, usage_row(key, sums)).await?;
        }
        // Whoever grants a lease locks the budget first: here too it comes before the leases.
        for ((scope, hour), spent) in &self.scopes {
            let (micro, rest) = PicoUsd(spent.all).split();
            tx.run(ADD_TO_BUDGETS, args![scope, *hour, micro.0, i64::from(rest)]).await?;
        }
        for ((scope, hour), spent) in self.scopes.iter().filter(|(_, spent)| spent.leased != 0) {
            let (micro, rest) = PicoUsd(spent.leased).split();
            tx.run(ADD_TO_LEASE, args![scope, *hour, micro.0, i64::from(rest), node]).await?;
        }
        Ok(())
    }
}

impl UsageKey {
    fn of_day(self) -> Self {
        let since = self.since.saturating_sub(self.since.rem_euclid(DAY_MS));
        Self { since, ..self }
    }
}

impl Sums {
    fn merge(&mut self, more: &Self) {
        let mine = [
            &mut self.requests,
            &mut self.attempts,
            &mut self.failures,
            &mut self.unpriced,
            &mut self.unsettled,
            &mut self.input,
            &mut self.cached,
            &mut self.cache_write,
            &mut self.output,
            &mut self.reasoning,
            &mut self.latency_ms,
            &mut self.ttft_ms,
            &mut self.ttft_count,
        ];
        let theirs = [
            more.requests,
            more.attempts,
            more.failures,
            more.unpriced,
            more.unsettled,
            more.input,
            more.cached,
            more.cache_write,
            more.output,
            more.reasoning,
            more.latency_ms,
            more.ttft_ms,
            more.ttft_count,
        ];
        for (sum, value) in mine.into_iter().zip(theirs) {
            *sum = sum.saturating_add(value);
        }
        self.cost = self.cost.saturating_add(more.cost);
    }

    fn add(&mut self, ended: &Ended, sign: i64) {
        let usage = &ended.usage;
        let mut add = |sum: fn(&mut Self) -> &mut i64, value: i64| {
            let sum = sum(self);
            *sum = sum.saturating_add(value.saturating_mul(sign));
        };
        add(|sums| &mut sums.requests, i64::from(ended.is_first));
        add(|sums| &mut sums.attempts, 1);
        add(|sums| &mut sums.failures, i64::from(ended.is_failure));
        add(|sums| &mut sums.unpriced, i64::from(ended.cost.is_none()));
        add(|sums| &mut sums.unsettled, i64::from(ended.is_unsettled));
        add(|sums| &mut sums.input, tokens(usage.input_tokens));
        add(|sums| &mut sums.cached, tokens(usage.cached_tokens));
        add(|sums| &mut sums.cache_write, tokens(usage.cache_write_tokens));
        add(|sums| &mut sums.output, tokens(usage.output_tokens));
        add(|sums| &mut sums.reasoning, tokens(usage.reasoning_tokens));
        add(|sums| &mut sums.latency_ms, tokens(Some(ended.latency_ms)));
        add(|sums| &mut sums.ttft_ms, tokens(ended.ttft_ms));
        add(|sums| &mut sums.ttft_count, i64::from(ended.ttft_ms.is_some()));
        let cost = ended.cost.unwrap_or_default().0.saturating_mul(i128::from(sign));
        self.cost = self.cost.saturating_add(cost);
    }
}

fn usage_row(key: &UsageKey, sums: &Sums) -> Vec<Value> {
    let (micro, rest) = PicoUsd(sums.cost).split();
    args![
        &key.workspace,
        key.since,
        &key.project,
        &key.gateway_key,
        &key.provider_key,
        &key.provider,
        &key.model,
        &key.payer,
        sums.requests,
        sums.attempts,
        sums.failures,
        sums.unpriced,
        sums.unsettled,
        sums.input,
        sums.cached,
        sums.cache_write,
        sums.output,
        sums.reasoning,
        micro.0,
        i64::from(rest),
        sums.latency_ms,
        sums.ttft_ms,
        sums.ttft_count,
    ]
}

fn tokens(count: Option<u64>) -> i64 {
    i64::try_from(count.unwrap_or_default().min(Usage::TOKENS_MAX)).unwrap_or(i64::MAX)
}

const PLATFORM: &str = "platform";
const PICO_PER_MICRO: i128 = 1_000_000;
const DAY_MS: i64 = 86_400_000;

/// One text for both tables, which differ by their names.
macro_rules! add_to {
    ($table:literal, $since:literal) => {
        concat!(
            "insert into ",
            $table,
            " as kept (workspace_id, ",
            $since,
            ", project_id, gateway_key_id, provider_key_id, provider, model, payer, requests,
                attempts, failures, unpriced, unsettled, input_tokens, cached_tokens,
                cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd, cost_pico_rest,
                latency_ms, ttft_ms, ttft_count)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                $19, $20, $21, $22, $23)
            on conflict (workspace_id, ",
            $since,
            ", project_id, gateway_key_id, provider_key_id, provider, model, payer) do update
            set requests = kept.requests + excluded.requests,
                attempts = kept.attempts + excluded.attempts,
                failures = kept.failures + excluded.failures,
                unpriced = kept.unpriced + excluded.unpriced,
                unsettled = kept.unsettled + excluded.unsettled,
                input_tokens = kept.input_tokens + excluded.input_tokens,
                cached_tokens = kept.cached_tokens + excluded.cached_tokens,
                cache_write_tokens = kept.cache_write_tokens + excluded.cache_write_tokens,
                output_tokens = kept.output_tokens + excluded.output_tokens,
                reasoning_tokens = kept.reasoning_tokens + excluded.reasoning_tokens,
                cost_micro_usd = kept.cost_micro_usd + excluded.cost_micro_usd
                    + (kept.cost_pico_rest + excluded.cost_pico_rest) / 1000000,
                cost_pico_rest = (kept.cost_pico_rest + excluded.cost_pico_rest) % 1000000,
                latency_ms = kept.latency_ms + excluded.latency_ms,
                ttft_ms = kept.ttft_ms + excluded.ttft_ms,
                ttft_count = kept.ttft_count + excluded.ttft_count"
        )
    };
}

const ADD_TO_HOUR: &str = add_to!("usage_hours", "hour");

const ADD_TO_DAY: &str = add_to!("usage_days", "day");

const ADD_TO_BUDGETS: &str = "update budgets
    set spent_micro = spent_micro + $3 + (spent_rest + $4) / 1000000,
        spent_rest = (spent_rest + $4) % 1000000
    where scope = $1 and period_start <= $2 and period_end > $2";

const ADD_TO_LEASE: &str = "update leases
    set used_micro = used_micro + $3 + (used_rest + $4) / 1000000,
        used_rest = (used_rest + $4) % 1000000
    where scope = $1 and period_start <= $2 and period_end > $2 and node_id = $5";
