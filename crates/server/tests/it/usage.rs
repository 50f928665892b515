//! What was used and what it cost, as people and their keys see it: sums, the log of requests, both as tables.

mod alerts;
mod commands;
mod site;

use serde_json::{Value, json};
use testkit::Backend;
use testkit::http::Whole;

use site::{Call, Site};

fn total(answer: &Value, field: &str) -> i64 {
    answer["totals"][field].as_i64().expect(field)
}

fn groups(answer: &Value) -> Vec<(String, i64)> {
    let items = answer["items"].as_array().expect("items");
    let group = |item: &Value| {
        let name = item["group"].as_str().expect("a name").to_owned();
        (name, item["cost_micro_usd"].as_i64().expect("a cost"))
    };
    items.iter().map(group).collect()
}

/// Lines of cells; none of ours holds a comma.
fn cells(table: &Whole) -> Vec<Vec<String>> {
    let text = table.text();
    assert!(text.ends_with("\r\n"), "{text}");
    text.split_terminator("\r\n").map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

async fn sums_and_rows_agree(backend: Backend) {
    let Some(site) = Site::open(backend).await else { return };
    site.tell(&[
        Call { model: "gpt-5", cost_pico_usd: Some(1_500_000), hours_ago: 1, ..Call::default() },
        Call { model: "gpt-5", cost_pico_usd: Some(999_999), hours_ago: 2, ..Call::default() },
        Call { model: "gpt-5", cost_pico_usd: None, hours_ago: 30, ..Call::default() },
        Call {
            model: "o3",
            cost_pico_usd: Some(7_000_000),
            hours_ago: 3,
            fails: true,
            ..Call::default()
        },
        Call { model: "o3", cost_pico_usd: Some(1), hours_ago: 24 * 31, ..Call::default() },
    ])
    .await;

    let by_model = site.usage("?group_by=model").await;
    let rows = site.requests("").await;

    let expected = [("o3".to_owned(), 7), ("gpt-5".to_owned(), 2)];
    assert_eq!(groups(&by_model), expected, "2.499999 is 2: rounded once, not row by row");
    assert_eq!(total(&by_model, "cost_micro_usd"), 9, "9.499999");
    let counts = ["requests", "attempts", "failures", "unpriced", "unsettled", "input_tokens"];
    assert_eq!(counts.map(|field| total(&by_model, field)), [4, 4, 1, 1, 0, 400]);
    assert_eq!(by_model["totals"]["average_latency_ms"], 250);
    assert_eq!(by_model["totals"]["average_ttft_ms"], 40);
    let items = rows["items"].as_array().expect("items");
    let costs: Vec<_> = items.iter().map(|item| item["cost_micro_usd"].clone()).collect();
    assert_eq!(
        costs,
        [json!(2), json!(1), json!(7), Value::Null],
        "newest first, unpriced is null"
    );
    assert_eq!(items[0]["price"], "catalogue@2026-11-09");
    let by_day = site.usage("?group_by=day&from=2026-11-20&to=2026-11-22T00:00:00Z").await;
    let days: Vec<_> = groups(&by_day).into_iter().map(|(day, _)| day).collect();
    assert_eq!(days, ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"]);
    let by_hour = site.usage("?group_by=hour&model=o3").await;
    assert_eq!(groups(&by_hour), [("2026-11-21T09:00:00Z".to_owned(), 7)]);
    let all = site.usage("?group_by=payer&from=2026-10-01").await;
    assert_eq!(total(&all, "requests"), 5);
}

#[tokio::test]
async fn sums_and_rows_agree_and_cost_is_rounded_once() {
    sums_and_rows_agree(Backend::Sqlite).await;
}

#[tokio::test]
async fn sums_and_rows_agree_and_cost_is_rounded_once_on_postgres() {
    sums_and_rows_agree(Backend::Postgres).await;
}

#[tokio::test]
async fn a_request_shows_all_its_attempts_and_nobody_elses() {
    let site = Site::sqlite().await;
    let told = site
        .tell(&[
            Call { cost_pico_usd: Some(600_000), fails: true, ..Call::default() },
            Call { cost_pico_usd: Some(600_000), second_attempt: true, ..Call::default() },
        ])
        .await;

    let shown = site.get(&format!("/requests/{}", told[0])).await.expect(200).json();

    assert_eq!(shown["attempts"].as_array().expect("attempts").len(), 2);
    assert_eq!(shown["cost_micro_usd"], 1, "1.2");
    assert_eq!(shown["attempts"][0]["outcome"], "failed");
    assert_eq!(shown["attempts"][1]["attempt"], 2);
    let usage = site.usage("").await;
    assert_eq!((total(&usage, "requests"), total(&usage, "attempts")), (1, 2));
    for id in ["req_00000000000000000000000000000000", "nonsense"] {
        assert_eq!(site.get(&format!("/requests/{id}")).await.code(), "not_found");
    }
}

#[tokio::test]
async fn a_projects_key_sees_its_project_and_a_workspaces_key_all_of_it() {
    let site = Site::sqlite().await;
    let other = site.project("other").await;
    let ours = Call { cost_pico_usd: Some(3_000_000), ..Call::default() };
    let theirs = Call { project: Some(other), cost_pico_usd: Some(5_000_000), ..Call::default() };
    let told = site.tell(&[ours, theirs]).await;
    let project_key = site.key(json!({ "name": "p", "scopes": ["read:usage"] })).await;
    let workspace_key = site.workspace_key(json!({ "name": "w", "scopes": ["read:usage"] })).await;
    let weak = site.key(json!({ "name": "weak", "scopes": ["inference"] })).await;

    for (token, cost, rows) in [(&project_key, 3, 1), (&workspace_key, 8, 2)] {
        let usage = site.get_as(token, "/usage?group_by=project").await.expect(200).json();
        let list = site.get_as(token, "/requests").await.expect(200).json();
        let table = site.get_as(token, "/requests?format=csv").await.expect(200);

        assert_eq!(total(&usage, "cost_micro_usd"), cost);
        assert_eq!(list["items"].as_array().expect("items").len(), rows);
        assert_eq!(cells(&table).len(), rows + 1);
    }
    let foreign = format!("/requests/{}", told[1]);
    site.get_as(&workspace_key, &foreign).await.expect(200);
    for path in [foreign, format!("/usage?project={other}"), format!("/requests?project={other}")] {
        assert_eq!(site.get_as(&project_key, &path).await.code(), "not_found", "{path}");
    }
    assert_eq!(site.get_as(&weak, "/usage").await.code(), "missing_scope");
    assert_eq!(site.get_as(&weak, "/requests").await.code(), "missing_scope");
}

#[tokio::test]
async fn a_table_has_every_field_and_no_formula() {
    let site = Site::sqlite().await;
    let formula = Call { model: "=cmd|'/C calc'!A0", ..Call::default() };
    site.tell(&[formula, Call { model: "a \"b\"", ..Call::default() }]).await;

    for (list, table) in [
        ("/usage?group_by=model", "/usage?group_by=model&format=csv"),
        ("/requests", "/requests?format=csv"),
    ] {
        let item = site.get(list).await.expect(200).json()["items"][0].clone();
        let answer = site.get(table).await.expect(200);
        let accepted = site.accepting(list, "text/csv, */*;q=0.1").await.expect(200);

        assert_eq!(accepted.body, answer.body);
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let fields: Vec<_> = item.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(cells(&answer)[0], fields, "columns are the fields, in their order");
        assert!(answer.text().contains(",'=cmd|") || answer.text().contains("\n'=cmd|"));
        assert!(answer.text().contains("\"a \"\"b\"\"\""));
    }
}

#[tokio::test]
async fn a_table_holds_more_than_a_page_and_each_row_once() {
    let site = Site::sqlite().await;
    let calls: Vec<_> =
        (0..1203).map(|number| Call { hours_ago: number / 7, ..Call::default() }).collect();
    let mut told: Vec<_> = site.tell(&calls).await.iter().map(ToString::to_string).collect();

    let table = site.get("/requests?format=csv&limit=3").await.expect(200);

    let mut ids: Vec<_> = cells(&table).into_iter().skip(1).map(|line| line[0].clone()).collect();
    ids.sort();
    told.sort();
    assert_eq!(ids, told);
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended_while_requests_come_in() {
    let site = Site::sqlite().await;
    let calls: Vec<_> = (0..25).map(|hours_ago| Call { hours_ago, ..Call::default() }).collect();
    let told = site.tell(&calls).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());

    loop {
        let page = site.requests(&format!("?limit=10{cursor}")).await;
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|item| item["request_id"].as_str().expect("id").to_owned()));
        site.tell(&[Call::default()]).await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }

    assert_eq!(seen, told.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_its_name() {
    let site = Site::sqlite().await;
    for (path, param) in [
        ("/usage?group_by=colour", "group_by"),
        ("/usage?from=yesterday", "from"),
        ("/usage?from=2026-11-02&to=2026-11-01", "to"),
        ("/usage?from=2024-01-01", "from"),
        ("/usage?from=2026-08-01&group_by=hour", "from"),
        ("/usage?gateway_key=7", "gateway_key"),
        ("/usage?payer=me", "payer"),
        ("/usage?format=xml", "format"),
        ("/requests?state=lost", "state"),
        ("/requests?outcome=fine", "outcome"),
        ("/requests?provider_key=pk_1", "provider_key"),
        ("/requests?cursor=1_2_3", "cursor"),
        ("/requests?limit=0", "limit"),
    ] {
        let answer = site.get(path).await.expect(400).json();

        assert_eq!(answer["error"]["param"], param, "{path}: {answer}");
    }
    site.get("/usage?colour=red").await.expect(400);
    site.get("/usage?provider=google_ai_studio").await.expect(200);
}

#[tokio::test]
async fn a_key_learns_what_it_spent_of_its_cap_or_of_all_time() {
    let site = Site::sqlite().await;
    let capped = json!({ "name": "c", "spend_cap_micro_usd": 100, "cap_period": "daily" });
    for (body, spent) in [(capped, 7), (json!({ "name": "free" }), 12)] {
        let made = site.app.gateway_key(&site.owner, &body).await.expect(201);
        let gateway_key = Some(made.at("/id").parse().expect("an id"));
        let today = Call { gateway_key, cost_pico_usd: Some(6_500_000), ..Call::default() };
        let yesterday = Call { hours_ago: 24, cost_pico_usd: Some(5_499_999), ..today };
        site.tell(&[today, yesterday]).await;

        let me = site.app.api.get("/v1/me").bearer(&made.at("/key")).whole().await.expect(200);

        let spend = &me.json()["spend"];
        assert_eq!(
            (&spend["spent_micro_usd"], &spend["held_micro_usd"]),
            (&json!(spent), &json!(0))
        );
        assert_eq!(spend["cap_micro_usd"], body["spend_cap_micro_usd"]);
    }
}

#[tokio::test]
async fn an_assistant_gets_the_same_sums_as_far_as_its_key_sees() {
    let site = Site::sqlite().await;
    let other = site.project("other").await;
    site.tell(&[Call::default(), Call { project: Some(other), ..Call::default() }]).await;
    let reads = site.key(json!({ "name": "r", "scopes": ["read:usage"] })).await;
    let weak = site.key(json!({ "name": "w", "scopes": ["inference"] })).await;
    let all = site.workspace_key(json!({ "name": "a" })).await;

    for (key, requests) in [(&reads, 1), (&all, 2)] {
        let (said, failed) = site.tool(key, json!({ "group_by": "model" })).await;

        assert!(!failed, "{said}");
        assert_eq!(said["totals"]["requests"], requests, "{said}");
        assert_eq!(said["items"][0]["group"], "gpt-5");
    }
    for (key, arguments, wanted) in [
        (&weak, json!({}), "read:usage"),
        (&reads, json!({ "group_by": "colour" }), "group_by is one of"),
        (&reads, json!({ "colour": "red" }), "cannot be read"),
    ] {
        let (said, failed) = site.tool(key, arguments).await;

        assert!(failed && said.to_string().contains(wanted), "{said}");
    }
}
