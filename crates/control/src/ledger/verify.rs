//! Whether the books are right: hours against attempts, days and budgets against hours, leases against caps, rows against
//! themselves.

use std::collections::HashMap;

use model::settings::{CapMode, CapPeriod};
use model::{MicroUsd, Period, PicoUsd, Timestamp};
use serde::Serialize;
use store::system::{BudgetCheck, OddAttempt, UsageGap};
use store::{Store, StoreError};

use super::leased;

/// Something that is not as it must be.
#[derive(Serialize, Debug)]
pub struct Finding {
    /// `hour`, `day`, `budget`, `lease` or `attempt`.
    pub kind: &'static str,
    pub subject: String,
    pub problem: String,
}

/// More would be read by nobody.
const FINDINGS_MAX: u32 = 100;

/// Empty where all is right. At most some hundreds.
pub async fn verify_ledger(store: &Store, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    let system = store.system();
    let mut findings: Vec<Finding> =
        system.hour_gaps(FINDINGS_MAX).await?.iter().map(of_hour).collect();
    findings.extend(system.day_gaps(FINDINGS_MAX).await?.iter().map(of_day));
    findings.extend(system.odd_attempts(FINDINGS_MAX).await?.iter().map(of_attempt));
    let checks = system.checked_budgets().await?;
    findings.extend(checks.iter().filter_map(of_budget));
    let leases = system.leases().await?;
    let caps = strict_caps(store, now).await?;
    findings.extend(checks.iter().filter_map(|check| {
        let budget = &check.budget;
        let period = Period { start: budget.period_start, end: budget.period_end };
        let cap = caps.get(&(budget.scope.clone(), period))?;
        of_lease(check, leased(budget, &leases), *cap)
    }));
    Ok(findings)
}

fn of_hour(gap: &UsageGap) -> Finding {
    of_usage(gap, "hour", "attempts")
}

fn of_day(gap: &UsageGap) -> Finding {
    of_usage(gap, "day", "hours")
}

/// `parts` are what it should be the sum of.
fn of_usage(gap: &UsageGap, kind: &'static str, parts: &str) -> Finding {
    let UsageGap { project, gateway_key, provider_key, provider, model, payer, .. } = gap;
    let missing = &gap.missing;
    let differences = [
        ("requests", missing.requests),
        ("attempts", missing.attempts),
        ("failures", missing.failures),
        ("unpriced", missing.unpriced),
        ("unsettled", missing.unsettled),
        ("input tokens", missing.input_tokens),
        ("cached tokens", missing.cached_tokens),
        ("cache write tokens", missing.cache_write_tokens),
        ("output tokens", missing.output_tokens),
        ("reasoning tokens", missing.reasoning_tokens),
        ("ms of latency", missing.latency_ms),
        ("ms to the first token", missing.ttft_ms),
        ("first tokens", missing.ttft_count),
    ];
    let differences = differences.iter().filter(|(_, number)| *number != 0);
    let mut told: Vec<_> = differences.map(|(name, number)| format!("{number} {name}")).collect();
    if missing.cost.0 != 0 {
        told.push(format!("{} pico-USD", missing.cost.0));
    }
    Finding {
        kind,
        subject: format!(
            "{} {} {project} {gateway_key} {provider_key} {provider} {model} {payer}",
            gap.workspace, gap.since
        ),
        problem: format!("the {parts} come to more by {}", told.join(", ")),
    }
}

fn of_attempt(attempt: &OddAttempt) -> Finding {
    Finding {
        kind: "attempt",
        subject: format!("{} {}", attempt.request, attempt.attempt),
        problem: format!("is {}, and has not the columns of that", attempt.state),
    }
}

fn of_budget(check: &BudgetCheck) -> Option<Finding> {
    let expected = PicoUsd(check.used.0.saturating_add(check.budget.forgotten.0));
    if expected == check.budget.spent {
        return None;
    }
    Some(Finding {
        kind: "budget",
        subject: format!("{} from {}", check.budget.scope, check.budget.period_start),
        problem: format!(
            "says {} pico-USD were spent, and the hours and what was forgotten come to {}",
            check.budget.spent.0, expected.0
        ),
    })
}

fn of_lease(check: &BudgetCheck, leased: PicoUsd, cap: PicoUsd) -> Option<Finding> {
    let committed = check.budget.spent.0.saturating_add(leased.0);
    if leased.0 == 0 || committed <= cap.0 {
        return None;
    }
    Some(Finding {
        kind: "lease",
        subject: format!("{} from {}", check.budget.scope, check.budget.period_start),
        problem: format!(
            "{} pico-USD are leased of a cap of {}, of which {} are spent; right only within \
             two minutes after a cap was lowered",
            leased.0, cap.0, check.budget.spent.0
        ),
    })
}

/// By scope and running period. Soft ones lease beyond the cap by design.
async fn strict_caps(
    store: &Store,
    now: Timestamp,
) -> Result<HashMap<(String, Period), PicoUsd>, StoreError> {
    let mut caps = HashMap::new();
    let mut keep = |scope: String, cap: Option<u64>, period: CapPeriod, mode: CapMode| {
        if let Some(cap) = cap.filter(|_| mode == CapMode::Strict) {
            let cap = PicoUsd::from(MicroUsd(i64::try_from(cap).unwrap_or(i64::MAX)));
            caps.insert((scope, Period::at(period, now)), cap);
        }
    };
    for row in store.system().all_settings().await? {
        let settings = row.settings;
        keep(row.scope, settings.spend_cap_micro_usd, settings.cap_period, settings.cap_mode);
    }
    for row in store.system().all_key_policies().await? {
        let policy = row.policy;
        keep(row.scope, policy.spend_cap_micro_usd, policy.cap_period, policy.cap_mode);
    }
    Ok(caps)
}
