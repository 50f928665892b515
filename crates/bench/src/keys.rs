//! `bench keys`: what a million other keys cost the one that asks.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use crate::Common;
use crate::bulk::{Arg, Bulk};
use crate::fast_provider::Answers;
use crate::gateway::Database;
use crate::report::Report;
use crate::subject::{Subject, busy_key};
use crate::volley::{Spread, Target, Volley};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How many gateway keys there are besides
    #[arg(long, default_value_t = 1_000_000)]
    keys: i64,
    /// How many workspaces they belong to
    #[arg(long, default_value_t = 100_000)]
    workspaces: i64,
    /// With how many keys is asked
    #[arg(long, default_value_t = 200)]
    sample: usize,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let Arguments { common, keys, workspaces, sample, database } = arguments;
    let Some(subject) = Subject::start(database, &common, ANSWERS).await? else { return Ok(true) };
    let mut tokens = Vec::new();
    for number in 0..sample {
        tokens.push(subject.owner.gateway_key(&busy_key(&format!("sample-{number}"))).await.0);
    }
    let subject = subject.restart()?;
    let alone = asked(&subject, &tokens).await?;

    let Subject { gateway, key, key_id, owner, site, provider, folder } = subject;
    gateway.stop()?;
    let began = Instant::now();
    let mut bulk = Bulk::open(site.location()).await?;
    let own = Arg::Text(owner.workspace.clone());
    bulk.run_in_steps(WORKSPACES, workspaces, std::slice::from_ref(&own)).await?;
    bulk.run_in_steps(PROJECTS, workspaces, std::slice::from_ref(&own)).await?;
    bulk.run_in_steps(KEYS, keys, &[own, Arg::Number(workspaces.max(1))]).await?;
    bulk.close().await?;
    let filled = began.elapsed();
    let gateway = site.start()?;
    let subject = Subject { gateway, key, key_id, owner, site, provider, folder };
    let among_others = asked(&subject, &tokens).await?;
    let (ready, memory) = (subject.gateway.ready_after, subject.gateway.process().memory()?);
    subject.gateway.stop()?;

    let mut report = Report::new();
    report.figure("gateway keys", keys);
    report.figure("workspaces", workspaces);
    report.figure("filling took, s", filled.as_secs());
    report.figure("start to ready, ms", ready.as_millis() as u64);
    report.figure("memory, KiB", memory);
    let [(first, later), (first_among, later_among)] = [alone, among_others];
    report.figure("each key's first request, alone, µs", first);
    report.figure("each key's first request, among others, µs", first_among);
    report.figure("requests after it, alone, µs", later);
    report.figure("requests after it, among others, µs", later_among);
    report.figure(
        "medians among others by those alone",
        json!({ "first": first_among.p50 / first.p50, "later": later_among.p50 / later.p50 }),
    );
    report.finish(&common)
}

/// Each key once, which is not in memory then; and all of them again and again.
async fn asked(subject: &Subject, tokens: &[String]) -> anyhow::Result<(Spread, Spread)> {
    let volley = |requests| Volley {
        connections: 1,
        requests,
        rate: None,
        body_bytes: 512,
        streamed: false,
        answers: ANSWERS,
    };
    // Another key first, for all that has nothing to do with keys.
    volley(50).fire(&subject.target()?).await?;
    let target = Target::new(&subject.gateway.url, tokens)?;
    let first = volley(u64::try_from(tokens.len())?).fire(&target).await?;
    let later = volley(LATER_REQUESTS).fire(&target).await?;
    Ok((first.whole.spread(), later.whole.spread()))
}

const ANSWERS: Answers = Answers { answer_bytes: 1200, events: 1, pause_ms: 0 };
const LATER_REQUESTS: u64 = 4000;

const WORKSPACES: &str = "with recursive n(i) as (
        select cast($1 as bigint)
        union all
        select i + 1 from n where i < $2
    )
    insert into workspaces (id, name, plan, settings, version, salt, created_at)
    select 'ws_0000000000000000' || cast(1000000000000000 + i as text),
        'workspace ' || cast(i as text), plan, settings, 1,
        cast('0000000000000000' || cast(1000000000000000 + i as text) as blob), created_at
    from n cross join (
        select plan, settings, created_at from workspaces where id = $3
    ) as own";

const PROJECTS: &str = "with recursive n(i) as (
        select cast($1 as bigint)
        union all
        select i + 1 from n where i < $2
    )
    insert into projects (id, workspace_id, name, settings, version, created_at)
    select 'prj_0000000000000000' || cast(1000000000000000 + i as text),
        'ws_0000000000000000' || cast(1000000000000000 + i as text), 'default', settings, 1,
        created_at
    from n cross join (
        select settings, created_at from projects where workspace_id = $3 limit 1
    ) as own";

/// Hashes lie all over their index, as hashes do: the multiplier has no factor in common with the modulus.
const KEYS: &str = "with recursive n(i) as (
        select cast($1 as bigint)
        union all
        select i + 1 from n where i < $2
    )
    insert into gateway_keys (id, workspace_id, project_id, user_id, name, token_hash, shown, scopes,
        policy, version, created_at)
    select 'gk_0000000000000000' || cast(1000000000000000 + i as text),
        'ws_0000000000000000' || cast(1000000000000000 + i % $4 as text),
        'prj_0000000000000000' || cast(1000000000000000 + i % $4 as text),
        user_id, 'key ' || cast(i as text),
        cast(cast(1000000000000000 + (i * 2654435761) % 1000000000000000 as text)
            || '0000000000000000' as blob),
        'ks_live_0000', scopes, policy, 1, created_at
    from n cross join (
        select user_id, scopes, policy, created_at from gateway_keys where workspace_id = $3 limit 1
    ) as own";
