//! The same on the command line: usage and requests over HTTP, the ledger from the database itself, nodes for the operator.

use std::sync::Arc;

use model::settings::{CapMode, CapPeriod};
use model::{Cap, CapScope, Clock as _, NodeId, PicoUsd, Timestamp};
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};
use store::Budgets;
use store::system::NodeRow;
use testkit::process::{Ended, Program};

use super::site::{Call, Site};

const KEYSTILE: &str = env!("CARGO_BIN_EXE_keystile");

impl Site {
    fn keystile(&self, args: &[&str]) -> Ended {
        let folder = self.app.folder.path();
        Program::new(KEYSTILE, folder)
            .env("HOME", folder)
            .env("KEYSTILE_URL", format!("http://{}", self.app.address()))
            .env("KEYSTILE_TOKEN", &self.owner.session)
            .args(args)
            .run("")
    }

    fn ledger(&self, args: &[&str]) -> Ended {
        Program::new(KEYSTILE, self.app.folder.path())
            .args(["ledger", "--data-dir", "data"])
            .args(args)
            .run("")
    }

    pub async fn tamper(&self, sql: &'static str) {
        let file = self.app.config.data_dir.join("keystile.db");
        let url = format!("sqlite://{}", file.display());
        let mut raw = SqliteConnection::connect(&url).await.expect("connected");
        let done = sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
        assert!(done.rows_affected() > 0, "{sql}");
    }

    async fn seen(&self, id: NodeId, seen_at: Timestamp) {
        let row =
            NodeRow { id, version: "0".to_owned(), keys: Vec::new(), started_at: seen_at, seen_at };
        let mut write = self.app.app.store().write().await.expect("begun");
        write.set_node(&row).await.expect("a node");
        write.commit(seen_at).await.expect("committed");
    }

    /// Of the other node, which leases all of the cap.
    pub async fn lease(&self, cap: Cap) {
        let clock = Arc::new(self.app.clock.clone());
        let budgets = Budgets::new(self.app.app.store().clone(), self.node, clock, || 1);
        let workspace = self.owner.workspace.parse().expect("an id");
        let hold = budgets.hold(workspace, &[cap], PicoUsd(1), PicoUsd(1)).await;
        drop(hold.expect("room"));
    }

    /// Of every kind of attempt some, and a key whose cap the other node has leased.
    pub async fn kept_books(&self) -> Cap {
        let body = serde_json::json!({ "name": "capped", "spend_cap_micro_usd": 100 });
        let made = self.app.gateway_key(&self.owner, &body).await.expect(201);
        let id = made.at("/id").parse().expect("an id");
        let cap = Cap {
            scope: CapScope::GatewayKey(id),
            amount: PicoUsd(100_000_000),
            period: CapPeriod::Never,
            mode: CapMode::Strict,
        };
        let call = Call { gateway_key: Some(id), ..Call::default() };
        self.tell(&[call, Call { cost_pico_usd: None, ..call }]).await;
        self.lease(cap).await;
        self.tell(&[
            Call { cost_pico_usd: Some(1_999_999), hours_ago: 3, ..call },
            Call { fails: true, ..call },
            Call { second_attempt: true, ..call },
            Call { stays_open: true, cost_pico_usd: Some(4_000_000), ..call },
        ])
        .await;
        self.give_up_what_is_open().await;
        cap
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_that_are_right_are_told_from_those_that_somebody_changed() {
    let site = Site::sqlite().await;
    site.kept_books().await;
    assert_eq!(site.ledger(&["verify"]).well().trim(), "every sum is that of its rows");

    for (change, back, kind) in [
        (
            "update usage_hours set cost_micro_usd = cost_micro_usd + 1",
            "update usage_hours set cost_micro_usd = cost_micro_usd - 1",
            "hour",
        ),
        (
            "update usage_hours set cost_pico_rest = cost_pico_rest + 1 where hour = (select min(hour) from usage_hours)",
            "update usage_hours set cost_pico_rest = cost_pico_rest - 1 where hour = (select min(hour) from usage_hours)",
            "hour",
        ),
        (
            "update usage_days set requests = requests + 1",
            "update usage_days set requests = requests - 1",
            "day",
        ),
        (
            "update attempts set input_tokens = input_tokens + 1 where outcome = 'failed'",
            "update attempts set input_tokens = input_tokens - 1 where outcome = 'failed'",
            "hour",
        ),
        (
            "update attempts set hour = hour - 3600000 where state = 'unsettled'",
            "update attempts set hour = hour + 3600000 where state = 'unsettled'",
            "hour",
        ),
        (
            "update budgets set spent_rest = spent_rest + 1",
            "update budgets set spent_rest = spent_rest - 1",
            "budget",
        ),
        (
            "update leases set granted_micro = granted_micro + 1",
            "update leases set granted_micro = granted_micro - 1",
            "lease",
        ),
        (
            "update attempts set settled_at = null where outcome = 'failed'",
            "update attempts set settled_at = started_at where outcome = 'failed'",
            "attempt",
        ),
    ] {
        site.tamper(change).await;
        let found = site.ledger(&["verify", "-o", "json"]);
        site.tamper(back).await;

        assert_eq!(found.status.code(), Some(1), "{change}: {}", found.stdout);
        let findings: Value = serde_json::from_str(&found.stdout).expect("JSON");
        let named = findings.as_array().expect("findings").iter().any(|it| it["kind"] == kind);
        assert!(named, "{change}: {findings}");
    }
    site.ledger(&["verify"]).well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_the_ledger_is_shown_by_node_and_by_cap() {
    let site = Site::sqlite().await;
    let cap = site.kept_books().await;

    let status: Value =
        serde_json::from_str(&site.ledger(&["status", "-o", "json"]).well()).expect("JSON");
    let unsettled: Value =
        serde_json::from_str(&site.ledger(&["unsettled", "-o", "json"]).well()).expect("JSON");

    let node = site.node.to_string();
    let journals = status["journals"].as_array().expect("journals");
    let ours = journals.iter().find(|it| it["node"] == node.as_str()).expect("the other node");
    assert_eq!((&ours["open"], &ours["unsettled"]), (&0.into(), &1.into()));
    assert!(ours["offset_bytes"].as_i64().expect("a number") > 0);
    assert_eq!(
        journals.iter().filter(|it| it["undrained_bytes"] == 0).count(),
        1,
        "of this machine"
    );
    let budget = &status["budgets"][0];
    assert_eq!(budget["scope"], cap.scope.to_string());
    // 1 + 1.999999 + 1 + 1 + 4
    assert_eq!((&budget["spent_micro_usd"], &budget["period_end"]), (&9.into(), &Value::Null));
    assert_eq!(budget["leased_micro_usd"], 91);
    assert_eq!(
        (&unsettled[0]["cost_micro_usd"], unsettled.as_array().map(Vec::len)),
        (&4.into(), Some(1))
    );
    let tables = site.ledger(&["status"]).well() + &site.ledger(&["unsettled"]).well();
    assert!(tables.contains(&node) && tables.contains("never") && tables.contains("req_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_forgotten_only_if_it_is_silent_or_on_purpose() {
    let site = Site::sqlite().await;
    site.kept_books().await;
    let node = site.node.to_string();
    site.seen(site.node, site.app.clock.now()).await;

    let early = site.keystile(&["nodes", "forget", &node, "--yes"]);
    let forced =
        site.keystile(&["nodes", "forget", &node, "--yes", "--force", "-o", "json"]).well();
    let again = site.keystile(&["nodes", "forget", &node, "--yes"]);

    assert_eq!(early.status.code(), Some(5), "{}", early.stderr);
    assert!(early.stderr.contains("was seen 0 s ago"), "{}", early.stderr);
    let forgotten: Value = serde_json::from_str(&forced).expect("JSON");
    assert_eq!((&forgotten["id"], &forgotten["leases"]), (&node.as_str().into(), &1.into()));
    assert_eq!(again.status.code(), Some(4), "{}", again.stderr);
    let status = site.ledger(&["status", "-o", "json"]).well();
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["budgets"][0]["forgotten_micro_usd"], 91);
    site.ledger(&["verify"]).well();
    let nodes: Value =
        serde_json::from_str(&site.keystile(&["nodes", "list", "-o", "json"]).well())
            .expect("JSON");
    let serving = nodes["items"][0]["id"].as_str().expect("an id").to_owned();
    let own = site.keystile(&["nodes", "forget", &serving, "--yes", "--force"]);
    assert!(own.stderr.contains("the node that answers"), "{}", own.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_and_requests_are_shown_as_tables_json_and_csv() {
    let site = Site::sqlite().await;
    site.tell(&[Call { model: "o3", ..Call::default() }, Call { fails: true, ..Call::default() }])
        .await;

    let table = site.keystile(&["usage", "--group-by", "model", "--project", "default"]);
    let csv = site.keystile(&["usage", "--group-by", "model", "--from", "2026-11-01", "-o", "csv"]);
    let failed = site.keystile(&["requests", "--outcome", "failed", "-o", "json"]).well();
    let all = site.keystile(&["requests", "-o", "csv"]).well();

    assert!(
        table.stderr.contains("in all: 2 requests, 2 micro-USD, 0 unpriced"),
        "{}",
        table.stderr
    );
    let lines: Vec<_> = table.stdout.lines().collect();
    assert!(lines[0].starts_with("GROUP") && lines.len() == 3, "{}", table.stdout);
    assert!(csv.well().starts_with("group,requests,"));
    let failed: Value = serde_json::from_str(&failed).expect("JSON");
    assert_eq!(failed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(all.lines().count(), 3);
    let id = failed["items"][0]["request_id"].as_str().expect("an id");
    assert!(site.keystile(&["requests", "--request", id]).well().contains(id));
    let wrong = site.keystile(&["usage", "--group-by", "colour"]);
    assert!(wrong.stderr.contains("group_by is one of"), "{}", wrong.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_providers_export_is_held_against_the_ledger() {
    let site = Site::sqlite().await;
    let body = serde_json::json!({ "provider": "openai", "api_key": "sk-good-1234567890", "label": "production" });
    let id = site.app.add_provider_key(&site.owner, &body).await.expect(201).at("/id");
    let provider_key = Some(id.parse().expect("an id"));
    let call = Call { provider_key, cost_pico_usd: Some(2_000_000), ..Call::default() };
    site.tell(&[call, call, Call { hours_ago: 24, ..call }]).await;
    let write = |name: &str, text: &str| {
        std::fs::write(site.app.folder.path().join(name), text).expect("written");
    };
    let titles = "date,provider_key_or_label,model,input_tokens,output_tokens,cost_usd";
    let yesterday = "2026-11-20,production,gpt-5,100,10,0.000002";
    write(
        "fits.csv",
        &format!("{titles}\n2026-11-21,production,gpt-5,200,20,0.000004\n{yesterday}\n"),
    );
    write(
        "apart.csv",
        &format!("{titles}\n2026-11-21,production,gpt-5,202,20,0.000004\n{yesterday}\n"),
    );
    write(
        "theirs.json",
        r#"{"data":[{"start_time":1795219200,"results":[{"input_tokens":200,"output_tokens":20,"api_key_id":"key_1"}]}]}"#,
    );

    let fits = site.keystile(&["reconcile", "fits.csv"]);
    let apart = site.keystile(&["reconcile", "apart.csv", "-o", "json"]);
    let tolerated = site.keystile(&["reconcile", "apart.csv", "--tolerance", "1"]);
    let unmapped = site.keystile(&["reconcile", "theirs.json"]);
    let mapped = site.keystile(&["reconcile", "theirs.json", "--map", "key_1=production"]);
    let named = site.keystile(&["reconcile", "theirs.json", "--provider-key", &id]);

    assert_eq!(fits.status.code(), Some(0), "{}{}", fits.stdout, fits.stderr);
    assert!(fits.stderr.contains("6 compared, 0 beyond"), "{}", fits.stderr);
    assert_eq!(apart.status.code(), Some(1), "{}", apart.stderr);
    let found: Value = serde_json::from_str(&apart.stdout).expect("JSON");
    let beyond: Vec<_> =
        found["items"].as_array().expect("items").iter().filter(|it| it["fits"] == false).collect();
    let [drift] = beyond.as_slice() else { panic!("{found}") };
    assert_eq!((&drift["what"], &drift["day"]), (&"input".into(), &"2026-11-21".into()));
    assert_eq!((&drift["drift"], &drift["percent"]), (&"-2".into(), &"-0.99".into()));
    tolerated.well();
    assert_eq!(unmapped.status.code(), Some(2), "{}", unmapped.stderr);
    assert!(unmapped.stderr.contains("--map THEIRS=OURS"), "{}", unmapped.stderr);
    mapped.well();
    named.well();
}
