//! What people are told of money without asking, once each.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use testkit::fake::FakeProvider;

use super::site::{Call, Site};

/// Reached only by a test that fails.
const SOON: Duration = Duration::from_secs(20);

impl Site {
    async fn webhook(&self, cap_shares: Value) {
        let url = format!("{}/hook", self.fake.base_url());
        let body = json!({ "webhook": { "url": url, "cap_shares": cap_shares } });
        let path = format!("/v1/workspaces/{}", self.owner.workspace);
        self.app.api.patch(&path, &body).bearer(&self.owner.session).whole().await.expect(200);
    }
}

/// What was posted, once there is so much.
async fn posted(fake: &FakeProvider, count: usize) -> Vec<Value> {
    assert!(fake.wait_requests(count, SOON).await, "{count} posts");
    let posts = fake.requests();
    posts.iter().map(|post| serde_json::from_slice(&post.body).expect("JSON")).collect()
}

#[tokio::test]
async fn each_share_of_a_cap_is_told_once() {
    let site = Site::sqlite().await;
    site.webhook(json!([50, 80])).await;
    // 9 of 100 are spent.
    let cap = site.kept_books().await;
    let id = cap.scope.to_string();
    let spend = async |micro: u64| {
        let gateway_key = Some(id.parse().expect("an id"));
        let cost_pico_usd = Some(micro * 1_000_000);
        site.tell(&[Call { gateway_key, cost_pico_usd, ..Call::default() }]).await;
        site.app.clock.advance(Duration::from_secs(4));
    };

    spend(40).await;
    spend(2).await;
    let first = posted(&site.fake, 1).await;
    spend(10).await;
    spend(20).await;
    let second = posted(&site.fake, 2).await;
    site.webhook(json!([50, 80, 85])).await;
    spend(5).await;
    let third = posted(&site.fake, 3).await;

    let shares: Vec<_> = third.iter().map(|post| post["data"]["share"].clone()).collect();
    assert_eq!(shares, [50, 80, 85], "{third:?}");
    assert_eq!((first.len(), second.len(), third.len()), (1, 2, 3));
    let post = &third[0];
    assert_eq!(post["type"], "cap.share_reached");
    assert_eq!((&post["data"]["scope"], &post["data"]["id"]), (&json!("gateway_key"), &json!(id)));
    assert_eq!(
        (&post["data"]["cap_micro_usd"], &post["data"]["spent_micro_usd"]),
        (&json!(100), &json!(51))
    );
    let metrics = site.app.api.get("/metrics").whole().await.expect(200).text();
    for wanted in [
        "keystile_attempts_unsettled 1",
        "keystile_attempts_open 0",
        "keystile_journal_undrained_seconds 0",
        "keystile_caps_spent_micro_usd{scope=\"gateway_key\"} 86",
        "keystile_caps_held_micro_usd 0",
        "keystile_caps_leased_micro_usd 0",
    ] {
        assert!(metrics.contains(wanted), "{wanted}: {metrics}");
    }
}

#[tokio::test]
async fn requests_whose_end_nobody_saw_are_told_when_that_is_found_out() {
    let site = Site::sqlite().await;
    site.webhook(json!([])).await;
    let told = site.tell(&[Call { stays_open: true, ..Call::default() }]).await;
    let path = format!("/v1/operator/nodes/{}", site.node);
    site.app.api.delete(&path).bearer(&site.owner.session).whole().await.expect(200);
    let forgotten = posted(&site.fake, 1).await.remove(0);
    let own = std::fs::read_to_string(site.app.config.data_dir.join("node")).expect("a node");
    site.tell(&[Call { stays_open: true, ..Call::default() }]).await;
    let file = site.app.config.data_dir.join("keystile.db");
    let mut raw = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await;
    let raw = raw.as_mut().expect("connected");
    // As if this node had begun it and died.
    let sql = format!("update attempts set node_id = '{}' where state = 'open'", own.trim());
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(raw).await.expect("changed");

    let Site { app, fake, .. } = site;
    let _app = app.restart().await;

    let restarted = posted(&fake, 2).await.remove(1);
    assert_eq!(forgotten["data"]["request_ids"], json!([told[0]]));
    for post in [&forgotten, &restarted] {
        assert_eq!(post["type"], "request.unsettled");
        assert_eq!(
            (&post["data"]["attempts"], &post["data"]["cost_micro_usd"]),
            (&json!(1), &json!(1))
        );
    }
    assert_eq!(restarted["data"]["node"], own.trim());
}
