//! Gateway keys after they were made: changed, rotated, blocked, and by whom. Each takes effect on the next request.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::fake::FakeProvider;
use testkit::http::Whole;
use testkit::{Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";
const MODEL: &str = "openai/gpt-5.4-mini";

async fn ready() -> (FakeProvider, TestApp, Owner) {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    (fake, app, owner)
}

fn path(owner: &Owner, made: &Whole) -> String {
    format!("/api/v1/projects/{}/api-keys/{}", owner.project, made.at("/id"))
}

#[tokio::test]
async fn every_field_of_a_key_is_kept_and_shown() {
    let (_fake, app, owner) = ready().await;
    let wanted = json!({
        "name": "ci", "scopes": ["inference", "read:usage"], "allowed_models": [MODEL, "gpt-5.4"],
        "spend_cap_micro_usd": 5_000_000, "cap_period": "monthly", "cap_mode": "soft",
        "fallback_models": ["openai/gpt-5.4"], "default_model": MODEL, "rpm_limit": 60,
        "tpm_limit": 100_000, "platform_fallback": ["missing"], "on_disconnect": "drain",
        "expires_at": "2027-01-01T00:00:00Z",
    });

    let made = app.gateway_key(&owner, &wanted).await.expect(201);
    let shown = app.api.get(&path(&owner, &made)).bearer(&owner.session).whole().await.expect(200);

    let shown_json = shown.json();
    for (field, value) in wanted.as_object().expect("an object") {
        let same = match field.as_str() {
            "expires_at" => shown.at("/expires_at").starts_with("2027-01-01T00:00:00"),
            _ => shown_json[field] == *value,
        };
        assert!(same, "{field}: {} is not {value}", shown_json[field]);
    }
    assert!(shown_json.get("key").is_none(), "shown once");
    assert_eq!(shown.header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn a_key_that_could_not_work_is_refused_with_the_field() {
    let (_fake, app, owner) = ready().await;
    for (field, value) in [
        ("name", json!("")),
        ("scopes", json!([])),
        ("scopes", json!(["Inference"])),
        ("allowed_models", json!(["no/such model"])),
        ("spend_cap_micro_usd", json!(-1)),
        ("spend_cap_micro_usd", json!(1.5)),
        ("rpm_limit", json!(0)),
        ("cap_period", json!("yearly")),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("platform_fallback", json!(["sometimes"])),
        ("colour", json!("red")),
    ] {
        let mut body = json!({ "name": "bad" });
        body[field] = value.clone();
        let answer = app.gateway_key(&owner, &body).await.expect(400);
        assert_eq!(answer.code(), "invalid_request");
        if field != "colour" {
            assert!(answer.text().contains(field), "{field}: {}", answer.text());
        }
    }
    let left_out =
        json!({ "name": "x", "allowed_models": [MODEL], "default_model": "openai/gpt-5.4" });
    assert!(app.gateway_key(&owner, &left_out).await.expect(400).text().contains("default_model"));
}

#[tokio::test]
async fn a_change_of_what_a_key_may_do_counts_on_the_next_request() {
    let (_fake, app, owner) = ready().await;
    let made = app.gateway_key(&owner, &json!({ "name": "a" })).await.expect(201);
    let key = made.at("/key");
    app.chat(&key, &hello(MODEL)).await.expect(200);
    let change =
        |body: &Value| app.api.patch(&path(&owner, &made), body).bearer(&owner.session).whole();

    change(&json!({ "allowed_models": ["openai/gpt-5.4"] })).await.expect(200);
    assert_eq!(app.chat(&key, &hello(MODEL)).await.expect(403).code(), "model_not_allowed");
    change(&json!({ "allowed_models": null, "scopes": ["read:usage"] })).await.expect(200);
    assert_eq!(app.chat(&key, &hello(MODEL)).await.expect(403).code(), "missing_scope");
    change(&json!({ "scopes": ["inference"] })).await.expect(200);
    app.chat(&key, &hello(MODEL)).await.expect(200);
}

#[tokio::test]
async fn an_update_that_expects_another_version_changes_nothing() {
    let (_fake, app, owner) = ready().await;
    let made = app.gateway_key(&owner, &json!({ "name": "a" })).await.expect(201);
    let rename = |name: &str, tag: &str| {
        let call = app.api.patch(&path(&owner, &made), &json!({ "name": name }));
        call.bearer(&owner.session).header("if-match", tag).whole()
    };

    let renamed = rename("b", "\"1\"").await.expect(200);
    assert_eq!(renamed.header("etag"), Some("\"2\""));
    assert_eq!(rename("c", "\"1\"").await.expect(412).code(), "version_conflict");
    assert_eq!(rename("d", "2").await.expect(400).code(), "invalid_request");

    let shown = app.api.get(&path(&owner, &made)).bearer(&owner.session).whole().await.expect(200);
    assert_eq!(shown.at("/name"), "b");
}

#[tokio::test]
async fn a_rotated_key_keeps_its_name_and_loses_its_old_token_after_the_overlap() {
    let (_fake, app, owner) = ready().await;
    let made = app.gateway_key(&owner, &json!({ "name": "a" })).await.expect(201);
    let first = made.at("/key");
    let rotate = |body: &Value| {
        let call = app.api.post(&format!("{}/rotate", path(&owner, &made)), body);
        call.bearer(&owner.session).whole()
    };

    let second = rotate(&json!({ "overlap_seconds": 60 })).await.expect(200);
    assert_eq!(second.at("/id"), made.at("/id"));
    for key in [&first, &second.at("/key")] {
        app.chat(key, &hello(MODEL)).await.expect(200);
    }
    app.clock.advance(Duration::from_secs(61));
    app.chat(&first, &hello(MODEL)).await.expect(401);
    app.chat(&second.at("/key"), &hello(MODEL)).await.expect(200);

    let third = rotate(&json!({})).await.expect(200);
    app.chat(&second.at("/key"), &hello(MODEL)).await.expect(401);
    app.chat(&third.at("/key"), &hello(MODEL)).await.expect(200);
    let too_long = rotate(&json!({ "overlap_seconds": 604_801 })).await.expect(400);
    assert!(too_long.text().contains("overlap_seconds"));
}

#[tokio::test]
async fn a_blocked_key_comes_back_and_a_revoked_one_does_not() {
    let (_fake, app, owner) = ready().await;
    let made = app.gateway_key(&owner, &json!({ "name": "a" })).await.expect(201);
    let key = made.at("/key");
    let act = |what: &str| {
        let call = app.api.post(&format!("{}/{what}", path(&owner, &made)), &json!({}));
        call.bearer(&owner.session).whole()
    };

    act("block").await.expect(200);
    assert_eq!(app.chat(&key, &hello(MODEL)).await.expect(401).code(), "invalid_api_key");
    act("unblock").await.expect(200);
    app.chat(&key, &hello(MODEL)).await.expect(200);
    app.api.delete(&path(&owner, &made)).bearer(&owner.session).whole().await.expect(204);
    app.chat(&key, &hello(MODEL)).await.expect(401);
    assert_eq!(act("rotate").await.expect(409).code(), "conflict");
    act("unblock").await.expect(200);
    app.chat(&key, &hello(MODEL)).await.expect(401);
}

#[tokio::test]
async fn a_key_makes_no_key_that_may_do_more() {
    let (_fake, app, owner) = ready().await;
    let keys = format!("/api/v1/projects/{}/api-keys", owner.project);
    let of = |scopes: Value| json!({ "name": "k", "scopes": scopes });
    let maker = app.gateway_key(&owner, &of(json!(["inference", "write:keys", "read:keys"]))).await;
    let maker = maker.expect(201).at("/key");
    let make = |key: &str, body: &Value| app.api.post(&keys, body).bearer(key).whole();

    make(&maker, &of(json!(["inference"]))).await.expect(201);
    for more in [json!(["*"]), json!(["inference", "write:byok"])] {
        assert_eq!(make(&maker, &of(more)).await.expect(403).code(), "missing_scope");
    }
    let powerful = app.gateway_key(&owner, &of(json!(["*"]))).await.expect(201);
    let rotate = format!("{keys}/{}/rotate", powerful.at("/id"));
    let stolen = app.api.post(&rotate, &json!({})).bearer(&maker).whole().await.expect(403);
    assert_eq!(stolen.code(), "missing_scope");

    let mut capped = of(json!(["inference", "write:keys"]));
    capped["spend_cap_micro_usd"] = json!(1);
    let capped = app.gateway_key(&owner, &capped).await.expect(201).at("/key");
    let shed = make(&capped, &of(json!(["inference"]))).await.expect(403);
    assert!(shed.text().contains("limits of its own"));
}

#[tokio::test]
async fn a_project_key_manages_its_own_project_and_a_workspace_key_any() {
    let (_fake, app, owner) = ready().await;
    let projects = format!("/v1/workspaces/{}/projects", owner.workspace);
    let other = app.api.post(&projects, &json!({ "name": "other" })).bearer(&owner.session).whole();
    let other = other.await.expect(201).at("/id");
    let body = json!({ "name": "k", "scopes": ["read:keys", "write:keys"] });
    let own = app.gateway_key(&owner, &body).await.expect(201).at("/key");
    let whole = format!("/v1/workspaces/{}/api-keys", owner.workspace);
    let wide = app.api.post(&whole, &body).bearer(&owner.session).whole().await.expect(201);
    let list = |project: &str, key: &str| {
        app.api.get(&format!("/api/v1/projects/{project}/api-keys")).bearer(key).whole()
    };

    list(&owner.project, &own).await.expect(200);
    let foreign = list(&other, &own).await.expect(404);
    let absent = list("prj_00000000000000000000000000000000", &own).await.expect(404);
    assert_eq!(foreign.at("/error/message"), absent.at("/error/message"));
    list(&other, &wide.at("/key")).await.expect(200);
    app.api.get(&whole).bearer(&own).whole().await.expect(404);
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let (_fake, app, owner) = ready().await;
    for n in 0..4 {
        app.gateway_key(&owner, &json!({ "name": format!("k{n}") })).await.expect(201);
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/projects/{}/api-keys?limit=2{cursor}", owner.project);
        let page = app.api.get(&path).bearer(&owner.session).whole().await.expect(200).json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        names.extend(items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    // Made within one millisecond, they have no order.
    names.sort();
    assert_eq!(names, ["k0", "k1", "k2", "k3", "test"]);
    for bad in ["limit=0", "limit=501", "limit=x", "cursor=%00", "colour=red"] {
        let path = format!("/api/v1/projects/{}/api-keys?{bad}", owner.project);
        app.api.get(&path).bearer(&owner.session).whole().await.expect(400);
    }
}

#[tokio::test]
async fn a_creation_sent_again_is_answered_again_and_made_once() {
    let (_fake, app, owner) = ready().await;
    let path = format!("/api/v1/projects/{}/api-keys", owner.project);
    let create = |name: &str, once: &str| {
        let call = app.api.post(&path, &json!({ "name": name }));
        call.bearer(&owner.session).header("idempotency-key", once).whole()
    };

    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(create("a", "one"))).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("answered").expect(201));
    }
    let first: Vec<_> =
        answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).collect();
    assert_eq!(first.len(), 1, "one was made");
    for answer in &answers {
        assert_eq!(answer.at("/id"), first[0].at("/id"));
        let is_first = answer.header("idempotent-replayed").is_none();
        assert_eq!(answer.json().get("key").is_some(), is_first, "the key is shown once");
    }
    assert_eq!(create("b", "one").await.expect(409).code(), "conflict");
    assert_ne!(create("a", "two").await.expect(201).at("/id"), first[0].at("/id"));
    app.clock.advance(Duration::from_secs(24 * 3600 + 1));
    let session = app.api.post(
        "/v1/sessions",
        &json!({ "email": testkit::app::EMAIL, "password": testkit::app::PASSWORD }),
    );
    let session = session.whole().await.expect(201).at("/token");
    let later = app.api.post(&path, &json!({ "name": "a" })).bearer(&session);
    let later = later.header("idempotency-key", "one").whole().await.expect(201);
    assert!(later.header("idempotent-replayed").is_none());
}
