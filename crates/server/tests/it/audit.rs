//! The audit: what is written, and that nothing in it can be dropped, changed or moved unnoticed.

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use testkit::fake::FakeProvider;
use testkit::{Owner, TestApp};

const KEY: &str = "sk-good-1234567890";

async fn ready() -> (FakeProvider, TestApp, Owner) {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    (fake, app, owner)
}

async fn get(app: &TestApp, owner: &Owner, rest: &str) -> Value {
    let path = format!("/v1/workspaces/{}/audit{rest}", owner.workspace);
    app.api.get(&path).bearer(&owner.session).whole().await.expect(200).json()
}

/// As somebody would who has the database and not the key.
async fn tamper(app: &TestApp, sql: &'static str) {
    let url = format!("sqlite://{}", app.config.data_dir.join("keystile.db").display());
    let mut raw = SqliteConnection::connect(&url).await.expect("connected");
    let done = sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
    assert!(done.rows_affected() > 0, "{sql}");
}

#[tokio::test]
async fn every_change_tells_who_did_it_and_from_where() {
    let (_fake, app, owner) = ready().await;

    let rows = get(&app, &owner, "").await;

    let rows = rows["items"].as_array().expect("items");
    let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().expect("text")).collect();
    let newest_first =
        ["gateway_key.created", "provider_key.created", "instance.set_up", "workspace.created"];
    assert_eq!(actions, newest_first);
    for row in rows {
        assert!(row["actor"].as_str().expect("text").starts_with("usr_"), "{row}");
        assert_eq!(row["from"], "127.0.0.1", "{row}");
    }
    assert!(!rows[1].to_string().contains(KEY));
    let only = get(&app, &owner, "?action=provider_key.created&limit=1").await;
    assert_eq!(only["items"].as_array().expect("items").len(), 1);
    assert_eq!(only["items"][0]["subject"], rows[1]["subject"]);
}

#[tokio::test]
async fn refusals_that_matter_are_written_down_and_bounded() {
    let (_fake, app, owner) = ready().await;
    let body = json!({ "name": "weak", "scopes": ["inference"] });
    let key = app.gateway_key(&owner, &body).await.expect(201);
    let path = format!("/api/v1/projects/{}/api-keys", owner.project);
    for _ in 0..50 {
        app.api.get(&path).bearer(&key.at("/key")).whole().await.expect(403);
    }

    let refused = get(&app, &owner, "?action=request.refused").await;

    let refused = refused["items"].as_array().expect("items");
    assert_eq!(refused.len(), 30, "the rest of the minute is not written");
    assert_eq!(refused[0]["actor"].as_str(), Some(key.at("/id").as_str()));
    assert_eq!(refused[0]["subject"], "GET /api/v1/projects/{project}/api-keys");
    assert_eq!(refused[0]["detail"]["code"], "missing_scope");
}

#[tokio::test]
async fn an_untouched_audit_verifies() {
    let (_fake, app, owner) = ready().await;

    let report = get(&app, &owner, "/verify").await;

    assert_eq!(report["ok"], true, "{report}");
    assert_eq!((&report["rows"], &report["head"]["position"]), (&json!(4), &json!(4)));
    assert_eq!(report["head"]["mac"].as_str().expect("text").len(), 64);
    let of_instance = app.api.get("/v1/operator/audit/verify").bearer(&owner.session).whole();
    assert_eq!(of_instance.await.expect(200).json()["ok"], true);
}

#[tokio::test]
async fn each_way_of_tampering_is_named_with_its_row() {
    for (sql, kind, position) in [
        (
            "update audit set detail = '{}' where position = 3 and workspace_id is not null",
            "changed",
            3,
        ),
        (
            "update audit set actor = 'system' where position = 1 and workspace_id is not null",
            "changed",
            1,
        ),
        (
            "update audit set came_from = '10.0.0.1' where position = 2 and workspace_id is not null",
            "changed",
            2,
        ),
        (
            "update audit set at = at + 1 where position = 2 and workspace_id is not null",
            "changed",
            2,
        ),
        ("delete from audit where position = 2 and workspace_id is not null", "missing", 2),
        ("delete from audit where position = 1 and workspace_id is not null", "missing", 1),
        ("delete from audit where position = 4 and workspace_id is not null", "truncated", 4),
        ("update audit_heads set position = 3 where chain like 'ws_%'", "truncated", 3),
        ("delete from audit_heads where chain like 'ws_%'", "truncated", 4),
        (
            "update audit set position = 99 where position = 2 and workspace_id is not null;
             update audit set position = 2 where position = 3 and workspace_id is not null;
             update audit set position = 3 where position = 99 and workspace_id is not null",
            "reordered",
            3,
        ),
        ("update provider_keys set sealed_version = 7", "rolled_back", 3),
    ] {
        let (_fake, app, owner) = ready().await;
        tamper(&app, sql).await;

        let report = get(&app, &owner, "/verify").await;

        assert_eq!(report["ok"], false, "{sql}");
        let problems = report["problems"].as_array().expect("problems");
        let named = problems.iter().any(|p| p["kind"] == kind && p["position"] == position);
        assert!(named, "{sql}: {report}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_audited_does_not_happen() {
    let (_fake, app, owner) = ready().await;
    tamper(
        &app,
        "create trigger no_audit before insert on audit begin select raise(abort, 'full'); end;
         update instance set one = 1",
    )
    .await;

    let answer = app.gateway_key(&owner, &json!({ "name": "x" })).await;

    assert_eq!(answer.status, 503, "{}", answer.text());
    tamper(&app, "drop trigger no_audit; update instance set one = 1").await;
    let path = format!("/api/v1/projects/{}/api-keys", owner.project);
    let keys = app.api.get(&path).bearer(&owner.session).whole().await.expect(200).json();
    assert_eq!(keys["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn members_do_not_read_the_audit() {
    let (_fake, app, owner) = ready().await;
    let key = app.gateway_key(&owner, &json!({ "name": "k", "scopes": ["*"] })).await.expect(201);
    let path = format!("/v1/workspaces/{}/audit", owner.workspace);

    let by_key = app.api.get(&path).bearer(&key.at("/key")).whole().await.expect(401);

    assert_eq!(by_key.code(), "invalid_session");
}
