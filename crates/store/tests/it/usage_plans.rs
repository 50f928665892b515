//! The ledger is long: each database is asked how it goes about the questions that people ask of it every day.

use model::Timestamp;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqliteConnection};
use store::workspace::{
    AttemptFilter, EDGE_OF_ATTEMPTS, PAGE_OF_ATTEMPTS, PAGE_OF_FILTERED, PAGE_OF_UNSETTLED,
    USAGE_BY_HOUR, USAGE_SUMS,
};

use crate::place::{Place, Raw};

const ROWS: usize = 45_000;
const DAY_MS: i64 = 86_400_000;
const WORKSPACE: &str = "ws_000000000000000000000000000000aa";

/// More than two pages' worth of what one page may look through; every thousandth failed, every 9000th is unsettled.
async fn fill(place: &Place) {
    let mut raw = place.raw().await;
    let sql = match raw {
        Raw::Lite(_) => FILL_SQLITE,
        Raw::Pg(_) => FILL_POSTGRES,
    };
    for sql in [sql, FILL_HOURS, FILL_DAYS, "analyze"] {
        raw.run(sql).await;
    }
}

#[derive(Clone, Copy)]
enum Arg {
    Int(i64),
    Text(&'static str),
    NoInt,
    NoText,
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($sql));
        for arg in $args {
            query = match *arg {
                Arg::Int(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::NoInt => query.bind(None::<i64>),
                Arg::NoText => query.bind(None::<String>),
            };
        }
        query
    }};
}

async fn of_sqlite(raw: &mut SqliteConnection, sql: &str, args: &[Arg]) -> String {
    let rows = bound!(format!("explain query plan {sql}"), args).fetch_all(raw).await;
    let lines: Vec<String> = rows.expect(sql).iter().map(|row| row.get("detail")).collect();
    lines.join("\n")
}

async fn of_postgres(raw: &mut PgConnection, sql: &str, args: &[Arg]) -> String {
    let rows = bound!(format!("explain {sql}"), args).fetch_all(raw).await;
    let lines: Vec<String> = rows.expect(sql).iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

async fn plan(place: &Place, sql: &str, args: &[Arg]) -> String {
    match place.raw().await {
        Raw::Lite(mut raw) => of_sqlite(&mut raw, sql, args).await,
        Raw::Pg(mut raw) => of_postgres(&mut raw, sql, args).await,
    }
}

fn bounds(place: &Place, last: i64) -> Vec<Arg> {
    let to = Arg::Int(place.now().unix_ms() + 1);
    let (none, zero) = (Arg::Text(""), Arg::Int(0));
    vec![Arg::Text(WORKSPACE), to, none, zero, zero, none, zero, Arg::Int(last)]
}

pub async fn no_question_of_every_day_reads_the_whole_ledger(place: Place) {
    let _store = place.store().await;
    fill(&place).await;
    let none = [Arg::NoText; 8];
    let mut filtered = bounds(&place, 101);
    filtered.extend(none);
    filtered.extend([Arg::NoInt, Arg::NoInt]);
    let to = place.now().unix_ms();
    let midnight = to - to % DAY_MS;
    let mut by_hour = vec![Arg::Text(WORKSPACE), Arg::Int(to - 7 * DAY_MS), Arg::Int(to)];
    by_hour.push(Arg::Int(100));
    by_hour.extend([Arg::NoText; 6]);
    let mut sums = by_hour.clone();
    sums.extend([Arg::Text("model"), Arg::Int(midnight - 6 * DAY_MS), Arg::Int(midnight)]);

    for (sql, args, index) in [
        (PAGE_OF_ATTEMPTS, bounds(&place, 101), "attempts_by_workspace"),
        (PAGE_OF_FILTERED, filtered.clone(), "attempts_by_workspace"),
        (PAGE_OF_UNSETTLED, filtered, "attempts_unsettled"),
        (EDGE_OF_ATTEMPTS, bounds(&place, 0)[..7].to_vec(), "attempts_by_workspace"),
        (USAGE_BY_HOUR, by_hour, "usage_hours"),
        (USAGE_SUMS, sums.clone(), "usage_days"),
        (USAGE_SUMS, sums, "usage_hours"),
    ] {
        let plan = plan(&place, sql, &args).await;

        assert!(plan.contains(index), "{sql}\n{plan}");
        for whole in ["Seq Scan", "SCAN attempts", "SCAN usage_hours", "SCAN usage_days"] {
            assert!(!plan.contains(whole), "{sql}\n{plan}");
        }
        if ![USAGE_BY_HOUR, USAGE_SUMS].contains(&sql) {
            // SQLite puts what fits in order, of a bounded stretch that was read in order.
            let sorts =
                plan.contains("Sort") || plan.contains("TEMP B-TREE") && sql != PAGE_OF_FILTERED;
            assert!(!sorts, "the index has them in order: {sql}\n{plan}");
        }
    }
}

pub async fn what_fits_rarely_is_found_a_bounded_stretch_at_a_time(place: Place) {
    let store = place.store().await;
    fill(&place).await;
    let workspace = WORKSPACE.parse().expect("an id");
    let filter = AttemptFilter {
        from: Timestamp::from_unix_ms(0),
        to: place.now().plus(std::time::Duration::from_secs(1)),
        gateway_key: None,
        model: None,
        outcome: Some("failed".to_owned()),
        payer: None,
        project: None,
        provider: None,
        provider_key: None,
        state: None,
        status_min: None,
        streamed: None,
    };
    let (mut found, mut pages, mut after) = (Vec::new(), 0, None);

    loop {
        let page = store.workspace(workspace).attempts(&filter, after.as_ref(), 100).await;
        let page = page.expect("read");
        found.extend(page.rows.iter().map(|row| row.place().request));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }

    assert_eq!((found.len(), pages), (ROWS / 1000, 3), "20 000 at a time");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), ROWS / 1000);
}

const FILL_SQLITE: &str = "with recursive numbers (n) as (
        select 1 union all select n + 1 from numbers where n < 45000
    )
    insert into attempts (request_id, attempt, node_id, workspace_id, project_id, gateway_key_id,
        provider_key_id, provider, model, dialect, streamed, payer, state, outcome, estimated,
        billing_unknown, hour, started_at)
    select printf('req_%032x', n), 1, 'node_000000000000000000000000000000aa',
        'ws_000000000000000000000000000000aa', 'prj_000000000000000000000000000000aa',
        printf('gk_%032x', n % 7), printf('pk_%032x', n % 5), 'openai', 'm' || n % 11, 'chat', 1,
        'byok', case when n % 9000 = 0 then 'unsettled' else 'settled' end,
        case when n % 1000 = 0 then 'failed' else 'completed' end, 0, 0,
        (1795262400000 - n * 1000) / 3600000 * 3600000, 1795262400000 - n * 1000
    from numbers";

const FILL_POSTGRES: &str = "insert into attempts (request_id, attempt, node_id, workspace_id,
        project_id, gateway_key_id, provider_key_id, provider, model, dialect, streamed, payer,
        state, outcome, estimated, billing_unknown, hour, started_at)
    select 'req_' || lpad(to_hex(n), 32, '0'), 1, 'node_000000000000000000000000000000aa',
        'ws_000000000000000000000000000000aa', 'prj_000000000000000000000000000000aa',
        'gk_' || lpad(to_hex(n % 7), 32, '0'), 'pk_' || lpad(to_hex(n % 5), 32, '0'), 'openai',
        'm' || n % 11, 'chat', 1, 'byok',
        case when n % 9000 = 0 then 'unsettled' else 'settled' end,
        case when n % 1000 = 0 then 'failed' else 'completed' end, 0, 0,
        (1795262400000 - n * 1000) / 3600000 * 3600000, 1795262400000 - n * 1000
    from generate_series(1::bigint, 45000) as numbers (n)";

/// Of many workspaces, as an instance has them, and of a year.
const FILL_HOURS: &str = "with recursive numbers (n) as (
        select 1 union all select n + 1 from numbers where n < 20000
    )
    insert into usage_hours (workspace_id, hour, project_id, gateway_key_id, provider_key_id,
        provider, model, payer, requests, attempts, failures, unpriced, unsettled, input_tokens,
        cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_micro_usd,
        cost_pico_rest, latency_ms, ttft_ms, ttft_count)
    select case when n % 20 = 0 then 'ws_000000000000000000000000000000aa' else 'ws_' || n % 20 end,
        1795262400000 - cast(n as bigint) * 3600000, 'prj', 'gk', 'pk', 'openai', 'm', 'byok', 1, 1, 0, 0, 0, 1, 0,
        0, 1, 0, 1, 0, 1, 1, 1
    from numbers";

const FILL_DAYS: &str = "insert into usage_days (workspace_id, day, project_id, gateway_key_id,
        provider_key_id, provider, model, payer, requests, attempts, failures, unpriced, unsettled,
        input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
        cost_micro_usd, cost_pico_rest, latency_ms, ttft_ms, ttft_count)
    select workspace_id, hour - hour % 86400000, 'prj', 'gk', 'pk', 'openai', 'm', 'byok',
        sum(requests), sum(attempts), 0, 0, 0, sum(input_tokens), 0, 0, sum(output_tokens), 0,
        sum(cost_micro_usd), 0, sum(latency_ms), sum(ttft_ms), sum(ttft_count)
    from usage_hours
    group by workspace_id, hour - hour % 86400000";
