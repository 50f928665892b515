//! One-time pages: asked for with a right, used without one, once.

use std::time::Duration;

use model::Role;
use serde_json::{Value, json};
use testkit::Backend;
use testkit::fake::Reply;
use testkit::http::Whole;

use super::{Desk, EVE, at, openai, plain};

impl Desk {
    /// Through the tool, as an assistant does: what it answered, and whether that is an error.
    async fn ask_for(&self, token: &str, mut wish: Value) -> (Value, bool) {
        wish["upload_link"] = json!(true);
        let params = json!({ "name": "manage_secrets", "arguments": wish });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let call = self.app.api.post("/mcp", &body).bearer(token);
        let call = call.header("x-tenant-id", &self.owner.workspace);
        let result = call.whole().await.expect(200).json()["result"].clone();
        (result["structuredContent"].clone(), result["isError"] == true)
    }

    /// The page's path.
    async fn page(&self, token: &str, wish: Value) -> String {
        let (answer, failed) = self.ask_for(token, wish).await;
        assert!(!failed, "{answer}");
        let link = answer["upload_link"].as_str().expect("a link");
        let at = link.find("/upload/").expect("a page");
        link[at..].to_owned()
    }

    async fn visit(&self, page: &str) -> Whole {
        self.app.api.get(page).whole().await
    }

    async fn paste(&self, page: &str, value: &str) -> Whole {
        self.app
            .api
            .call(http::Method::POST, page)
            .body(FORM, format!("value={value}"))
            .whole()
            .await
    }

    /// Alike for every page that is none.
    async fn is_closed(&self, page: &str) {
        let nobody = "/upload/up_0000000000000000000000000000000000000000000";
        let none = self.visit(nobody).await.expect(404);
        assert_eq!(self.visit(page).await.expect(404).body, none.body);
        let none = self.paste(nobody, "x").await.expect(404);
        assert_eq!(self.paste(page, "x").await.expect(404).body, none.body);
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn create(name: &str) -> Value {
    json!({ "action": "create", "name": name, "description": "for the shop", "category": "api" })
}

#[tokio::test]
async fn what_is_pasted_on_the_page_becomes_the_secret() {
    let desk = Desk::open().await;
    let page = desk.page(&desk.owner.session, create("hook")).await;

    let seen = desk.visit(&page).await.expect(200).text();
    assert!(seen.contains("hook") && seen.contains("acme"), "{seen}");
    desk.get(&at("hook")).await.expect(404);
    let stored = desk.paste(&page, "canary-canary-canary").await.expect(200);

    assert!(!stored.text().contains("canary"));
    let made = desk.get(&at("hook")).await.expect(200);
    assert_eq!(
        (made.at("/category"), made.at("/description")),
        ("api".into(), "for the shop".into())
    );
    desk.is_closed(&page).await;
    assert_eq!(desk.row("hook").await.sealed_version, 1);
    let audit = format!("/v1/workspaces/{}/audit?limit=3", desk.owner.workspace);
    let audit = desk.get(&audit).await.expect(200).json();
    let actions: Vec<_> = (0..3).map(|n| audit["items"][n]["action"].clone()).collect();
    assert_eq!(actions, ["secret.created", "upload.used", "upload.asked"]);
    assert_eq!(audit["items"][1]["subject"], audit["items"][2]["subject"]);
    assert!(!page.contains(audit["items"][1]["subject"].as_str().expect("a subject")));
}

#[tokio::test]
async fn a_page_can_bring_another_value() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    let before = desk.get(&at("hook")).await.expect(200);
    let page = desk.page(&desk.owner.session, json!({ "action": "rotate", "name": "hook" })).await;

    desk.paste(&page, "another").await.expect(200);

    let after = desk.get(&at("hook")).await.expect(200);
    assert_eq!(after.header("etag"), Some("\"2\""));
    assert_eq!((after.at("/id"), after.at("/category")), (before.at("/id"), "custom".into()));
    assert_eq!(desk.row("hook").await.sealed_version, 2);
    desk.is_closed(&page).await;
}

#[tokio::test]
async fn of_many_who_paste_at_once_one_is_taken() {
    for (name, backend) in [
        ("hook", Backend::Sqlite),
        ("hook", Backend::Postgres),
        ("provider_key_openai", Backend::Sqlite),
        ("provider_key_openai", Backend::Postgres),
    ] {
        let Some(desk) = Desk::open_on(backend).await else { continue };
        let create = json!({ "action": "create", "name": name });
        let page = desk.page(&desk.owner.session, create).await;

        let calls = (0..8).map(|n| {
            let call = desk.app.api.call(http::Method::POST, &page);
            tokio::spawn(call.body(FORM, format!("value=sk-good-{n}-0123456789")).whole())
        });
        let mut statuses = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            statuses.push(call.await.expect("answered").status.as_u16());
        }

        assert_eq!(statuses.iter().filter(|it| **it == 200).count(), 1, "{name}: {statuses:?}");
        // Who came while the first was on its way is told the one or the other.
        assert!(statuses.iter().all(|it| matches!(it, 200 | 404 | 409)), "{name}: {statuses:?}");
        assert_eq!(desk.names("").await, [name]);
        desk.is_closed(&page).await;
    }
}

#[tokio::test]
async fn of_many_who_rotate_at_once_one_does() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(desk) = Desk::open_on(backend).await else { continue };
        desk.post(&plain("hook")).await.expect(201);
        let page =
            desk.page(&desk.owner.session, json!({ "action": "rotate", "name": "hook" })).await;

        let calls = (0..8).map(|n| {
            let call = desk.app.api.call(http::Method::POST, &page);
            tokio::spawn(call.body(FORM, format!("value=value{n}")).whole())
        });
        let mut taken = 0;
        for call in calls.collect::<Vec<_>>() {
            match call.await.expect("answered").status.as_u16() {
                200 => taken += 1,
                status => assert_eq!(status, 404),
            }
        }

        assert_eq!((taken, desk.row("hook").await.sealed_version), (1, 2));
    }
}

#[tokio::test]
async fn a_page_lapses_after_fifteen_minutes() {
    let desk = Desk::open().await;
    let page = desk.page(&desk.owner.session, create("hook")).await;

    desk.app.clock.advance(Duration::from_secs(15 * 60 - 1));
    desk.visit(&page).await.expect(200);
    desk.app.clock.advance(Duration::from_secs(1));

    desk.is_closed(&page).await;
    desk.get(&at("hook")).await.expect(404);
}

#[tokio::test]
async fn a_value_that_is_refused_leaves_the_page_open() {
    let desk = Desk::open().await;
    let page = desk.page(
        &desk.owner.session,
        json!({ "action": "create", "name": "provider_key_openai", "description": "by link" }),
    );
    let page = page.await;

    desk.fake.next_probe(Reply::invalid_key("sk-bad-1234567890"));
    let refused = desk.paste(&page, "sk-bad-1234567890").await.expect(400).text();
    assert!(!refused.contains("bad-1234567890"), "{refused}");
    desk.visit(&page).await.expect(200);
    desk.paste(&page, "sk-good-1234567890").await.expect(200);

    assert_eq!(desk.provider_keys().await[0]["label"], "by link");
    desk.is_closed(&page).await;
}

#[tokio::test]
async fn a_page_is_only_made_for_what_its_asker_may_do() {
    let desk = Desk::open().await;
    desk.post(&plain("there")).await.expect(201);
    let half = desk.key(&["write:secrets"]).await;
    let reader = desk.key(&["read:secrets"]).await;
    let project = desk.project_key(&["*"]).await;
    let create = |name: &str| json!({ "action": "create", "name": name });
    let rotate = |name: &str| json!({ "action": "rotate", "name": name });

    for (token, wish, code) in [
        (&reader, create("hook"), "missing_scope"),
        (&half, create("provider_key_openai"), "missing_scope"),
        (&project, create("provider_key_openai"), "missing_scope"),
        (&half, create("there"), "conflict"),
        (&half, rotate("absent"), "not_found"),
        (&half, create("keystile:webhook"), "invalid_request"),
        (&half, create("a b"), "invalid_request"),
    ] {
        let (answer, failed) = desk.ask_for(token, wish.clone()).await;
        assert!(failed, "{wish}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{wish}: {answer}");
    }
}

#[tokio::test]
async fn a_page_is_worth_what_its_asker_still_may() {
    let desk = Desk::open().await;
    let path = format!("/v1/workspaces/{}/api-keys", desk.owner.workspace);
    let body = json!({ "name": "k", "scopes": ["write:secrets", "write:byok"] });
    let key = desk.call(http::Method::POST, &path).json(&body).whole().await.expect(201);
    let at_key = format!("{path}/{}", key.at("/id"));
    let admin = desk.join(Role::Admin).await;
    let plain = desk.page(&key.at("/key"), create("hook")).await;
    let provider = json!({ "action": "create", "name": "provider_key_openai" });
    let provider = desk.page(&key.at("/key"), provider).await;
    let persons = desk.page(&admin.session, create("persons")).await;

    // Without one of its scopes the key loses the one page, and without the other both.
    let patch = |scopes: Value| {
        let call = desk.call(http::Method::PATCH, &at_key);
        call.json(&json!({ "scopes": scopes })).whole()
    };
    patch(json!(["write:secrets"])).await.expect(200);
    desk.is_closed(&provider).await;
    desk.visit(&plain).await.expect(200);
    patch(json!(["write:byok"])).await.expect(200);
    desk.is_closed(&plain).await;
    patch(json!(["*"])).await.expect(200);
    desk.visit(&plain).await.expect(200);
    desk.call(http::Method::DELETE, &at_key).whole().await.expect(204);
    desk.is_closed(&plain).await;
    desk.is_closed(&provider).await;

    desk.visit(&persons).await.expect(200);
    let user = desk.app.app.store().system().user_by_email(EVE).await;
    let user = user.expect("read").expect("eve").id;
    let member = format!("/v1/workspaces/{}/members/{user}", desk.owner.workspace);
    let demote = desk.call(http::Method::PATCH, &member).json(&json!({ "role": "member" }));
    demote.whole().await.expect(200);
    desk.is_closed(&persons).await;
    assert_eq!(desk.names("").await, [""; 0]);
    assert_eq!(desk.fake.requests().len(), 0);
}

#[tokio::test]
async fn what_was_made_meanwhile_is_not_overwritten() {
    let desk = Desk::open().await;
    let page = desk.page(&desk.owner.session, create("hook")).await;
    let openai_page = json!({ "action": "create", "name": "provider_key_openai" });
    let openai_page = desk.page(&desk.owner.session, openai_page).await;
    desk.post(&plain("hook")).await.expect(201);
    desk.post(&openai("sk-good-1234567890")).await.expect(201);

    desk.paste(&page, "other").await.expect(409);
    desk.paste(&openai_page, "sk-other-1234567890").await.expect(409);

    assert_eq!(desk.row("hook").await.version, 1);
    assert_eq!(desk.provider_keys().await[0]["key_prefix"], "sk-g...****");
}

#[tokio::test]
async fn a_page_can_bring_another_provider_key_and_keeps_its_label() {
    let desk = Desk::open().await;
    let name = "provider_key_openai";
    desk.post(&json!({ "name": name, "value": "sk-good-1234567890", "description": "kept" }))
        .await
        .expect(201);
    let rotate = json!({ "action": "rotate", "name": name, "description": " " });
    let page = desk.page(&desk.owner.session, rotate).await;

    desk.paste(&page, "sk-next-1234567890").await.expect(200);

    let after = desk.get(&at(name)).await.expect(200);
    assert_eq!((after.header("etag"), after.at("/description")), (Some("\"2\""), "kept".into()));
    desk.is_closed(&page).await;
}
