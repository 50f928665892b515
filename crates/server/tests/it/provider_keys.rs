//! Provider keys over their whole life: made, read, changed, replaced, asked about again, deleted, and in effect on the very
//! next request.

mod byok;
mod custom;
mod limits;
mod platform;
mod recheck;
mod tiers;

use http::Method;
use model::ProviderKeyId;
use serde_json::{Value, json};
use store::workspace::ProviderKeyRow;
use testkit::fake::{FakeProvider, Reply};
use testkit::http::Whole;
use testkit::{Backend, Owner, TestApp, hello};

const FIRST: &str = "sk-first-0123456789abcdef";
const SECOND: &str = "sk-second-0123456789abcdef";

/// One owner in front of one provider.
struct Site {
    app: TestApp,
    fake: FakeProvider,
    owner: Owner,
}

impl Site {
    async fn open() -> Self {
        Self::open_on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// `None` where the database's programs are missing, which has been said by then.
    async fn open_on(backend: Backend) -> Option<Self> {
        let fake = FakeProvider::start().await;
        let app = TestApp::start_on(backend, &fake).await?;
        let owner = app.set_up().await;
        Some(Self { app, fake, owner })
    }

    /// By the owner.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Whole {
        let call = self.app.api.call(method, path).bearer(&self.owner.session);
        match body {
            Some(body) => call.json(&body).whole().await,
            None => call.whole().await,
        }
    }

    async fn get(&self, path: &str) -> Whole {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Whole {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn press(&self, path: &str) -> Whole {
        self.call(Method::POST, path, None).await
    }

    async fn put(&self, path: &str, body: Value) -> Whole {
        self.call(Method::PUT, path, Some(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Whole {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn delete(&self, path: &str) -> Whole {
        self.call(Method::DELETE, path, None).await
    }

    async fn patch_if(&self, version: &str, path: &str, body: Value) -> Whole {
        let call = self.app.api.call(Method::PATCH, path).bearer(&self.owner.session);
        call.header("if-match", version).json(&body).whole().await
    }

    async fn create(&self, body: Value) -> Whole {
        self.post(&self.keys(), body).await
    }

    fn keys(&self) -> String {
        format!("/v1/workspaces/{}/provider-keys", self.owner.workspace)
    }

    fn byok(&self, provider: &str) -> String {
        format!("/api/v1/projects/{}/byok-keys/{provider}", self.owner.project)
    }

    /// Stores one for OpenAI and returns its path.
    async fn openai(&self, key: &str) -> String {
        let made = self.create(json!({ "provider": "openai", "api_key": key })).await;
        format!("{}/{}", self.keys(), made.expect(201).at("/id"))
    }

    async fn listed(&self) -> Vec<Value> {
        let list = self.get(&self.keys()).await.expect(200).json();
        list["items"].as_array().expect("items").clone()
    }

    async fn application(&self) -> String {
        let made = self.app.gateway_key(&self.owner, &json!({ "name": "application" })).await;
        made.expect(201).at("/key")
    }

    /// The key that the next request travels with, if it travels at all.
    async fn used_by(&self, application: &str) -> Result<String, String> {
        let answer = self.app.chat(application, &hello("openai/gpt-4o")).await;
        match answer.status.as_u16() {
            200 => Ok(self.fake.last_request().bearer().expect("a key").to_owned()),
            _ => Err(answer.code()),
        }
    }

    /// Every row as it is stored.
    async fn rows(&self) -> Vec<ProviderKeyRow> {
        let workspace = self.owner.workspace.parse().expect("an id");
        self.app.app.store().workspace(workspace).provider_keys().await.expect("read")
    }

    /// Rewrites a stored row behind everybody's back.
    async fn tamper(&self, path: &str, change: impl FnOnce(&mut ProviderKeyRow)) {
        let id: ProviderKeyId = path.rsplit('/').next().expect("an id").parse().expect("an id");
        let workspace = self.owner.workspace.parse().expect("an id");
        let mut write = self.app.app.store().write().await.expect("a write");
        let mut inside = write.workspace(workspace);
        let mut row = inside.touch_provider_key(id).await.expect("read").expect("a key");
        change(&mut row);
        inside.save_provider_key(&row).await.expect("saved");
        write.commit(model::Clock::now(&self.app.clock)).await.expect("committed");
    }
}

#[tokio::test]
async fn a_key_is_answered_with_every_field_of_the_contract_and_no_value() {
    let site = Site::open().await;
    let body = json!({
        "provider": "openai", "api_key": FIRST, "label": "Production", "data_policy": "zdr",
        "allowed_models": ["openai/gpt-5.4-mini"],
    });

    let made = site.create(body).await.expect(201);

    let json = made.json();
    let mut fields: Vec<_> = json.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "allowed_models",
            "created_at",
            "data_policy",
            "detected_tier",
            "health_status",
            "id",
            "is_active",
            "is_default",
            "key_prefix",
            "label",
            "last_health_check_at",
            "last_health_error",
            "last_used_at",
            "provider",
            "provider_name",
            "tier_source",
            "validation_status",
        ]
    );
    assert_eq!((made.at("/label"), made.at("/data_policy")), ("Production".into(), "zdr".into()));
    assert_eq!(json["allowed_models"], json!(["openai/gpt-5.4-mini"]));
    let one = site.get(&format!("{}/{}", site.keys(), made.at("/id"))).await.expect(200);
    assert_eq!(one.json(), json);
    assert_eq!(one.header("etag"), Some("\"1\""));
    assert_eq!(site.listed().await, [json]);
    assert!(!one.text().contains("0123456789"));
}

#[tokio::test]
async fn each_face_answers_in_its_own_spelling_and_takes_every_other() {
    let site = Site::open().await;
    let unasked = |provider: &str| json!({ "provider": provider, "api_key": FIRST, "validate_before_save": false });

    for (asked, answered) in [
        ("gemini", "google_ai_studio"),
        ("Google", "google_ai_studio"),
        ("together", "together_ai"),
        ("fireworks_ai", "fireworks_ai"),
        ("zai", "z_ai"),
        ("grok", "xai"),
    ] {
        let made = site.create(unasked(asked)).await.expect(201);
        assert_eq!(made.at("/provider"), answered, "{asked}");
    }
    let body = json!({ "api_key": FIRST, "validate_before_save": false });
    let set = site.put(&site.byok("google_ai_studio"), body).await.expect(200);
    assert_eq!(set.at("/provider"), "gemini");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_is_the_default_again() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;

    let named =
        json!({ "label": "blue", "data_policy": "no_training", "allowed_models": ["gpt-5"] });
    let changed = site.patch(&path, named).await.expect(200);
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let paused = site.patch(&path, json!({ "is_active": false })).await.expect(200);
    assert_eq!(
        (paused.at("/label"), paused.at("/data_policy")),
        ("blue".into(), "no_training".into())
    );
    assert_eq!(paused.json()["is_active"], false);
    let nulls =
        json!({ "label": null, "is_active": null, "allowed_models": null, "data_policy": null });
    let bare = site.patch(&path, nulls).await.expect(200).json();

    for field in ["label", "allowed_models", "data_policy"] {
        assert_eq!(bare[field], Value::Null, "{field}");
    }
    assert_eq!(bare["is_active"], true);
    assert_eq!(site.fake.requests().len(), 1, "only the first save asked the provider");
}

#[tokio::test]
async fn a_patch_that_does_not_fit_changes_nothing_and_repeats_nothing() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;

    for body in [
        json!({ "api_key": SECOND }),
        json!({ "label": SECOND.repeat(20) }),
        json!({ "is_active": SECOND }),
        json!({ "allowed_models": [""] }),
        json!({ "data_policy": "strict" }),
        json!({ "health_status": "healthy" }),
        json!({ "is_default": true }),
        json!([]),
    ] {
        let refused = site.patch(&path, body.clone()).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{body}");
        assert!(!refused.text().contains("0123456789"), "{}", refused.text());
    }
    assert_eq!(site.get(&path).await.expect(200).header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn an_update_that_expects_another_version_is_refused() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;

    let stale = site.patch_if("\"7\"", &path, json!({ "label": "x" })).await.expect(412);
    assert_eq!(stale.code(), "version_conflict");
    site.patch_if("\"1\"", &path, json!({ "label": "x" })).await.expect(200);
    site.patch_if("\"1\"", &path, json!({ "label": "y" })).await.expect(412);
    let put = site.app.api.call(Method::PUT, &format!("{path}/secret"));
    let put = put.bearer(&site.owner.session).header("if-match", "\"1\"");
    put.json(&json!({ "api_key": SECOND })).whole().await.expect(412);

    let key = site.get(&path).await.expect(200);
    assert_eq!((key.at("/label"), key.header("etag")), ("x".to_owned(), Some("\"2\"")));
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));
}

#[tokio::test]
async fn a_pause_is_in_effect_on_the_next_request_and_so_is_its_end() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));

    site.patch(&path, json!({ "is_active": false })).await.expect(200);
    assert_eq!(site.used_by(&application).await, Err("no_provider_key".to_owned()));
    site.patch(&path, json!({ "is_active": true })).await.expect(200);

    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));
}

#[tokio::test]
async fn a_replaced_value_is_in_effect_on_the_next_request_under_the_same_id() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));
    site.app.clock.advance(std::time::Duration::from_secs(5));
    let before = site.rows().await.remove(0);

    let put = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);

    assert_eq!(site.used_by(&application).await, Ok(SECOND.to_owned()));
    assert_eq!(put.at("/id"), before.id.to_string());
    assert_eq!(put.at("/key_prefix"), "sk-sec...****");
    assert_eq!(put.header("etag"), Some("\"2\""));
    let after = site.rows().await.remove(0);
    assert_eq!((before.sealed_version, after.sealed_version), (1, 2));
    assert_eq!(after.created_at, before.created_at);
    assert!(after.last_health_check_at > before.last_health_check_at, "it was probed");
    assert_ne!(after.sealed, before.sealed);
}

#[tokio::test]
async fn a_replacement_the_provider_rejects_leaves_the_old_value_in_use() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let before = site.get(&path).await.expect(200);
    let replace = |key: &str| json!({ "api_key": key });
    let secret = format!("{path}/secret");

    let refused = site.put(&secret, replace("bad-0123456789abcdef")).await.expect(400);
    assert_eq!(refused.code(), "provider_rejected_key");
    site.fake.next_probe(Reply::cut_before_headers());
    let away = site.put(&secret, replace(SECOND)).await.expect(502);
    assert_eq!(away.code(), "upstream_unavailable");
    assert!(away.at("/error/message").contains("\"validate_before_save\": false"));
    for unusable in [
        json!({}),
        json!({ "api_key": "" }),
        json!({ "api_key": "sk a" }),
        json!({ "api_key": null }),
    ] {
        site.put(&secret, unusable).await.expect(400);
    }

    let after = site.get(&path).await.expect(200);
    assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")));
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));
}

#[tokio::test]
async fn another_default_is_in_effect_on_the_next_request() {
    let site = Site::open().await;
    let (first, second) = (site.openai(FIRST).await, site.openai(SECOND).await);
    let application = site.application().await;
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()));

    let made = site.press(&format!("{second}/set-default")).await.expect(200);

    assert_eq!(made.json()["is_default"], true);
    assert_eq!(site.used_by(&application).await, Ok(SECOND.to_owned()));
    assert_eq!(site.get(&first).await.expect(200).json()["is_default"], false);
    site.delete(&second).await.expect(204);
    assert_eq!(site.used_by(&application).await, Ok(FIRST.to_owned()), "the default is back");
}

#[tokio::test]
async fn replacements_at_the_same_time_leave_one_value_that_opens_on_sqlite() {
    replacements_at_the_same_time_leave_one_value_that_opens(Backend::Sqlite).await;
}

#[tokio::test]
async fn replacements_at_the_same_time_leave_one_value_that_opens_on_postgres() {
    replacements_at_the_same_time_leave_one_value_that_opens(Backend::Postgres).await;
}

async fn replacements_at_the_same_time_leave_one_value_that_opens(backend: Backend) {
    let Some(site) = Site::open_on(backend).await else { return };
    let path = site.openai(FIRST).await;
    let secret = format!("{path}/secret");

    let puts = (0..6).map(|n| {
        let body = json!({ "api_key": format!("sk-{n}-0123456789abcdef") });
        site.put(&secret, body)
    });
    for put in futures_util::future::join_all(puts).await {
        put.expect(200);
    }

    let row = site.rows().await.remove(0);
    assert_eq!((row.sealed_version, row.version), (7, 7), "each came after another");
    let application = site.application().await;
    let used = site.used_by(&application).await.expect("it opens");
    assert!(used.starts_with("sk-") && used.ends_with("-0123456789abcdef"), "{used}");
    assert_ne!(used, FIRST);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_anothers_look_the_same_on_every_route() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    let other = site.post("/v1/workspaces", json!({ "name": "other" })).await.expect(201);
    let elsewhere = format!("/v1/workspaces/{}/provider-keys", other.at("/id"));
    let id = path.rsplit('/').next().expect("an id");
    let absent = format!("{}000000000000", &id[..id.len() - 12]);
    let routes = [
        (Method::GET, "", None),
        (Method::PATCH, "", Some(json!({ "is_active": false }))),
        (Method::DELETE, "", None),
        (Method::PUT, "/secret", Some(json!({ "api_key": SECOND }))),
        (Method::POST, "/validate", None),
        (Method::POST, "/set-default", None),
        (Method::PATCH, "/tier", Some(json!({ "tier": "tier-1" }))),
        (Method::GET, "/headroom", None),
    ];

    for (method, rest, body) in routes {
        let mut answers = Vec::new();
        for id in [id, absent.as_str(), "nonsense"] {
            let path = format!("{elsewhere}/{id}{rest}");
            let answer = site.call(method.clone(), &path, body.clone()).await.expect(404);
            let request = answer.header("x-keystile-request-id").expect("an id");
            answers.push(answer.text().replace(request, ""));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{method} {rest}");
        // Twenty a minute is the limit of another test.
        site.app.clock.advance(std::time::Duration::from_secs(61));
    }
    assert_eq!(site.get(&path).await.expect(200).header("etag"), Some("\"1\""));
}

#[tokio::test]
async fn the_audit_tells_what_was_done_to_a_key_and_never_its_value() {
    let site = Site::open().await;
    let path = site.openai(FIRST).await;
    site.patch(&path, json!({ "label": "blue" })).await.expect(200);
    site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    site.press(&format!("{path}/validate")).await.expect(200);
    site.press(&format!("{path}/set-default")).await.expect(200);
    site.patch(&format!("{path}/tier"), json!({ "tier": "tier-3" })).await.expect(200);
    site.delete(&path).await.expect(204);

    let audit = format!("/v1/workspaces/{}/audit", site.owner.workspace);
    let audit = site.get(&audit).await.expect(200);

    let rows = audit.json()["items"].as_array().expect("items").clone();
    let of_keys =
        rows.iter().filter(|row| row["subject"] == path.rsplit('/').next().expect("an id"));
    let mut actions: Vec<_> =
        of_keys.map(|row| row["action"].as_str().expect("an action")).collect();
    actions.reverse();
    assert_eq!(
        actions,
        [
            "provider_key.created",
            "provider_key.updated",
            "provider_key.replaced",
            "provider_key.validated",
            "provider_key.made_default",
            "provider_key.tier_changed",
            "provider_key.deleted",
        ]
    );
    let replaced = rows.iter().find(|row| row["action"] == "provider_key.replaced").expect("a row");
    let detail = &replaced["detail"];
    assert_eq!((&detail["sealed_version"], &detail["label"]), (&json!(2), &json!("blue")));
    assert_eq!(detail["key_prefix"], "sk-sec...****");
    assert!(!audit.text().contains("0123456789"), "{}", audit.text());
}

#[tokio::test]
async fn whoever_has_a_credential_may_read_where_to_get_a_key() {
    let site = Site::open().await;
    let application = site.application().await;

    let list = site.get("/v1/providers").await.expect(200);
    let same = site.app.api.get("/v1/providers").bearer(&application).whole().await.expect(200);
    site.app.api.get("/v1/providers").whole().await.expect(401);

    assert_eq!(list.json(), same.json());
    let list = list.json();
    let one = |id: &str| {
        let items = list["items"].as_array().expect("items");
        items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no {id}")).clone()
    };
    assert_eq!(one("gemini")["workspace_name"], "google_ai_studio");
    assert_eq!(one("gemini")["tenant_name"], "google");
    assert_eq!(one("openai")["key_url"], "https://platform.openai.com/api-keys");
    assert_eq!(one("openai")["needs_base_url"], false);
    assert_eq!(one("custom")["needs_base_url"], true);
    assert_eq!(one("moonshot")["tiers"][0]["name"], "tier-0");
    assert_eq!(one("moonshot")["tiers"][0]["limits"][0]["limits"]["rpm"], 3);
}
