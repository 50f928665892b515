//! Money for one attempt: reserved before it is made, settled when it has ended. Knows prices and bounds, and calls nobody.

mod bound;
mod refusal;

use std::sync::Arc;

use model::settings::CapMode;
use model::{
    Bound, Cap, Catalogue, MicroUsd, PicoUsd, ProviderId, Refusal, Tariff, Timestamp, Usage,
};
use store::budget::Hold;
use store::journal::Outcome;

use crate::Gateway;
use crate::asked::{BYTES_PER_TOKEN, Pricing};
use crate::authorize::Permit;
use crate::parse::Call;
use crate::plan::{Candidate, Payer, Standing};

use bound::bounds;
use refusal::refusal;

/// What one attempt may cost, and what it did cost.
#[must_use = "dropped, nothing was spent"]
pub struct Funds {
    hold: Hold,
    /// Of the pool's tokens, where the operator's key pays.
    pool: Hold,
    tariff: Option<Tariff>,
    catalogue: Arc<Catalogue>,
    provider: ProviderId,
    model: String,
    takes_reported_cost: bool,
    pricing: Pricing,
    /// Of ordinary text, for ends that nobody tells.
    input_tokens: u64,
    /// All answers together may not have more, where money is held for it.
    output_tokens_max: Option<u64>,
    /// What is written into a request that names no limit of its own.
    limit: Option<u64>,
}

/// What an attempt came to.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Absent where no price is known.
    pub amount: Option<PicoUsd>,
    /// Whose price it is, and of when.
    pub price: Option<String>,
}

/// How an attempt ended, as far as money goes.
#[derive(Clone, Copy)]
pub struct End {
    pub outcome: Outcome,
    pub at: Timestamp,
    /// The provider may have worked on it.
    pub may_be_billed: bool,
}

impl Funds {
    pub async fn reserve(
        gw: &Gateway,
        permit: &Permit,
        call: &Call<'_>,
        candidate: &Candidate<'_>,
    ) -> Result<Self, Refusal> {
        let acting = permit.acting();
        let standing = Standing::of(acting)?;
        let workspace = acting.workspace().id;
        let now = gw.clock.now();
        let body_bytes = u64::try_from(call.asked.body_bytes).unwrap_or(u64::MAX);
        let mut funds = Self {
            hold: Hold::nothing(now),
            pool: Hold::nothing(now),
            tariff: candidate.tariff.clone(),
            catalogue: Arc::clone(&gw.catalogue),
            provider: candidate.provider.id.clone(),
            model: candidate.model.clone(),
            takes_reported_cost: candidate.provider.reports_cost,
            pricing: call.asked.pricing,
            input_tokens: body_bytes.div_ceil(BYTES_PER_TOKEN_U64),
            output_tokens_max: None,
            limit: None,
        };
        let caps: Vec<Cap> = standing.caps().map(|(cap, _)| cap).collect();
        let is_pool = candidate.payer == Payer::Platform;
        let pool = is_pool.then(|| standing.rules.pool_cap(workspace)).flatten();
        let tariff = candidate.tariff.as_ref().filter(|_| call.asked.pricing == Pricing::Tokens);
        if call.asked.pricing == Pricing::Free || (caps.is_empty() && pool.is_none()) {
            return Ok(funds);
        }
        let (least, most) = bounds(gw, call, candidate);
        // Where all are paid afterwards, nothing is held that an answer could pass.
        let is_strict = caps.iter().any(|cap| cap.mode == CapMode::Strict);
        if let Some(tariff) = tariff.filter(|_| !caps.is_empty()) {
            let (from, to) = (tariff.worst(&least), tariff.worst(&most));
            let held = gw.budgets.hold(workspace, &caps, from, to).await;
            funds.hold = held.map_err(|unheld| refusal(unheld, &standing))?;
            if is_strict && funds.hold.amount() < to {
                funds.allow(tariff.output_for(funds.hold.amount(), &most), call);
            }
        }
        let pool_holds = pool.is_some();
        if let Some(pool) = pool {
            let (from, to) = (tokens(&least), tokens(&most));
            let held = gw.budgets.hold(workspace, &[pool], from, to).await;
            funds.pool = held.map_err(|unheld| refusal(unheld, &standing))?;
            if funds.pool.amount() < to {
                let left = funds.pool.amount().rounded().0;
                let left = u64::try_from(left).unwrap_or_default();
                funds.allow(Some(left.saturating_sub(most.input_tokens)), call);
            }
        }
        if is_strict || pool_holds {
            funds.cut_at(most.output_tokens);
        }
        // A model whose own limit nobody knows gets one.
        if call.asked.output_tokens_max.is_none() && bound::output_of(gw, candidate).is_none() {
            funds.allow(Some(most.output_tokens), call);
        }
        Ok(funds)
    }

    /// No more than so many tokens, where the caller has said nothing.
    fn allow(&mut self, output_tokens: Option<u64>, call: &Call<'_>) {
        let Some(tokens) = output_tokens.filter(|_| call.asked.output_tokens_max.is_none()) else {
            return;
        };
        let each = tokens.checked_div(call.payload.answers()).unwrap_or(tokens);
        self.limit = Some(self.limit.map_or(each, |limit| limit.min(each)));
        self.cut_at(tokens);
    }

    fn cut_at(&mut self, tokens: u64) {
        self.output_tokens_max = Some(self.output_tokens_max.map_or(tokens, |max| max.min(tokens)));
    }

    /// What one answer must be held to, where the caller has not said it.
    pub const fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Of the caller's caps, in pico-USD; nothing where tokens alone are counted. Absent where nobody counts.
    pub fn held(&self) -> Option<u64> {
        let is_held = self.hold.is_capped() || self.pool.is_capped();
        is_held.then(|| self.hold.amount().saturating_u64())
    }

    /// Whose hour it counts for.
    pub const fn held_at(&self) -> Timestamp {
        self.hold.at()
    }

    /// Whether an answer has had more output than is held for it.
    pub fn is_passed_by(&self, usage: &Usage) -> bool {
        let output = usage.output_tokens.unwrap_or_default();
        self.output_tokens_max.is_some_and(|max| output > max)
    }

    /// What so much would cost by now.
    pub fn cost(&self, usage: &Usage, answered_by: Option<&str>, at: Timestamp) -> Cost {
        if self.pricing == Pricing::Free {
            return Cost { amount: Some(PicoUsd(0)), price: None };
        }
        let tariff = answered_by.and_then(|model| self.tariff_of(model, at));
        let Some(tariff) = tariff.as_ref().or(self.tariff.as_ref()) else {
            return self.reported(usage);
        };
        let reported = usage.reported_pico_usd.filter(|_| self.takes_reported_cost);
        let usage = Usage { reported_pico_usd: reported, ..*usage };
        let price = if reported.is_some() { REPORTED } else { tariff.version() };
        let amount = tariff.cost(&usage, at);
        Cost { price: amount.map(|_| price.to_owned()), amount }
    }

    fn reported(&self, usage: &Usage) -> Cost {
        let reported = usage.reported_pico_usd.filter(|_| self.takes_reported_cost);
        let amount = reported.map(|pico| PicoUsd::from(pico).min(PicoUsd(PICO_USD_MAX)));
        Cost { price: amount.map(|_| REPORTED.to_owned()), amount }
    }

    /// Providers bill the model that answers: a retired name costs what its successor does. Not where the owner has named a
    /// price for this one.
    fn tariff_of(&self, answered_by: &str, at: Timestamp) -> Option<Tariff> {
        let is_own = self.tariff.as_ref().is_some_and(|tariff| tariff.version() == OWN);
        if answered_by == self.model || is_own {
            return None;
        }
        self.catalogue.tariff(&self.provider, answered_by, at)
    }

    /// Once: what was used, as far as anybody told, and what it costs. The rest of what was held is free for others.
    pub fn settle(&mut self, used: &Usage, answered_by: Option<&str>, end: End) -> (Usage, Cost) {
        let mut usage = *used;
        let is_told = used.output_tokens.is_some() && !used.estimated;
        let is_untold = usage.input_tokens.is_none() && self.pricing == Pricing::Tokens;
        let is_wanted = end.outcome != Outcome::Completed || self.hold.is_capped();
        if end.may_be_billed && is_untold && is_wanted {
            usage.input_tokens = Some(self.input_tokens);
            usage.estimated = true;
        }
        let mut cost = match end.outcome {
            _ if !end.may_be_billed => Cost { amount: Some(PicoUsd(0)), price: None },
            // What nobody counted is charged as what it was allowed to be.
            Outcome::Completed if !is_told && self.has_held() && self.has_output() => {
                Cost { amount: Some(self.hold.amount()), ..self.cost(&usage, answered_by, end.at) }
            }
            Outcome::Completed => self.cost(&usage, answered_by, end.at),
            Outcome::Aborted | Outcome::Cut | Outcome::Failed => {
                let seen = Usage { output_tokens: usage.output_tokens.or(Some(0)), ..usage };
                self.cost(&seen, answered_by, end.at)
            }
        };
        // Under a cap nothing is free because a part of it has no price.
        if self.has_held() {
            cost.amount = cost.amount.or(Some(self.hold.amount()));
        }
        cost.amount = cost.amount.map(|cost| PicoUsd(cost.0.clamp(0, PICO_USD_MAX)));
        self.hold.settle(cost.amount.unwrap_or_default());
        self.pool.settle(pooled(&usage));
        (usage, cost)
    }

    fn has_held(&self) -> bool {
        self.hold.amount() > PicoUsd(0)
    }

    const fn has_output(&self) -> bool {
        matches!(self.output_tokens_max, Some(max) if max > 0)
    }
}

fn tokens(bound: &Bound) -> PicoUsd {
    let (input_tokens, output_tokens) = (Some(bound.input_tokens), Some(bound.output_tokens));
    pooled(&Usage { input_tokens, output_tokens, ..Usage::default() })
}

/// A pool counts tokens, a micro-USD each.
fn pooled(usage: &Usage) -> PicoUsd {
    PicoUsd::from(MicroUsd(i64::try_from(usage.total_tokens()).unwrap_or(i64::MAX)))
}

const BYTES_PER_TOKEN_U64: u64 = BYTES_PER_TOKEN as u64;
/// A million dollars: whoever claims more for one call is not believed.
const PICO_USD_MAX: i128 = 1_000_000_000_000_000_000;
const REPORTED: &str = "reported";
/// What tariffs of the settings call themselves.
const OWN: &str = "workspace";
