//! `bench usage-rows`: what the usage API and the log of requests take when the ledger is long.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use testkit::http::Client;

use crate::Common;
use crate::bulk::{Arg, Bulk};
use crate::clock::now_ms;
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::report::Report;
use crate::subject::Subject;
use crate::volley::{Spread, Times};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many attempts the ledger has; half of them are the asking workspace's
    #[arg(long, default_value_t = 10_000_000)]
    rows: i64,
    /// Over how many days they are spread
    #[arg(long, default_value_t = 90)]
    days: i64,
    /// How many gateway keys the asking workspace has, as far as the ledger shows
    #[arg(long, default_value_t = 20)]
    keys: i64,
    /// How often each question is asked
    #[arg(long, default_value_t = 20)]
    times: usize,
    #[arg(long, default_value_t = 300, value_name = "MS")]
    answer_ms_max: u64,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, rows, days, keys, times, answer_ms_max, database } = arguments;
    let Some(subject) = Subject::start(database, &common, ANSWERS).await? else { return Ok(true) };
    let Subject { gateway, owner, site, provider, folder, .. } = subject;
    let (workspace, project) = (owner.workspace.clone(), owner.project.clone());
    gateway.stop()?;
    let span_ms = days.saturating_mul(DAY_MS);
    let first_ms = now_ms().saturating_sub(span_ms);
    let began = Instant::now();
    let mut bulk = Bulk::open(site.location()).await?;
    let args = [
        Arg::Number(first_ms),
        Arg::Number(span_ms),
        Arg::Number(rows),
        Arg::Text(workspace.clone()),
        Arg::Text(project),
        Arg::Number(keys),
    ];
    bulk.run_in_steps(ATTEMPTS, rows, &args).await?;
    bulk.run(USAGE_HOURS, &[]).await?;
    bulk.run(USAGE_DAYS, &[]).await?;
    bulk.close().await?;
    let filled = began.elapsed();
    let gateway = site.start()?;

    let mut report = Report::new();
    report.figure("rows", rows);
    report.figure("filling took, s", filled.as_secs());
    report.figure("start to ready, ms", gateway.ready_after.as_millis() as u64);
    let (api, session) = (gateway.api(), &owner.session);
    for (what, path) in questions(days, first_ms) {
        let path = format!("/v1/workspaces/{workspace}/{path}");
        let asked = ask(&api, session, &path, times).await.with_context(|| path.clone())?;
        let Asked { took, items } = asked;
        report.check(took.max <= ms_as_us(answer_ms_max), || {
            format!("{what}: up to {:.0} ms, promised {answer_ms_max} ms", took.max / 1000.0)
        });
        report.check(items > 0, || format!("{what}: an empty answer"));
        report.figure(
            what,
            format!(
                "{:.1} ms (median), {:.1} ms (longest), {items} items",
                took.p50 / 1000.0,
                took.max / 1000.0
            ),
        );
    }
    report.figure("memory, KiB", gateway.process().memory()?);
    gateway.stop()?;
    drop((provider, folder));
    report.finish(&common)
}

/// What people look at, and the path of it.
fn questions(days: i64, first_ms: i64) -> Vec<(&'static str, String)> {
    let deep = first_ms.saturating_add(DAY_MS.saturating_mul(days) / 10);
    let from = day(first_ms);
    let key = format!("gk_0000000000000000{}", 1_000_000_000_000_003_i64);
    vec![
        ("usage by day, 30 days", "usage?group_by=day".to_owned()),
        ("usage by hour, 30 days", "usage?group_by=hour".to_owned()),
        ("usage by model, 30 days", "usage?group_by=model".to_owned()),
        ("usage by gateway key, 30 days", "usage?group_by=gateway_key".to_owned()),
        ("usage by provider, 30 days", "usage?group_by=provider".to_owned()),
        ("usage by day, all", format!("usage?group_by=day&from={from}")),
        ("usage by model, all", format!("usage?group_by=model&from={from}")),
        ("usage by project, all", format!("usage?group_by=project&from={from}")),
        ("usage of one key by day, 30 days", format!("usage?group_by=day&gateway_key={key}")),
        ("requests, first page", "requests".to_owned()),
        ("requests, first page of 500", "requests?limit=500".to_owned()),
        (
            "requests, a page far down",
            format!("requests?from={from}&cursor={deep}_1_req_0000000000000000{:016}", 0),
        ),
        ("requests that failed", "requests?min_status=400".to_owned()),
        ("requests that are unsettled", "requests?state=unsettled".to_owned()),
        ("requests of one key", format!("requests?gateway_key={key}")),
    ]
}

struct Asked {
    took: Spread,
    items: usize,
}

async fn ask(api: &Client, session: &str, path: &str, times: usize) -> anyhow::Result<Asked> {
    let (mut took, mut items) = (Vec::new(), 0);
    for _ in 0..times {
        let began = Instant::now();
        let answer = api.get(path).bearer(session).whole().await;
        took.push(u64::try_from(began.elapsed().as_nanos())?);
        let text = String::from_utf8_lossy(&answer.body);
        anyhow::ensure!(answer.status == 200, "{}: {text}", answer.status);
        let list = answer.json();
        items = list.pointer("/items").and_then(Value::as_array).map_or(0, Vec::len);
    }
    Ok(Asked { took: Times::new(took).spread(), items })
}

fn ms_as_us(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64() * 1e6
}

/// As the API takes a day: the civil date that this falls on.
fn day(unix_ms: i64) -> String {
    // Days since 0000-03-01, by eras of 400 years (Howard Hinnant's `civil_from_days`).
    let days = unix_ms.div_euclid(DAY_MS) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{:02}", day - (153 * shifted + 2) / 5 + 1)
}

const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 1, pause_ms: 0 };
const DAY_MS: i64 = 86_400_000;

/// Digits are hexadecimal digits too: an id needs no more than a number with zeros before it. Twelve models of three
/// providers; one attempt of a hundred failed, one of fifty thousand is unsettled.
const ATTEMPTS: &str = "with recursive n(i) as (
        select cast($1 as bigint)
        union all
        select i + 1 from n where i < $2
    ), numbered(i, model, started_at, own) as (
        select i, (i / 3) % 12, $3 + i * $4 / $5, i % 2 from n
    )
    insert into attempts (request_id, attempt, node_id, workspace_id, project_id, gateway_key_id,
        provider_key_id, provider, model, dialect, streamed, payer, state, outcome, http_status,
        error_code, input_tokens, cached_tokens, output_tokens, reasoning_tokens, estimated,
        billing_unknown, hold_pico_usd, cost_micro_usd, cost_pico_rest, price, hour, started_at,
        settled_at, latency_ms, ttft_ms)
    select 'req_0000000000000000' || cast(1000000000000000 + i as text), 1,
        'node_00000000000000001000000000000000',
        case own when 0 then $6
            else 'ws_0000000000000000' || cast(1000000000000000 + i % 50 as text) end,
        case own when 0 then $7
            else 'prj_0000000000000000' || cast(1000000000000000 + i % 50 as text) end,
        'gk_0000000000000000' || cast(1000000000000000 + (i / 2) % $8 as text),
        'pk_0000000000000000' || cast(1000000000000000 + model % 3 as text),
        case model % 3 when 0 then 'openai' when 1 then 'anthropic' else 'gemini' end,
        'model-' || cast(model as text), 'chat_completions', (i / 7) % 2, 'byok',
        case i % 50000 when 14 then 'unsettled' else 'settled' end,
        case when i % 50000 = 14 then 'unknown' when i % 100 = 4 then 'failed' else 'completed' end,
        case i % 100 when 4 then 429 else 200 end,
        case i % 100 when 4 then 'rate_limited' end,
        100 + i % 1000, 0, 50 + i % 300, 0, 0, 0, 1000000000, 300 + i % 5000, 0,
        'catalogue 2026-11-01', started_at - started_at % 3600000, started_at,
        started_at + 800 + i % 2000, 800 + i % 2000, 200 + i % 400
    from numbered";

/// In the order in which a drainer writes them, which is how PostgreSQL keeps them.
const USAGE_HOURS: &str = "insert into usage_hours (workspace_id, hour, project_id, gateway_key_id,
        provider_key_id, provider, model, payer, requests, attempts, failures, unpriced, unsettled,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        cost_micro_usd, cost_pico_rest, latency_ms, ttft_ms, ttft_count)
    select workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model, payer,
        count(*), count(*), sum(case outcome when 'failed' then 1 else 0 end), 0,
        sum(case state when 'unsettled' then 1 else 0 end), sum(input_tokens), 0, 0,
        sum(output_tokens), 0, sum(cost_micro_usd), 0, sum(latency_ms), sum(ttft_ms), count(ttft_ms)
    from attempts
    group by workspace_id, hour, project_id, gateway_key_id, provider_key_id, provider, model,
        payer
    order by hour";

const USAGE_DAYS: &str = "insert into usage_days (workspace_id, day, project_id, gateway_key_id,
        provider_key_id, provider, model, payer, requests, attempts, failures, unpriced, unsettled,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        cost_micro_usd, cost_pico_rest, latency_ms, ttft_ms, ttft_count)
    select workspace_id, hour - hour % 86400000, project_id, gateway_key_id, provider_key_id,
        provider, model, payer, sum(requests), sum(attempts), sum(failures), 0, sum(unsettled),
        sum(input_tokens), 0, 0, sum(output_tokens), 0, sum(cost_micro_usd), 0, sum(latency_ms),
        sum(ttft_ms), sum(ttft_count)
    from usage_hours
    group by workspace_id, hour - hour % 86400000, project_id, gateway_key_id, provider_key_id,
        provider, model, payer
    order by 2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named_as_calendars_name_them() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_400_000), "2000-02-29");
        assert_eq!(day(1_798_675_199_999), "2026-12-30");
    }
}
