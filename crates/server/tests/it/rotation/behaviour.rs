//! What a rotation does when something is not as it should be: damaged rows, wrong keys, keys that cannot change, people who
//! may not ask for it.

use std::fs;
use std::path::Path;

use model::KeyVersion;
use serde_json::{Value, json};
use server::config::{Hidden, Layer};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use store::system::{JobState, KeyState, NewReseal};
use tempfile::TempDir;
use testkit::app::{SETUP_TOKEN, TEST_MASTER_KEY};
use testkit::fake::FakeProvider;
use testkit::http::{Client, Whole};
use testkit::postgres::Postgres;
use testkit::{Backend, Options, Owner, TestApp, hello};

use super::node::{Node, eventually};
use super::{rows_of, state_of};

const NEW: &str = "1f8b0d4c6a92e37755c1fe02b48d9a6037e5c8d1a4f09b2c6d7e8f1023456789";
const OTHER: &str = "7d3a1c9e5b8f2046a1b3c5d7e9f10234567890abcdefa5b4c3d2e1f00f1e2d3c";
const VAULT: &str = "/v1/operator/vault";
const ROTATE: &str = "/v1/operator/vault/rotate";
const DOCTOR: &str = "/v1/operator/vault/doctor";
const REBIND: &str = "/v1/operator/vault/rebind";

async fn get(api: &Client, path: &str, token: &str) -> Value {
    api.get(path).bearer(token).whole().await.expect(200).json()
}

async fn rotate(api: &Client, token: &str, body: Value) -> Whole {
    api.post(ROTATE, &body).bearer(token).whole().await
}

async fn job_in(api: &Client, token: &str, state: &str) -> Value {
    let reached = eventually(state, async || {
        let vault = get(api, VAULT, token).await;
        (vault["job"]["state"] == state).then_some(vault)
    });
    reached.await
}

async fn audited(api: &Client, token: &str) -> Vec<String> {
    let audit = get(api, "/v1/operator/audit", token).await;
    let rows = audit["items"].as_array().expect("rows").iter();
    rows.map(|row| row["action"].as_str().expect("an action").to_owned()).collect()
}

/// A gateway that has a newer key than the active one: generated when asked for, or given by a restart.
async fn with_newer_key(app: TestApp, backend: Backend) -> TestApp {
    match backend {
        Backend::Sqlite => app,
        Backend::Postgres => {
            let keys = format!("2:{NEW},1:{TEST_MASTER_KEY}");
            let config =
                server::Config { master_key: Some(Hidden::new(keys)), ..app.config.clone() };
            TestApp { config, ..app }.restart().await
        }
    }
}

async fn run_sql(app: &TestApp, sql: &'static str) {
    if let Some(url) = app.database_url() {
        let mut raw = PgConnection::connect(url.reveal()).await.expect("connected");
        sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
        return;
    }
    let url = format!("sqlite://{}", app.config.data_dir.join("keystile.db").display());
    let mut raw = SqliteConnection::connect(&url).await.expect("connected");
    sqlx::raw_sql(sql).execute(&mut raw).await.expect(sql);
}

async fn damaged_rows_are_named_and_keep_their_old_key(backend: Backend) {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(backend, &fake).await else { return };
    let (owner, token) = app.ready("sk-good-1234567890").await;
    let session = &owner.session;
    let body = json!({
        "provider": "openai", "api_key": "sk-bad-seal-1234567890", "validate_before_save": false,
    });
    let damaged = app.add_provider_key(&owner, &body).await.expect(201).at("/id");
    let body = json!({ "name": "damaged", "value": "a value", "category": "custom" });
    let secret =
        app.api.post("/api/secrets", &body).bearer(session).whole().await.expect(201).at("/id");
    run_sql(&app, "update provider_keys set sealed = substr(sealed, 1, length(sealed) - 1) where is_default = 0").await;
    run_sql(
        &app,
        "update secrets set sealed = substr(sealed, 1, length(sealed) - 1) where name = 'damaged'",
    )
    .await;
    let app = with_newer_key(app, backend).await;
    let api = &app.api;

    rotate(api, session, json!({})).await.expect(202);
    let blocked = job_in(api, session, "blocked").await;

    assert_eq!((rows_of(&blocked, 1), state_of(&blocked, 1)), (2, "decrypt_only"), "{blocked}");
    assert_eq!((&blocked["active"], &blocked["job"]["closed"]), (&json!(2), &json!(2)));
    let doctor = get(api, DOCTOR, session).await;
    let closed = |kind: &str| {
        let all = doctor["closed"].as_array().expect("a list");
        all.iter().find(|row| row["kind"] == kind).cloned().unwrap_or_default()
    };
    let workspace = owner.workspace.as_str();
    assert_eq!(
        (&closed("provider_key")["id"], &closed("secret")["id"]),
        (&json!(damaged), &json!(secret))
    );
    assert_eq!(closed("provider_key")["workspace_id"], workspace);
    assert!(closed("secret")["reason"].as_str().is_some_and(|why| why.contains("does not open")));
    assert_eq!((&doctor["closed_total"], &doctor["checked"]), (&json!(2), &json!(6)), "{doctor}");
    let one = format!("/v1/workspaces/{workspace}/provider-keys/{damaged}");
    assert_eq!(get(api, &one, session).await["health_status"], "undecryptable");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);

    // The way out: what cannot be opened is deleted, or replaced by its owner.
    api.delete(&one).bearer(session).whole().await.expect(204);
    let body = json!({ "value": "another" });
    api.patch("/api/secrets/damaged", &body).bearer(session).whole().await.expect(200);
    let done = job_in(api, session, "done").await;
    assert_eq!((rows_of(&done, 1), state_of(&done, 1)), (0, "retired"), "{done}");
    let actions = audited(api, session).await;
    for wanted in [
        "vault.rotation_started",
        "vault.key_activated",
        "vault.rotation_blocked",
        "vault.examined",
        "vault.rotation_finished",
    ] {
        let times = actions.iter().filter(|action| *action == wanted).count();
        assert_eq!(times, 1, "{wanted}: {actions:?}");
    }
}

#[tokio::test]
async fn damaged_rows_are_named_and_keep_their_old_key_on_sqlite() {
    damaged_rows_are_named_and_keep_their_old_key(Backend::Sqlite).await;
}

#[tokio::test]
async fn damaged_rows_are_named_and_keep_their_old_key_on_postgres() {
    damaged_rows_are_named_and_keep_their_old_key(Backend::Postgres).await;
}

/// The suites of all rows there are.
fn suites(vault: &Value) -> Vec<String> {
    let versions = vault["versions"].as_array().expect("versions").iter();
    versions.flat_map(|row| row["suites"].as_object().expect("suites").keys().cloned()).collect()
}

async fn the_suite_is_changed_by_the_same_job(backend: Backend) {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(backend, &fake).await else { return };
    let (Owner { session, .. }, token) = app.ready("sk-good-1234567890").await;
    assert_eq!(get(&app.api, VAULT, &session).await["job"], Value::Null);
    rotate(&app.api, &session, json!({ "suite": "rot13" })).await.expect(400);

    rotate(&app.api, &session, json!({ "suite": "fernet" })).await.expect(202);
    let done = job_in(&app.api, &session, "done").await;

    assert_eq!(
        (suites(&done), &done["suite"]),
        (vec!["fernet".to_owned()], &json!("fernet")),
        "{done}"
    );
    assert_eq!((&done["active"], state_of(&done, 1)), (&json!(1), "active"), "{done}");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);

    // What the operator asked for holds, as long as the setting says nothing new.
    let app = app.restart().await;
    let kept = get(&app.api, VAULT, &session).await;
    assert_eq!(
        (&kept["suite"], &kept["job"]["state"]),
        (&json!("fernet"), &json!("done")),
        "{kept}"
    );

    let suite = vault::Suite::XSalsa20Poly1305;
    let config = server::Config { vault_suite: suite, ..app.config.clone() };
    let app = TestApp { config, ..app }.restart().await;
    let done = eventually("the other suite", async || {
        let vault = get(&app.api, VAULT, &session).await;
        (suites(&vault) == ["xsalsa20-poly1305"] && vault["job"]["state"] == "done")
            .then_some(vault)
    });
    assert_eq!(done.await["suite"], "xsalsa20-poly1305");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);
}

#[tokio::test]
async fn the_suite_is_changed_by_the_same_job_on_sqlite() {
    the_suite_is_changed_by_the_same_job(Backend::Sqlite).await;
}

#[tokio::test]
async fn the_suite_is_changed_by_the_same_job_on_postgres() {
    the_suite_is_changed_by_the_same_job(Backend::Postgres).await;
}

#[tokio::test]
async fn a_key_of_the_environment_cannot_change_and_says_what_to_do() {
    let fake = FakeProvider::start().await;
    let layer = Layer { master_key: Some(TEST_MASTER_KEY.to_owned()), ..Layer::default() };
    let app = TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
    let owner = app.set_up().await;

    let refused = rotate(&app.api, &owner.session, json!({})).await.expect(409);

    let said = refused.at("/error/message");
    assert!(said.contains("restart") && said.contains("\"2:...,1:...\""), "{said}");
    assert_eq!(get(&app.api, VAULT, &owner.session).await["job"], Value::Null, "nothing began");
    drop(fake);
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("a key file");
}

#[tokio::test]
async fn a_key_file_is_read_again_and_a_wrong_one_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("keys");
    write(&file, TEST_MASTER_KEY);
    let layer = Layer { master_key_file: Some(file.clone()), ..Layer::default() };
    let app = TestApp::start_with(Options { layer, ..Options::default() }).await.expect("SQLite");
    let session = app.set_up().await.session;

    for (keys, says) in [
        (TEST_MASTER_KEY.to_owned(), "no master key newer than version 1"),
        (format!("2:{NEW}\n1:{OTHER}"), "version 1 in the key file is not the one"),
        (format!("2:{TEST_MASTER_KEY}\n1:{TEST_MASTER_KEY}"), "are the same"),
        ("2:fe02b48d9a6037e5\n".to_owned(), "not 32"),
    ] {
        write(&file, &keys);
        let refused = rotate(&app.api, &session, json!({})).await.expect(409);
        let said = refused.at("/error/message");
        assert!(said.contains(says), "{said}");
        assert!(
            !said.contains("fe02b48d9a6037e5") && !said.contains(&TEST_MASTER_KEY[8..]),
            "{said}"
        );
    }
    fs::remove_file(&file).expect("removed");
    rotate(&app.api, &session, json!({})).await.expect(409);
    write(&file, &format!("1:{TEST_MASTER_KEY}\n2:{NEW}\n"));

    rotate(&app.api, &session, json!({})).await.expect(202);

    let done = job_in(&app.api, &session, "done").await;
    assert_eq!((state_of(&done, 1), state_of(&done, 2)), ("retired", "active"), "{done}");
}

#[tokio::test]
async fn a_staged_key_that_was_lost_is_made_anew() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (Owner { session, .. }, token) = app.ready("sk-good-1234567890").await;
    let two = KeyVersion(2);
    let now = model::Clock::now(&app.clock);
    let mut write = app.app.store().write().await.expect("a write");
    write.insert_master_key(two, KeyState::Staged, &[7; 32], now).await.expect("staged");
    let suite = "aes-256-gcm";
    let job = NewReseal { state: JobState::Staged, version: two, suite, configured: suite };
    assert!(write.begin_reseal(&job, now).await.expect("begun"));
    write.commit(now).await.expect("committed");

    rotate(&app.api, &session, json!({})).await.expect(202);

    let done = job_in(&app.api, &session, "done").await;
    assert_eq!((state_of(&done, 1), state_of(&done, 2)), ("retired", "active"), "{done}");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);
}

#[tokio::test]
async fn rotations_asked_for_at_once_are_one_and_its_key_is_in_the_file() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (Owner { session, .. }, token) = app.ready("sk-good-1234567890").await;

    let asked = (0..8).map(|_| rotate(&app.api, &session, json!({})));
    let answered = futures_util::future::join_all(asked).await;

    let mut statuses: Vec<_> = answered.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409, 409, 409, 409, 409, 409, 409]);
    job_in(&app.api, &session, "done").await;
    let app = app.restart().await;
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);
    let vault = get(&app.api, VAULT, &session).await;
    assert_eq!(
        (&vault["active"], vault["versions"].as_array().map(Vec::len)),
        (&json!(2), Some(2))
    );
}

/// Whoever must change the key at once is not kept from it by what nobody can open.
#[tokio::test]
async fn a_blocked_rotation_lets_another_begin() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, token) = app.ready("sk-good-1234567890").await;
    let session = &owner.session;
    let body = json!({ "name": "damaged", "value": "a value", "category": "custom" });
    app.api.post("/api/secrets", &body).bearer(session).whole().await.expect(201);
    run_sql(&app, "update secrets set sealed = substr(sealed, 1, length(sealed) - 1)").await;
    rotate(&app.api, session, json!({})).await.expect(202);
    job_in(&app.api, session, "blocked").await;

    rotate(&app.api, session, json!({})).await.expect(202);

    let blocked = eventually("blocked again", async || {
        let vault = get(&app.api, VAULT, session).await;
        (vault["active"] == 3 && vault["job"]["state"] == "blocked").then_some(vault)
    });
    let blocked = blocked.await;
    let states = [1, 2, 3].map(|version| state_of(&blocked, version));
    assert_eq!(states, ["decrypt_only", "retired", "active"], "{blocked}");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);
    let app = app.restart().await;
    app.api.delete("/api/secrets/damaged").bearer(session).whole().await.expect(204);
    let done = job_in(&app.api, session, "done").await;
    assert_eq!(state_of(&done, 1), "retired", "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_key_of_that_version_holds_the_rotation_up_and_cannot_join() {
    let Some(database) = Postgres::database().await else { return };
    let folders = [0, 1, 2].map(|_| TempDir::new().expect("a temporary folder"));
    let file = |n: usize| folders[n].path().join("keys");
    let mut nodes = [0, 1, 2].map(|n| {
        write(&file(n), TEST_MASTER_KEY);
        Node::new(
            folders[n].path(),
            &[
                ("KEYSTILE_DATABASE_URL", database.url.clone()),
                ("KEYSTILE_MASTER_KEY_FILE", file(n).display().to_string()),
                ("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN.to_owned()),
            ],
        )
    });
    nodes[0].start();
    nodes[1].start();
    let doors = [0, 1].map(|n| std::sync::Arc::clone(&nodes[n].door));
    let body = json!({
        "setup_token": SETUP_TOKEN, "email": "owner@example.com", "password": "correct horse battery",
        "workspace": "acme",
    });
    let made = doors[0].answer(|api| api.post("/v1/setup", &body)).await.expect(201);
    let session = made.at("/token");
    write(&file(0), &format!("2:{NEW}\n1:{TEST_MASTER_KEY}"));
    write(&file(1), &format!("2:{OTHER}\n1:{TEST_MASTER_KEY}"));
    write(&file(2), &format!("2:{OTHER}\n1:{TEST_MASTER_KEY}"));

    let begin = || doors[0].answer(|api| api.post(ROTATE, &json!({})).bearer(&session));
    begin().await.expect(202);

    let says = "another key here than on the node that staged it";
    nodes[1].says(says);
    let again = begin().await.expect(409);
    assert!(again.at("/error/message").contains("under way"), "{}", again.text());
    let waiting = doors[0].get(VAULT, &session).await;
    assert_eq!((&waiting["active"], state_of(&waiting, 2)), (&json!(1), "staged"), "{waiting}");
    assert_eq!(waiting["job"]["waiting_for"].as_array().map(Vec::len), Some(1), "{waiting}");
    let refused = nodes[2].refuses_to_start();
    assert!(refused.contains("master key version 2 is not the one that was staged"), "{refused}");

    write(&file(1), &format!("2:{NEW}\n1:{TEST_MASTER_KEY}"));
    let done = eventually("done", async || {
        let vault = doors[1].get(VAULT, &session).await;
        (vault["job"]["state"] == "done").then_some(vault)
    });
    let done = done.await;
    assert_eq!((state_of(&done, 1), state_of(&done, 2)), ("retired", "active"), "{done}");
}

#[tokio::test]
async fn keys_go_to_a_moved_provider_on_the_operators_word_only() {
    let (before, after) = (FakeProvider::start().await, FakeProvider::start().await);
    let app = TestApp::start(&before).await;
    let (owner, token) = app.ready("sk-good-1234567890").await;
    let session = &owner.session;
    let mut config = app.config.clone();
    let moved = model::BaseUrl::parse(&after.base_url()).expect("a base URL");
    config.provider_base_urls = vec![("openai".to_owned(), moved)];
    let app = TestApp { config, ..app }.restart().await;
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(403);
    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
    let id =
        get(&app.api, &path, session).await["items"][0]["id"].as_str().expect("an id").to_owned();
    let one = format!("{path}/{id}");
    app.api.post(&format!("{one}/validate"), &json!({})).bearer(session).whole().await.expect(200);
    assert_eq!(get(&app.api, &one, session).await["health_status"], "origin_changed");
    let doctor = get(&app.api, DOCTOR, session).await;
    assert_eq!(
        (&doctor["closed"], &doctor["moved"][0]["id"]),
        (&json!([]), &json!(id)),
        "{doctor}"
    );
    for provider in ["custom", "nobody"] {
        let body = json!({ "provider": provider });
        app.api.post(REBIND, &body).bearer(session).whole().await.expect(400);
    }

    let body = json!({ "provider": "openai" });
    let rebound = app.api.post(REBIND, &body).bearer(session).whole().await.expect(200).json();

    assert_eq!((&rebound["rebound"], &rebound["closed"]), (&json!(1), &json!(0)), "{rebound}");
    assert_eq!(get(&app.api, &one, session).await["health_status"], "unknown");
    app.chat(&token, &hello("openai/gpt-4o")).await.expect(200);
    assert_eq!(after.last_request().bearer(), Some("sk-good-1234567890"));
    assert_eq!(get(&app.api, DOCTOR, session).await["moved"], json!([]));
    assert!(audited(&app.api, session).await.contains(&"vault.rebound".to_owned()));
    let again = app.api.post(REBIND, &body).bearer(session).whole().await.expect(200).json();
    assert_eq!(again["rebound"], 0, "{again}");
}

#[tokio::test]
async fn the_vault_is_the_operators_alone() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, token) = app.ready("sk-good-1234567890").await;
    let body = json!({ "email": "somebody@example.com", "role": "owner" });
    let path = format!("/v1/workspaces/{}/members", owner.workspace);
    let invited = app.api.post(&path, &body).bearer(&owner.session).whole().await.expect(201);
    let path = format!("/v1/invitations/{}", invited.at("/token"));
    let body = json!({ "password": "correct horse battery staple" });
    let somebody = app.api.post(&path, &body).whole().await.expect(201).at("/token");

    for (token, status) in [(&somebody, 403), (&token, 401)] {
        for path in [VAULT, DOCTOR] {
            app.api.get(path).bearer(token).whole().await.expect(status);
        }
        rotate(&app.api, token, json!({})).await.expect(status);
        let body = json!({ "provider": "openai" });
        app.api.post(REBIND, &body).bearer(token).whole().await.expect(status);
    }
    rotate(&app.api, &owner.session, json!({ "suit": "fernet" })).await.expect(400);
    assert_eq!(get(&app.api, VAULT, &owner.session).await["job"], Value::Null);
}
