//! What a workspace and its projects are set to: changed field by field, judged, versioned; and what goes when they go.

use http::Method;
use serde_json::{Value, json};
use testkit::app::PASSWORD;
use testkit::fake::FakeProvider;
use testkit::{Backend, Owner, TestApp, hello};

use crate::people::{Somebody, join};

const KEY: &str = "sk-good-1234567890";
const SECRET: &str = "whsec_0123456789abcdef";

struct Place {
    app: TestApp,
    owner: Owner,
    person: Somebody,
    /// Paths of the workspace and of its default project.
    workspace: String,
    project: String,
    _fake: FakeProvider,
}

async fn place_on(backend: Backend) -> Option<Place> {
    let fake = FakeProvider::start().await;
    let app = TestApp::start_on(backend, &fake).await?;
    let owner = app.set_up().await;
    let person = Somebody::new(&app, &owner.session);
    let workspace = format!("/v1/workspaces/{}", owner.workspace);
    let project = format!("{workspace}/projects/{}", owner.project);
    Some(Place { app, owner, person, workspace, project, _fake: fake })
}

async fn place() -> Place {
    place_on(Backend::Sqlite).await.expect("SQLite is always there")
}

impl Place {
    /// Of both, because nearly all holds for both.
    fn paths(&self) -> [&str; 2] {
        [&self.workspace, &self.project]
    }

    async fn new_project(&self, name: &str) -> String {
        let path = format!("{}/projects", self.workspace);
        self.person.post(&path, &json!({ "name": name })).await.expect(201).at("/id")
    }
}

#[tokio::test]
async fn settings_are_shown_flat_and_begin_at_their_defaults() {
    let place = place().await;

    for path in place.paths() {
        let shown = place.person.get(path).await.expect(200).json();

        for (field, value) in [
            ("data_policy", json!("none")),
            ("platform_fallback", json!(["missing", "exhausted", "failed", "unavailable"])),
            ("openrouter_fallthrough", json!(true)),
            ("allowed_models", Value::Null),
            ("default_model", Value::Null),
            ("fallback_models", json!([])),
            ("model_aliases", json!({})),
            ("price_overrides", json!({})),
            ("spend_cap_micro_usd", Value::Null),
            ("cap_period", json!("never")),
            ("cap_mode", json!("strict")),
            ("rpm_limit", Value::Null),
            ("tpm_limit", Value::Null),
            ("members_may_create_keys", json!(true)),
            ("health_recheck", json!("off")),
            ("webhook", Value::Null),
        ] {
            assert_eq!(shown[field], value, "{field} of {path}");
            assert!(shown.get(field).is_some(), "{field} of {path}");
        }
    }
    let workspace = place.person.get(&place.workspace).await.expect(200).json();
    assert!(workspace.get("use_workspace_keys").is_none(), "{workspace}");
    assert_eq!((&workspace["plan"], &workspace["role"]), (&json!("self_hosted"), &json!("owner")));
    let project = place.person.get(&place.project).await.expect(200).json();
    assert_eq!(project["use_workspace_keys"], true);
    assert_eq!(project["workspace_id"], place.owner.workspace.as_str());
}

#[tokio::test]
async fn what_is_not_named_stays_and_null_is_the_default_again() {
    let place = place().await;
    let all = json!({
        "data_policy": "zdr",
        "platform_fallback": ["failed"],
        "openrouter_fallthrough": false,
        "allowed_models": ["openai/gpt-4o", "gpt-4.1"],
        "default_model": "openai.gpt-4o",
        "fallback_models": ["groq/openai/gpt-oss-20b"],
        "model_aliases": { "fast": "groq/openai/gpt-oss-20b" },
        "price_overrides": { "openai/gpt-4o": {
            "input_pico_usd": 1, "output_pico_usd": 2,
            "cache_read_pico_usd": null, "cache_write_pico_usd": 4,
        } },
        "spend_cap_micro_usd": 5,
        "cap_period": "monthly",
        "cap_mode": "soft",
        "rpm_limit": 60,
        "tpm_limit": 1000,
        "members_may_create_keys": false,
        "health_recheck": "daily",
    });

    for path in place.paths() {
        let before = place.person.get(path).await.expect(200).json();
        place.person.patch(path, &all).await.expect(200);
        let one = place.person.patch(path, &json!({ "rpm_limit": 61 })).await.expect(200).json();
        let read = place.person.get(path).await.expect(200).json();

        assert_eq!(one, read);
        assert_eq!(read["rpm_limit"], 61);
        for (field, value) in all.as_object().expect("an object") {
            if field != "rpm_limit" {
                assert_eq!(read[field], *value, "{field} of {path}");
            }
        }
        let nulls: Value = all
            .as_object()
            .expect("fields")
            .keys()
            .map(|field| (field.clone(), Value::Null))
            .collect();
        assert_eq!(place.person.patch(path, &nulls).await.expect(200).json(), before);
    }
}

#[tokio::test]
async fn a_name_changes_with_the_settings() {
    let place = place().await;
    let project = format!("{}/projects/{}", place.workspace, place.new_project("billing").await);

    for path in [&place.workspace, &project] {
        let body = json!({ "name": "  renamed ", "rpm_limit": 5 });
        let changed = place.person.patch(path, &body).await.expect(200).json();

        assert_eq!((&changed["name"], &changed["rpm_limit"]), (&json!("renamed"), &json!(5)));
        for bad in [json!(""), json!("a\nb"), json!("x".repeat(101)), Value::Null, json!(5)] {
            let refused = place.person.patch(path, &json!({ "name": bad })).await.expect(400);
            assert_eq!(refused.json()["error"]["param"], "name", "{bad}");
        }
    }
    let taken = json!({ "name": "default" });
    assert_eq!(place.person.patch(&project, &taken).await.expect(409).code(), "conflict");
}

#[tokio::test]
async fn an_update_can_expect_a_version() {
    let place = place().await;
    let change = |path: &str, tag: &str, limit: u32| {
        let call = place.app.api.call(Method::PATCH, path).bearer(&place.owner.session);
        call.json(&json!({ "rpm_limit": limit })).header("if-match", tag).whole()
    };

    for path in place.paths() {
        let tag = place.person.get(path).await.expect(200);
        let tag = tag.header("etag").expect("a version").to_owned();
        assert_eq!(tag, "\"1\"");

        let changed = change(path, &tag, 1).await.expect(200);
        assert_eq!(changed.header("etag"), Some("\"2\""));
        assert_eq!(change(path, &tag, 2).await.expect(412).code(), "version_conflict");
        change(path, "\"2\"", 3).await.expect(200);
        change(path, "*", 4).await.expect(200);
        change(path, "2", 5).await.expect(400);
        let read = place.person.get(path).await.expect(200);
        assert_eq!(
            (read.json()["rpm_limit"].clone(), read.header("etag")),
            (json!(4), Some("\"4\""))
        );
    }
}

#[tokio::test]
async fn of_two_updates_of_one_version_one_happens_on_both_databases() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(place) = place_on(backend).await else { continue };
        let change = |limit: u32| {
            let call = place.app.api.call(Method::PATCH, &place.workspace);
            let call = call.json(&json!({ "rpm_limit": limit })).bearer(&place.owner.session);
            tokio::spawn(call.header("if-match", "\"1\"").whole())
        };

        let mut statuses = Vec::new();
        for call in (1..=8).map(change).collect::<Vec<_>>() {
            statuses.push(call.await.expect("answered").status.as_u16());
        }

        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
    }
}

#[tokio::test]
async fn an_unknown_field_is_named_and_nothing_else_is() {
    let place = place().await;

    for path in place.paths() {
        let body = json!({ "rpm_limits": KEY });
        let refused = place.person.patch(path, &body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request");
        assert!(refused.at("/error/message").contains("\"rpm_limits\""), "{}", refused.text());
        assert!(refused.at("/error/message").contains("rpm_limit,"), "{}", refused.text());
        assert!(!refused.text().contains(KEY), "{}", refused.text());

        let pasted = place.person.patch(path, &json!({ KEY: 1 })).await.expect(400);
        assert!(!pasted.text().contains(KEY), "{}", pasted.text());
        let mistyped = place.person.patch(path, &json!({ "rpm_limit": KEY })).await.expect(400);
        assert!(mistyped.at("/error/message").contains("rpm_limit"), "{}", mistyped.text());
        assert!(!mistyped.text().contains(KEY), "{}", mistyped.text());
    }
    let body = json!({ "use_workspace_keys": false });
    place.person.patch(&place.project, &body).await.expect(200);
    let refused = place.person.patch(&place.workspace, &body).await.expect(400);
    assert!(refused.at("/error/message").contains("use_workspace_keys"));
    for body in
        [json!({ "role": "owner" }), json!({ "plan": "pro" }), json!({ "id": 1 }), json!([])]
    {
        place.person.patch(&place.workspace, &body).await.expect(400);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let place = place().await;
    let many: Vec<_> = (0..1001).map(|n| format!("model-{n}")).collect();
    let webhook = |field: &str, value: Value| {
        let mut webhook = json!({ "url": "https://example.com/hook" });
        webhook[field] = value;
        json!({ "webhook": webhook })
    };
    let bad = [
        json!({ "rpm_limit": 0 }),
        json!({ "rpm_limit": -1 }),
        json!({ "rpm_limit": 1.5 }),
        json!({ "tpm_limit": u64::MAX }),
        json!({ "spend_cap_micro_usd": u64::MAX }),
        json!({ "spend_cap_micro_usd": "5" }),
        json!({ "cap_period": "yearly" }),
        json!({ "cap_mode": "hard" }),
        json!({ "data_policy": "some" }),
        json!({ "health_recheck": "weekly" }),
        json!({ "members_may_create_keys": 1 }),
        json!({ "platform_fallback": ["always"] }),
        json!({ "platform_fallback": ["failed", "failed"] }),
        json!({ "allowed_models": ["openai/"] }),
        json!({ "allowed_models": [""] }),
        json!({ "allowed_models": many }),
        json!({ "default_model": "a model" }),
        json!({ "default_model": "x".repeat(300) }),
        json!({ "fallback_models": ["ok", "openai/"] }),
        json!({ "model_aliases": { "fast": "openai/" } }),
        json!({ "model_aliases": { "not a name": "gpt-4o" } }),
        json!({ "model_aliases": { "": "gpt-4o" } }),
        json!({ "price_overrides": { "openai/": { "input_pico_usd": 1, "output_pico_usd": 1 } } }),
        json!({ "price_overrides": { "gpt-4o": { "input_pico_usd": u64::MAX } } }),
        json!({ "price_overrides": { "gpt-4o": { "input_usd": 1 } } }),
        json!({ "webhook": {} }),
        json!({ "webhook": "https://example.com" }),
        webhook("url", json!("ftp://example.com")),
        webhook("url", json!("https://user:word@example.com")),
        webhook("url", json!("nowhere")),
        webhook("events", json!(["everything"])),
        webhook("events", json!(["request.unsettled", "request.unsettled"])),
        webhook("cap_shares", json!([0])),
        webhook("cap_shares", json!([101])),
        webhook("cap_shares", json!([50, 50])),
        webhook("cap_shares", json!([-1])),
        webhook("secret", json!("")),
        webhook("secret", json!("short")),
        webhook("secret", json!("x".repeat(257))),
        webhook("secret", json!(5)),
        webhook("has_secret", json!(true)),
    ];

    for path in place.paths() {
        let before = place.person.get(path).await.expect(200);
        for body in &bad {
            let refused = place.person.patch(path, body).await;
            assert_eq!(refused.status.as_u16(), 400, "{body}: {}", refused.text());
            assert_eq!(refused.code(), "invalid_request", "{body}");
        }
        let after = place.person.get(path).await.expect(200);
        assert_eq!((before.json(), before.header("etag")), (after.json(), after.header("etag")));
    }
}

#[tokio::test]
async fn the_webhooks_secret_goes_in_and_never_comes_out() {
    let place = place().await;
    let hook = json!({ "url": "https://example.com/hook?tenant=1" });
    let with = |secret: Value| {
        let mut hook = hook.clone();
        hook["secret"] = secret;
        json!({ "webhook": hook })
    };

    for path in place.paths() {
        let has_secret = async |body: &Value| {
            let changed = place.person.patch(path, body).await.expect(200);
            assert!(!changed.text().contains(SECRET), "{}", changed.text());
            assert_eq!(changed.json()["webhook"].get("secret"), None);
            assert_eq!(place.person.get(path).await.expect(200).json(), changed.json());
            changed.json()["webhook"]["has_secret"].clone()
        };

        assert_eq!(has_secret(&json!({ "webhook": hook })).await, false);
        assert_eq!(has_secret(&with(json!(SECRET))).await, true);
        assert_eq!(has_secret(&json!({ "webhook": hook })).await, true, "left out, it stays");
        assert_eq!(has_secret(&json!({ "rpm_limit": 5 })).await, true);
        assert_eq!(has_secret(&with(json!(format!("{SECRET}-2")))).await, true);
        assert_eq!(has_secret(&with(Value::Null)).await, false);
        assert_eq!(has_secret(&json!({ "webhook": hook })).await, false);
        assert_eq!(has_secret(&with(json!(SECRET))).await, true);
        assert_eq!(has_secret(&json!({ "webhook": null })).await, Value::Null);
        assert_eq!(
            has_secret(&json!({ "webhook": hook })).await,
            false,
            "it went with the webhook"
        );
        assert_eq!(has_secret(&with(json!(SECRET))).await, true);
    }
    let secrets = place.app.api.get("/api/secrets").bearer(&place.owner.session);
    let secrets = secrets.header("x-tenant-id", &place.owner.workspace).whole().await.expect(200);
    assert_eq!(secrets.json()["items"], json!([]), "it is none of the people's secrets");
    for name in ["keystile.db", "keystile.db-wal"] {
        let stored = std::fs::read(place.app.folder.path().join("data").join(name)).expect(name);
        assert!(!String::from_utf8_lossy(&stored).contains(SECRET), "{name}");
    }
}

#[tokio::test]
async fn secrets_that_arrive_together_leave_one_that_opens() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(place) = place_on(backend).await else { continue };
        let change = |n: u32| {
            let hook = json!({ "url": "https://example.com", "secret": format!("{SECRET}-{n}") });
            let call = place.app.api.call(Method::PATCH, &place.workspace);
            tokio::spawn(
                call.json(&json!({ "webhook": hook })).bearer(&place.owner.session).whole(),
            )
        };

        let mut statuses = Vec::new();
        for call in (0..8).map(change).collect::<Vec<_>>() {
            statuses.push(call.await.expect("answered").status.as_u16());
        }

        assert!(statuses.contains(&200), "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
        let id = place.owner.workspace.parse().expect("an id");
        let store = place.app.app.store();
        let row =
            store.workspace(id).secret("keystile:webhook").await.expect("read").expect("there");
        let happened = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(row.sealed_version, u64::try_from(happened).expect("few"));
    }
}

#[tokio::test]
async fn settings_are_the_owners_and_admins_to_change() {
    let place = place().await;
    let member = join(&place.app, &place.owner, "eve@example.com", "member").await;
    let admin = join(&place.app, &place.owner, "bob@example.com", "admin").await;

    for path in place.paths() {
        member.get(path).await.expect(200);
        let refused = member.patch(path, &json!({ "rpm_limit": 5 })).await.expect(403);
        assert_eq!(refused.code(), "forbidden_role");
        admin.patch(path, &json!({ "rpm_limit": 5 })).await.expect(200);
    }
    assert_eq!(member.delete(&place.workspace).await.expect(403).code(), "forbidden_role");
    assert_eq!(admin.delete(&place.workspace).await.expect(403).code(), "forbidden_role");
}

#[tokio::test]
async fn the_default_project_keeps_its_name_and_stays() {
    let place = place().await;

    let renamed = place.person.patch(&place.project, &json!({ "name": "other" })).await.expect(409);
    let deleted = place.person.delete(&place.project).await.expect(409);

    assert_eq!([renamed.code(), deleted.code()], ["conflict", "conflict"]);
    let same = json!({ "name": "default", "rpm_limit": 5 });
    place.person.patch(&place.project, &same).await.expect(200);
}

#[tokio::test]
async fn a_deleted_project_takes_its_keys_with_it_at_once() {
    let place = place().await;
    place
        .app
        .add_provider_key(&place.owner, &json!({ "provider": "openai", "api_key": KEY }))
        .await
        .expect(201);
    let project = place.new_project("billing").await;
    let path = format!("{}/projects/{project}", place.workspace);
    let hook = json!({ "webhook": { "url": "https://example.com", "secret": SECRET } });
    place.person.patch(&path, &hook).await.expect(200);
    let keys = format!("/api/v1/projects/{project}/api-keys");
    let key = place.person.post(&keys, &json!({ "name": "k" })).await.expect(201).at("/key");
    place.app.chat(&key, &hello("gpt-4o")).await.expect(200);

    place.person.delete(&path).await.expect(204);

    assert_eq!(place.app.chat(&key, &hello("gpt-4o")).await.expect(401).code(), "invalid_api_key");
    place.app.api.get("/v1/me").bearer(&key).whole().await.expect(401);
    place.person.get(&path).await.expect(404);
    place.person.delete(&path).await.expect(404);
    let store = place.app.app.store();
    let id = place.owner.workspace.parse().expect("an id");
    let secret = format!("keystile:webhook:{project}");
    assert!(store.workspace(id).secret(&secret).await.expect("read").is_none());
}

#[tokio::test]
async fn a_deleted_workspace_is_gone_with_everything_in_it() {
    let place = place().await;
    place
        .app
        .add_provider_key(&place.owner, &json!({ "provider": "openai", "api_key": KEY }))
        .await
        .expect(201);
    let key = place.app.gateway_key(&place.owner, &json!({ "name": "k" })).await.expect(201);
    let key = key.at("/key");
    place.app.chat(&key, &hello("gpt-4o")).await.expect(200);
    let other = place.person.post("/v1/workspaces", &json!({ "name": "other" })).await.expect(201);

    place.person.delete(&place.workspace).await.expect(204);

    assert_eq!(place.app.chat(&key, &hello("gpt-4o")).await.expect(401).code(), "invalid_api_key");
    place.app.api.get("/v1/me").bearer(&key).whole().await.expect(401);
    place.person.get(&place.workspace).await.expect(404);
    place.person.delete(&place.workspace).await.expect(404);
    let list = place.person.get("/v1/workspaces").await.expect(200).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
    assert_eq!(list["items"][0]["id"], other.at("/id"));
    let log = place.person.get("/v1/operator/audit?action=workspace.deleted").await.expect(200);
    assert_eq!(
        log.at("/items/0/subject"),
        place.owner.workspace,
        "the operator can read that it was"
    );
}

#[tokio::test]
async fn members_make_no_keys_where_a_setting_forbids_it() {
    let place = place().await;
    let member = join(&place.app, &place.owner, "eve@example.com", "member").await;
    let keys = format!("/api/v1/projects/{}/api-keys", place.owner.project);
    member.post(&keys, &json!({ "name": "mine" })).await.expect(201);

    for path in place.paths() {
        let rule = |may: bool| json!({ "members_may_create_keys": may });
        place.person.patch(path, &rule(false)).await.expect(200);
        let refused = member.post(&keys, &json!({ "name": "another" })).await.expect(403);
        assert_eq!(refused.code(), "forbidden_role");
        place.person.post(&keys, &json!({ "name": "theirs" })).await.expect(201);
        place.person.patch(path, &rule(true)).await.expect(200);
    }
    member.post(&keys, &json!({ "name": "another" })).await.expect(201);
}

#[tokio::test]
async fn the_audit_says_which_fields_changed_and_never_to_what() {
    let place = place().await;
    let hook = json!({ "url": "https://example.com/hook", "secret": SECRET });
    let body = json!({ "default_model": "openai/gpt-4o", "webhook": hook });
    place.person.patch(&place.workspace, &body).await.expect(200);

    let log =
        place.person.get(&format!("{}/audit?action=workspace.updated", place.workspace)).await;

    let log = log.expect(200);
    assert_eq!(log.json()["items"][0]["detail"], json!({ "fields": ["default_model", "webhook"] }));
    for value in [SECRET, "gpt-4o", "example.com", PASSWORD] {
        assert!(!log.text().contains(value), "{value}: {}", log.text());
    }
}
