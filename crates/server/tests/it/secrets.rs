//! Secrets of a workspace: named, sealed, never shown again; and provider keys, which are secrets by another name.

mod faces;
mod uploads;

use http::Method;
use model::{KeyVersion, Role, Sealed, SecretCategory, SecretId};
use serde_json::{Value, json};
use store::system::UserRow;
use store::workspace::SecretRow;
use testkit::app::{EMAIL, PASSWORD};
use testkit::fake::FakeProvider;
use testkit::http::{Call, Whole};
use testkit::{Backend, Owner, TestApp};

const PATH: &str = "/api/secrets";
const EVE: &str = "eve@example.com";

/// A gateway that is set up, and OpenAI played by a fake.
struct Desk {
    app: TestApp,
    owner: Owner,
    fake: FakeProvider,
}

impl Desk {
    async fn open() -> Self {
        Self::open_on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// `None` where the database's programs are missing, which has been said by then.
    async fn open_on(backend: Backend) -> Option<Self> {
        let fake = FakeProvider::start().await;
        let app = TestApp::start_on(backend, &fake).await?;
        let owner = app.set_up().await;
        Some(Self { app, owner, fake })
    }

    fn call(&self, method: Method, path: &str) -> Call {
        self.app.api.call(method, path).bearer(&self.owner.session)
    }

    async fn post(&self, body: &Value) -> Whole {
        self.call(Method::POST, PATH).json(body).whole().await
    }

    async fn get(&self, path: &str) -> Whole {
        self.call(Method::GET, path).whole().await
    }

    async fn patch(&self, name: &str, body: &Value) -> Whole {
        self.call(Method::PATCH, &at(name)).json(body).whole().await
    }

    async fn delete(&self, name: &str) -> Whole {
        self.call(Method::DELETE, &at(name)).whole().await
    }

    /// Names, in the order they are listed.
    async fn names(&self, query: &str) -> Vec<String> {
        let list = self.get(&format!("{PATH}{query}")).await.expect(200).json();
        let items = list["items"].as_array().expect("items").clone();
        items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    }

    async fn provider_keys(&self) -> Vec<Value> {
        let path = format!("/v1/workspaces/{}/provider-keys", self.owner.workspace);
        let list = self.get(&path).await.expect(200).json();
        list["items"].as_array().expect("items").clone()
    }

    /// A gateway key of the workspace.
    async fn key(&self, scopes: &[&str]) -> String {
        self.key_at(&format!("/v1/workspaces/{}/api-keys", self.owner.workspace), scopes).await
    }

    async fn project_key(&self, scopes: &[&str]) -> String {
        self.key_at(&format!("/api/v1/projects/{}/api-keys", self.owner.project), scopes).await
    }

    async fn key_at(&self, path: &str, scopes: &[&str]) -> String {
        let body = json!({ "name": "k", "scopes": scopes });
        self.call(Method::POST, path).json(&body).whole().await.expect(201).at("/key")
    }

    /// How many values are sealed in the database.
    async fn seals(&self) -> u64 {
        let counts = self.app.app.store().system().seal_counts().await.expect("read");
        counts.iter().map(|count| count.rows).sum()
    }

    /// Eve, with a workspace of her own.
    async fn stranger(&self) -> Owner {
        let store = self.app.app.store();
        let now = model::Clock::now(&self.app.clock);
        let owner = store.system().user_by_email(EMAIL).await.expect("read").expect("the owner");
        let id = model::UserId::new(&self.app.clock, &model::random::OsRandom);
        let user = UserRow { id, email: EVE.to_owned(), is_operator: false, ..owner };
        let mut write = store.write().await.expect("a write");
        write.insert_user(&user).await.expect("inserted");
        write.commit(now).await.expect("committed");
        let body = json!({ "email": EVE, "password": PASSWORD });
        let session = self.app.api.post("/v1/sessions", &body).whole().await;
        let session = session.expect(201).at("/token");
        let named = json!({ "name": "evil" });
        let made = self.app.api.post("/v1/workspaces", &named).bearer(&session).whole().await;
        let workspace = made.expect(201).at("/id");
        let projects = self.app.api.get(&format!("/v1/workspaces/{workspace}/projects"));
        let project = projects.bearer(&session).whole().await.expect(200).at("/items/0/id");
        Owner { session, workspace, project }
    }

    /// Eve as a member of the desk's workspace, too.
    async fn join(&self, role: Role) -> Owner {
        let eve = self.stranger().await;
        let store = self.app.app.store();
        let now = model::Clock::now(&self.app.clock);
        let user = store.system().user_by_email(EVE).await.expect("read").expect("eve").id;
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(self.owner.workspace.parse().expect("an id"));
        inside.insert_member(user, role, now).await.expect("joined");
        write.commit(now).await.expect("committed");
        eve
    }

    /// The row behind a name, past every rule.
    async fn row(&self, name: &str) -> SecretRow {
        let workspace = self.owner.workspace.parse().expect("an id");
        let row = self.app.app.store().workspace(workspace).secret(name).await.expect("read");
        row.expect("there")
    }
}

fn at(name: &str) -> String {
    format!("{PATH}/{name}")
}

fn plain(name: &str) -> Value {
    json!({ "name": name, "value": "correct horse battery", "category": "custom" })
}

fn openai(value: &str) -> Value {
    json!({ "name": "provider_key_openai", "value": value })
}

#[tokio::test]
async fn a_secret_is_answered_without_its_value_and_read_back_the_same() {
    let desk = Desk::open().await;
    let body = json!({
        "name": "erp.password-1", "value": "pa\u{df}wort\n", "category": "database",
        "description": " of the ERP ",
    });

    let made = desk.post(&body).await.expect(201);

    let id = made.at("/id");
    assert!(id.parse::<SecretId>().is_ok(), "{id}");
    let expected = json!({
        "id": id, "name": "erp.password-1", "category": "database", "description": "of the ERP",
        "created_at": made.at("/created_at"), "updated_at": made.at("/created_at"),
    });
    assert_eq!(made.json(), expected);
    let read = desk.get(&at("erp.password-1")).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (expected.clone(), Some("\"1\"")));
    let list = desk.get(PATH).await.expect(200).json();
    assert_eq!(list, json!({ "items": [expected], "next_cursor": null }));
    let row = desk.row("erp.password-1").await;
    let sealed = row.sealed.as_bytes();
    assert_eq!(
        (&sealed[..4], row.key_version, row.sealed_version),
        (&b"KSTL"[..], KeyVersion(1), 1)
    );
}

#[tokio::test]
async fn the_category_is_api_key_where_none_is_given_and_one_of_five() {
    let desk = Desk::open().await;

    let made = desk.post(&json!({ "name": "a", "value": "x" })).await.expect(201);
    assert_eq!(made.at("/category"), "api_key");
    for category in SecretCategory::ALL.map(SecretCategory::as_str) {
        let body = json!({ "name": category, "value": "x", "category": category });
        assert_eq!(desk.post(&body).await.expect(201).at("/category"), category);
        assert!(desk.names(&format!("?category={category}")).await.contains(&category.to_owned()));
    }

    let body = json!({ "name": "b", "value": "x", "category": "sk-secret-123" });
    let refused = desk.post(&body).await.expect(400);
    assert!(!refused.text().contains("sk-secret"), "{}", refused.text());
    for query in ["?category=API", "?category=", "?kind=api", "?limit=0", "?limit=501"] {
        let refused = desk.get(&format!("{PATH}{query}")).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_with_its_field_and_without_its_value() {
    let desk = Desk::open().await;
    let long = "x".repeat(129);
    let huge = "v".repeat(32 * 1024 + 1);
    let wordy = "d".repeat(501);
    for (body, param) in [
        (json!({ "name": "", "value": "x" }), "name"),
        (json!({ "name": "a b", "value": "x" }), "name"),
        (json!({ "name": "a/b", "value": "x" }), "name"),
        (json!({ "name": "keystile:webhook", "value": "x" }), "name"),
        (json!({ "name": long, "value": "x" }), "name"),
        (json!({ "name": "a", "value": "" }), "value"),
        (json!({ "name": "a", "value": huge }), "value"),
        (json!({ "name": "a", "value": "x", "description": wordy }), "description"),
        (json!({ "name": "a", "value": "x", "description": "bell\u{7}" }), "description"),
    ] {
        let refused = desk.post(&body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request");
        assert_eq!(refused.at("/error/param"), param);
        assert!(refused.text().len() < 500, "what was sent is not repeated");
    }
    for body in [
        json!({ "name": "a" }),
        json!({ "value": "x" }),
        json!({ "name": "a", "value": 5 }),
        json!({ "name": "a", "value": null }),
        json!({ "name": "a", "value": "x", "secret": "y" }),
    ] {
        assert_eq!(desk.post(&body).await.expect(400).code(), "invalid_request");
    }

    // A NUL fits no database, and a blank description is none.
    let body = json!({ "name": "a", "value": "zero\0zero", "description": "  " });
    assert_eq!(desk.post(&body).await.expect(201).json()["description"], Value::Null);
    assert_eq!(desk.names("").await, ["a"]);
}

#[tokio::test]
async fn a_list_is_paged_over_provider_keys_and_secrets_alike() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(desk) = Desk::open_on(backend).await else { continue };
        for name in ["c", "a"] {
            desk.post(&plain(name)).await.expect(201);
            desk.app.clock.advance(std::time::Duration::from_secs(1));
        }
        desk.post(&openai("sk-good-0123456789")).await.expect(201);
        let all = ["provider_key_openai", "c", "a"];
        assert_eq!(desk.names("").await, all);

        for limit in 1..=3 {
            let (mut seen, mut query) = (Vec::new(), format!("?limit={limit}"));
            loop {
                let list = desk.get(&format!("{PATH}{query}")).await.expect(200).json();
                let items = list["items"].as_array().expect("items");
                assert!(items.len() <= limit);
                seen.extend(items.iter().map(|item| item["name"].as_str().expect("it").to_owned()));
                let Some(cursor) = list["next_cursor"].as_str() else { break };
                query = format!("?limit={limit}&cursor={cursor}");
            }
            assert_eq!(seen, all, "{limit} at a time");
        }
        assert_eq!(desk.names("?category=llm_provider").await, ["provider_key_openai"]);
        assert_eq!(desk.names("?category=custom&limit=1").await, ["c"]);
        assert_eq!(desk.names("?category=database").await, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_ours_is_neither_listed_nor_found() {
    let desk = Desk::open().await;
    let workspace = desk.owner.workspace.parse().expect("an id");
    let now = model::Clock::now(&desk.app.clock);
    let mut write = desk.app.app.store().write().await.expect("a write");
    let ours = SecretRow {
        id: SecretId::new(&desk.app.clock, &model::random::OsRandom),
        name: "keystile:webhook".to_owned(),
        category: SecretCategory::Custom,
        description: None,
        sealed: Sealed::from_bytes(vec![1]),
        key_version: KeyVersion(1),
        sealed_version: 1,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    write.workspace(workspace).insert_secret(&ours).await.expect("inserted");
    write.commit(now).await.expect("committed");

    assert_eq!(desk.names("").await, [""; 0]);
    for name in ["keystile:webhook", "keystile%3Awebhook"] {
        desk.get(&at(name)).await.expect(404);
        desk.patch(name, &json!({ "value": "x" })).await.expect(404);
        desk.delete(name).await.expect(404);
    }
    desk.post(&plain("hook")).await.expect(201);
    let into = json!({ "name": "keystile:other" });
    assert_eq!(desk.patch("hook", &into).await.expect(400).at("/error/param"), "name");
    desk.row("keystile:webhook").await;
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_mention() {
    let desk = Desk::open().await;
    let body = json!({ "name": "hook", "value": "one", "category": "api", "description": "d" });
    let made = desk.post(&body).await.expect(201).json();
    let first = desk.row("hook").await;
    desk.app.clock.advance(std::time::Duration::from_secs(60));

    let described = desk.patch("hook", &json!({ "description": "e" })).await.expect(200);
    assert_eq!(described.header("etag"), Some("\"2\""));
    let described = described.json();
    assert_eq!(described["description"], "e");
    for field in ["id", "name", "category", "created_at"] {
        assert_eq!(described[field], made[field], "{field}");
    }
    assert!(described["updated_at"].as_str() > made["updated_at"].as_str());
    let row = desk.row("hook").await;
    assert_eq!((&row.sealed, row.sealed_version), (&first.sealed, 1), "the value is as it was");

    let replaced = desk.patch("hook", &json!({ "value": "two" })).await.expect(200);
    assert_eq!(replaced.header("etag"), Some("\"3\""));
    let row = desk.row("hook").await;
    assert!(row.sealed != first.sealed && row.sealed_version == 2);

    let back = json!({ "description": null, "category": null });
    let back = desk.patch("hook", &back).await.expect(200).json();
    assert_eq!((&back["description"], &back["category"]), (&Value::Null, &json!("api_key")));

    for bad in [
        json!({ "value": null }),
        json!({ "value": "" }),
        json!({ "name": null }),
        json!({ "category": "no" }),
        json!({ "id": "sec_0" }),
    ] {
        assert_eq!(desk.patch("hook", &bad).await.expect(400).code(), "invalid_request");
    }
    assert_eq!(desk.row("hook").await.version, 4);
    desk.patch("absent", &json!({ "value": "x" })).await.expect(404);
}

#[tokio::test]
async fn a_secret_gets_another_name_unless_it_is_taken() {
    let desk = Desk::open().await;
    for name in ["a", "b"] {
        desk.post(&plain(name)).await.expect(201);
    }

    let taken = desk.patch("a", &json!({ "name": "b", "value": "new" })).await.expect(409);
    assert_eq!((taken.code(), taken.at("/error/param")), ("conflict".into(), "name".into()));
    assert_eq!(desk.row("a").await.version, 1, "nothing of it happened");
    let become_key = desk.patch("a", &json!({ "name": "provider_key_openai" })).await.expect(400);
    assert_eq!(become_key.at("/error/param"), "name");

    let renamed = desk.patch("a", &json!({ "name": "c" })).await.expect(200);
    assert_eq!(renamed.at("/name"), "c");
    desk.get(&at("a")).await.expect(404);
    assert_eq!(desk.get(&at("c")).await.expect(200).at("/id"), renamed.at("/id"));
    assert_eq!(desk.post(&plain("b")).await.expect(409).code(), "conflict");
    desk.post(&plain("a")).await.expect(201);
}

#[tokio::test]
async fn who_expects_another_version_changes_nothing() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    let change = |version: &str| {
        let call = desk.call(Method::PATCH, &at("hook")).header("if-match", version);
        call.json(&json!({ "value": "new" })).whole()
    };

    assert_eq!(change("\"2\"").await.expect(412).code(), "version_conflict");
    assert_eq!(desk.row("hook").await.sealed_version, 1);
    change("\"1\"").await.expect(200);
    assert_eq!(change("\"1\"").await.expect(412).code(), "version_conflict");
    change("*").await.expect(200);
    assert_eq!(desk.row("hook").await.sealed_version, 3);
}

#[tokio::test]
async fn twenty_replacements_at_once_all_count() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(desk) = Desk::open_on(backend).await else { continue };
        desk.post(&plain("hook")).await.expect(201);

        let calls = (0..20).map(|n| {
            let call = desk.call(Method::PATCH, &at("hook"));
            tokio::spawn(call.json(&json!({ "value": format!("value {n}") })).whole())
        });
        let mut replaced = 0;
        for call in calls.collect::<Vec<_>>() {
            match call.await.expect("answered").status.as_u16() {
                200 => replaced += 1,
                // Eight times another was quicker.
                409 => {}
                status => panic!("{status}"),
            }
        }

        assert!(replaced > 0);
        assert_eq!(
            desk.row("hook").await.sealed_version,
            1 + replaced,
            "each value had its own seal"
        );
    }
}

#[tokio::test]
async fn a_deleted_secret_is_gone_with_its_ciphertext() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    let before = desk.seals().await;

    let gone = desk.delete("hook").await.expect(204);

    assert!(gone.body.is_empty());
    desk.get(&at("hook")).await.expect(404);
    desk.delete("hook").await.expect(404);
    assert_eq!(desk.seals().await, before - 1);
}

#[tokio::test]
async fn a_repeated_creation_is_answered_as_before_and_happens_once() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(desk) = Desk::open_on(backend).await else { continue };
        let send = |key: &str, body: &Value| {
            desk.call(Method::POST, PATH).header("idempotency-key", key).json(body).whole()
        };

        for body in [plain("hook"), openai("sk-good-0123456789")] {
            let key = body["name"].as_str().expect("a name");
            let first = send(key, &body).await.expect(201);
            let again = send(key, &body).await.expect(201);

            assert_eq!((first.header("idempotent-replayed"), again.json()), (None, first.json()));
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            assert_eq!(send(key, &plain("other")).await.expect(409).code(), "conflict");
            assert_eq!(send("another", &body).await.expect(409).code(), "conflict");
        }
        assert_eq!(desk.names("").await, ["provider_key_openai", "hook"]);
        assert_eq!(desk.fake.requests().len(), 1, "one probe");

        // The same key and body for another workspace is another request.
        let named = json!({ "name": "second" });
        let second = desk.call(Method::POST, "/v1/workspaces").json(&named).whole().await;
        let second = second.expect(201).at("/id");
        let in_tenant = |tenant: &str| {
            let call = desk.call(Method::POST, PATH).header("idempotency-key", "both");
            call.header("x-tenant-id", tenant).json(&plain("both")).whole()
        };
        in_tenant(&desk.owner.workspace).await.expect(201);
        assert_eq!(in_tenant(&second).await.expect(409).code(), "conflict");
    }
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    let reader = desk.key(&["read:secrets"]).await;
    let writer = desk.key(&["write:secrets"]).await;
    let neither =
        desk.key(&["inference", "read:byok", "write:byok", "read:keys", "write:keys"]).await;
    let own = desk.project_key(&["read:secrets", "write:secrets"]).await;
    let any = desk.key(&["*"]).await;
    let ask = async |token: &str, method: Method, path: &str, body: Value| {
        let call = desk.app.api.call(method, path).bearer(token).json(&body).whole().await;
        (call.status.as_u16(), if call.status.is_success() { String::new() } else { call.code() })
    };
    let missing = (403, "missing_scope".to_owned());

    for (name, token, reads, writes) in [
        ("reader", &reader, true, false),
        ("writer", &writer, false, true),
        ("neither", &neither, false, false),
        ("project", &own, true, true),
        ("any", &any, true, true),
    ] {
        let expect = |allowed: bool, status: u16| match allowed {
            true => (status, String::new()),
            false => missing.clone(),
        };
        let secret = at(name);
        let list = ask(token, Method::GET, PATH, json!({})).await;
        assert_eq!(list, expect(reads, 200), "{name} lists");
        let made = ask(token, Method::POST, PATH, plain(name)).await;
        assert_eq!(made, expect(writes, 201), "{name} creates");
        let read = ask(token, Method::GET, &at("hook"), json!({})).await;
        assert_eq!(read, expect(reads, 200), "{name} reads");
        let changed = ask(token, Method::PATCH, &at("hook"), json!({ "value": "x" })).await;
        assert_eq!(changed, expect(writes, 200), "{name} changes");
        if writes {
            assert_eq!(ask(token, Method::DELETE, &secret, json!({})).await.0, 204, "{name}");
        } else {
            assert_eq!(ask(token, Method::DELETE, &at("hook"), json!({})).await, missing);
        }
    }
    assert_eq!(desk.names("").await, ["hook"]);
}

#[tokio::test]
async fn another_workspaces_secrets_look_exactly_like_none() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    desk.post(&openai("sk-good-0123456789")).await.expect(201);
    let eve = desk.stranger().await;
    let path = format!("/v1/workspaces/{}/api-keys", eve.workspace);
    let body = json!({ "name": "k", "scopes": ["*"] });
    let key = desk.app.api.post(&path, &body).bearer(&eve.session).whole().await;
    let key = key.expect(201).at("/key");
    let ws = &desk.owner.workspace;
    let absent = format!("{}000000000000", &ws[..ws.len() - 12]);
    let faceless = |answer: Whole| {
        let id = answer.header("x-keystile-request-id").expect("an id").to_owned();
        (answer.status.as_u16(), answer.text().replace(&id, ""))
    };

    for token in [&eve.session, &key] {
        for (method, path) in [
            (Method::GET, PATH.to_owned()),
            (Method::POST, PATH.to_owned()),
            (Method::GET, at("hook")),
            (Method::PATCH, at("hook")),
            (Method::DELETE, at("hook")),
            (Method::GET, at("provider_key_openai")),
            (Method::PATCH, at("provider_key_openai")),
            (Method::DELETE, at("provider_key_openai")),
            (Method::GET, "/api/v1/tenant/byok-providers".to_owned()),
        ] {
            let ask = |tenant: &str| {
                let call = desk.app.api.call(method.clone(), &path).bearer(token);
                call.header("x-tenant-id", tenant).json(&plain("mine")).whole()
            };
            let foreign = faceless(ask(ws).await);
            assert_eq!(foreign.0, 404, "{method} {path}");
            assert_eq!(foreign, faceless(ask(&absent).await), "{method} {path}");
        }
        // In their own place there is nothing of that name.
        for name in ["hook", "provider_key_openai"] {
            desk.app.api.get(&at(name)).bearer(token).whole().await.expect(404);
        }
    }
    assert_eq!(desk.names("").await, ["provider_key_openai", "hook"]);
}

#[tokio::test]
async fn members_read_and_do_not_write() {
    let desk = Desk::open().await;
    desk.post(&plain("hook")).await.expect(201);
    desk.post(&openai("sk-good-0123456789")).await.expect(201);
    let member = desk.join(Role::Member).await;
    let ask = |method: Method, path: &str| {
        let call = desk.app.api.call(method, path).bearer(&member.session);
        call.header("x-tenant-id", &desk.owner.workspace).json(&plain("mine")).whole()
    };

    let list = ask(Method::GET, PATH).await.expect(200).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 2);
    for name in ["hook", "provider_key_openai"] {
        ask(Method::GET, &at(name)).await.expect(200);
        assert_eq!(ask(Method::PATCH, &at(name)).await.expect(403).code(), "forbidden_role");
        assert_eq!(ask(Method::DELETE, &at(name)).await.expect(403).code(), "forbidden_role");
    }
    assert_eq!(ask(Method::POST, PATH).await.expect(403).code(), "forbidden_role");
    ask(Method::GET, "/api/v1/tenant/byok-providers").await.expect(200);
}

#[tokio::test]
async fn the_audit_tells_what_happened_and_no_value() {
    let desk = Desk::open().await;
    desk.post(&json!({ "name": "hook", "value": "canary-canary-canary" })).await.expect(201);
    desk.patch("hook", &json!({ "value": "canary-canary-canary" })).await.expect(200);
    desk.delete("hook").await.expect(204);

    let path = format!("/v1/workspaces/{}/audit?limit=3", desk.owner.workspace);
    let audit = desk.get(&path).await.expect(200);

    let items = audit.json()["items"].as_array().expect("items").clone();
    let actions: Vec<_> = items.iter().map(|row| row["action"].as_str().expect("it")).collect();
    assert_eq!(actions, ["secret.deleted", "secret.updated", "secret.created"]);
    assert!(items.iter().all(|row| row["detail"]["name"] == "hook"), "{}", audit.text());
    assert!(!audit.text().contains("canary"), "{}", audit.text());
}

#[tokio::test]
async fn whatever_was_done_to_it_a_secret_can_be_opened() {
    let desk = Desk::open().await;
    for name in ["as-made", "replaced", "renamed"] {
        desk.post(&plain(name)).await.expect(201);
    }
    desk.patch("replaced", &json!({ "value": "new", "description": "d" })).await.expect(200);
    desk.patch("renamed", &json!({ "name": "other" })).await.expect(200);
    desk.post(&openai("sk-good-0123456789")).await.expect(201);

    let found = desk.get("/v1/operator/vault/doctor").await.expect(200).json();

    assert_eq!(found["closed"], json!([]), "{found}");
    assert_eq!(found["checked"], desk.seals().await, "all of them were tried");
}
