//! Set-up, sessions, workspaces, projects, keys: what the owner does, and what nobody else may.

use serde_json::{Value, json};
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::{FakeProvider, Reply};
use testkit::{Backend, Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";

async fn the_first_owner_is_made_once(backend: Backend) {
    let fake = FakeProvider::start().await;
    let Some(app) = TestApp::start_on(backend, &fake).await else { return };
    let body = |token: &str| json!({ "setup_token": token, "email": "Owner@Example.com", "password": PASSWORD, "workspace": "acme" });

    let wrong = app.api.post("/v1/setup", &body("guessed")).whole().await.expect(401);
    assert!(wrong.at("/error/message").contains("set-up token"));
    let made = app.api.post("/v1/setup", &body(SETUP_TOKEN)).whole().await.expect(201);
    assert_eq!(made.at("/user/email"), EMAIL, "addresses are kept in lower case");
    assert_eq!(made.at("/workspace/name"), "acme");
    assert_eq!(made.at("/project/name"), "default");
    let again = app.api.post("/v1/setup", &body(SETUP_TOKEN)).whole().await.expect(409);
    assert_eq!(again.code(), "conflict");
}

#[tokio::test]
async fn the_first_owner_is_made_once_on_sqlite() {
    the_first_owner_is_made_once(Backend::Sqlite).await;
}

#[tokio::test]
async fn the_first_owner_is_made_once_on_postgres() {
    the_first_owner_is_made_once(Backend::Postgres).await;
}

#[tokio::test]
async fn twenty_set_ups_at_once_make_one_owner() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let calls = (0..20).map(|n| {
        let body = json!({ "setup_token": SETUP_TOKEN, "email": format!("o{n}@x.y"), "password": PASSWORD, "workspace": "w" });
        tokio::spawn(app.api.post("/v1/setup", &body).whole())
    });

    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.expect("answered").status.as_u16());
    }

    assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 19, "{statuses:?}");
}

#[tokio::test]
async fn a_session_lives_until_it_is_ended_or_its_time_is_over() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    app.set_up().await;
    let sign_in = |email: &str, password: &str| {
        app.api.post("/v1/sessions", &json!({ "email": email, "password": password })).whole()
    };

    let unknown = sign_in("nobody@example.com", PASSWORD).await.expect(401);
    let wrong = sign_in(EMAIL, "wrong").await.expect(401);
    assert_eq!(unknown.at("/error/message"), wrong.at("/error/message"), "one message for both");
    let session = sign_in(EMAIL, PASSWORD).await.expect(201).at("/token");
    assert!(session.starts_with("eyJ"));
    app.api.get("/v1/workspaces").bearer(&session).whole().await.expect(200);
    app.api.delete("/v1/sessions/current").bearer(&session).whole().await.expect(204);
    let ended = app.api.get("/v1/workspaces").bearer(&session).whole().await.expect(401);
    assert_eq!(ended.code(), "invalid_session");

    let session = sign_in(EMAIL, PASSWORD).await.expect(201).at("/token");
    app.clock.advance(std::time::Duration::from_secs(12 * 3600 + 1));
    app.api.get("/v1/workspaces").bearer(&session).whole().await.expect(401);
}

#[tokio::test]
async fn a_provider_key_is_shown_by_its_first_characters_and_never_whole() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let body = json!({ "provider": "openai", "api_key": "sk-proj-0123456789abcdefghijklmnopqrst", "label": "Production" });

    let made = app.add_provider_key(&owner, &body).await.expect(201);

    assert!(made.at("/id").starts_with("pk_"));
    assert_eq!(made.at("/key_prefix"), "sk-proj-...****");
    assert_eq!(made.at("/provider_name"), "OpenAI");
    assert_eq!(made.at("/validation_status"), "valid");
    assert_eq!(made.at("/health_status"), "healthy");
    assert_eq!(
        (made.json()["is_default"].clone(), made.json()["is_active"].clone()),
        (json!(true), json!(true))
    );
    assert!(made.at("/created_at").ends_with('Z'));
    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
    let list = app.api.get(&path).bearer(&owner.session).whole().await.expect(200);
    assert_eq!(list.at("/items/0/id"), made.at("/id"));
    assert_eq!(list.json()["next_cursor"], Value::Null);
    assert!(!list.text().contains("456789"), "{}", list.text());
}

#[tokio::test]
async fn the_first_key_of_a_provider_is_its_default_until_it_goes() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let add = |key: &str| json!({ "provider": "openai", "api_key": key });
    let first = app.add_provider_key(&owner, &add("sk-first-0123456789")).await.expect(201);
    let second = app.add_provider_key(&owner, &add("sk-second-0123456789")).await.expect(201);
    assert_eq!(second.json()["is_default"], false);
    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);

    let gone = format!("{path}/{}", first.at("/id"));
    app.api.delete(&gone).bearer(&owner.session).whole().await.expect(204);

    let list = app.api.get(&path).bearer(&owner.session).whole().await.expect(200).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
    assert_eq!(list["items"][0]["is_default"], true);
    app.api.delete(&gone).bearer(&owner.session).whole().await.expect(404);
    let key = app.gateway_key(&owner, &json!({ "name": "k" })).await.expect(201).at("/key");
    app.chat(&key, &hello("gpt-4o")).await.expect(200);
    assert_eq!(fake.last_request().bearer(), Some("sk-second-0123456789"));
}

#[tokio::test]
async fn a_deleted_provider_key_is_out_on_the_next_request() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let stored =
        app.add_provider_key(&owner, &json!({ "provider": "openai", "api_key": KEY })).await;
    let id = stored.expect(201).at("/id");
    let key = app.gateway_key(&owner, &json!({ "name": "k" })).await.expect(201).at("/key");
    app.chat(&key, &hello("gpt-4o")).await.expect(200);

    let path = format!("/v1/workspaces/{}/provider-keys/{id}", owner.workspace);
    app.api.delete(&path).bearer(&owner.session).whole().await.expect(204);

    assert_eq!(app.chat(&key, &hello("gpt-4o")).await.expect(403).code(), "no_provider_key");
}

#[tokio::test]
async fn a_probe_decides_what_is_kept() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let error = |status, code| Reply::openai_error(status, "t", Some(code), "words");
    let cases: Vec<(Reply, u16, &str, &str)> = vec![
        (Reply::invalid_key(KEY), 400, "provider_rejected_key", ""),
        (error(403, "missing_scopes"), 201, "restricted", "healthy"),
        (error(429, "insufficient_quota"), 201, "no_quota", "unknown"),
        (error(429, "rate_limit_exceeded"), 201, "unknown", "unknown"),
        (error(500, "oops"), 201, "unknown", "unknown"),
        (Reply::cut_before_headers(), 502, "upstream_unavailable", ""),
        (Reply::standard(), 201, "valid", "healthy"),
    ];
    let mut kept = 0;

    for (reply, status, word, health) in cases {
        fake.next_probe(reply);
        let body = json!({ "provider": "openai", "api_key": KEY });
        let answer = app.add_provider_key(&owner, &body).await.expect(status);

        if status == 201 {
            kept += 1;
            assert_eq!(answer.at("/validation_status"), word);
            assert_eq!(answer.at("/health_status"), health);
        } else {
            assert_eq!(answer.code(), word);
        }
    }
    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
    let list = app.api.get(&path).bearer(&owner.session).whole().await.expect(200).json();
    assert_eq!(
        list["items"].as_array().expect("items").len(),
        kept,
        "what was refused is not there"
    );
    let unprobed = json!({ "provider": "openai", "api_key": "bad-but-unasked", "validate_before_save": false });
    let asked = fake.requests().len();
    let answer = app.add_provider_key(&owner, &unprobed).await.expect(201);
    assert_eq!(answer.at("/validation_status"), "unknown");
    assert_eq!(fake.requests().len(), asked);
}

#[tokio::test]
async fn a_bad_key_is_recognised_in_the_providers_own_words_and_not_repeated() {
    let fake = FakeProvider::start().await;
    let providers =
        vec![("xai".to_owned(), fake.base_url()), ("openai".to_owned(), fake.base_url())];
    let options = testkit::Options { providers, ..testkit::Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let owner = app.set_up().await;
    let words = json!({ "code": "Client error", "error": "Incorrect API key provided: xa***yz." });
    fake.next_probe(Reply::error(400, &words));

    let body = json!({ "provider": "grok", "api_key": "xai-0123456789abcdefxyz" });
    let answer = app.add_provider_key(&owner, &body).await.expect(400);

    assert_eq!(answer.code(), "provider_rejected_key");
    assert!(!answer.text().contains("***yz"), "{}", answer.text());
    let country = "Country, region, or territory not supported";
    fake.next_probe(Reply::openai_error(
        403,
        "t",
        Some("unsupported_country_region_territory"),
        country,
    ));
    let body = json!({ "provider": "openai", "api_key": KEY });
    let stored = app.add_provider_key(&owner, &body).await.expect(201);
    assert_eq!(stored.at("/validation_status"), "region");
    assert_eq!(stored.at("/health_status"), "unknown");
    assert!(stored.at("/last_health_error").contains("territory"));
}

#[tokio::test]
async fn the_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    app.ready(KEY).await;

    for name in ["keystile.db", "keystile.db-wal", "master.key"] {
        let file = app.folder.path().join("data").join(name);
        let mode = std::fs::metadata(&file).expect(name).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn a_request_carries_one_credential_on_every_route() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;

    let twice = app.api.get("/v1/workspaces").bearer(&owner.session).bearer(&owner.session);
    assert_eq!(twice.whole().await.expect(400).code(), "invalid_request");
    let twice = app.api.get("/v1/me").bearer(&key).header("x-api-key", "another");
    assert_eq!(twice.whole().await.expect(400).code(), "invalid_request");
    app.api.get("/v1/me").header("x-api-key", &key).whole().await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_when_it_is_written() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;

    for body in [
        json!({ "provider": "nobody", "api_key": KEY }),
        json!({ "provider": "openai" }),
        json!({ "provider": "openai", "api_key": "" }),
        json!({ "provider": "openai", "api_key": "sk-a\r\nx-evil: 1" }),
        json!({ "provider": "openai", "api_key": "sk-\u{0}" }),
        json!({ "provider": "openai", "api_key": "sk-é" }),
        json!({ "provider": "openai", "api_key": "x".repeat(10_000) }),
        json!({ "provider": "openai", "api_key": KEY, "base_url": "http://127.0.0.1:1" }),
        json!({ "provider": "custom", "api_key": KEY }),
        json!({ "provider": "custom", "api_key": KEY, "base_url": "not a url" }),
        json!({ "provider": "openai", "api_key": KEY, "label": "" }),
        json!({ "provider": "openai", "api_key": KEY, "unknown_field": 1 }),
        json!({ "provider": "openai", "api_key": 5 }),
        json!([]),
    ] {
        let answer = app.add_provider_key(&owner, &body).await.expect(400);

        assert_eq!(answer.code(), "invalid_request", "{body}");
        assert!(!answer.text().contains("1234567890"), "{}", answer.text());
    }
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test]
async fn a_gateway_key_tells_who_it_is() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let made = app.gateway_key(&owner, &json!({ "name": "ci" })).await.expect(201);
    let path = format!("/v1/workspaces/{}/api-keys", owner.workspace);
    let wide = app
        .api
        .post(&path, &json!({ "name": "wide" }))
        .bearer(&owner.session)
        .whole()
        .await
        .expect(201);

    let me = app.api.get("/v1/me").bearer(&made.at("/key")).whole().await.expect(200);

    assert_eq!(me.at("/object"), "api_key_identity");
    assert_eq!(me.at("/workspace_id"), owner.workspace);
    assert_eq!(me.at("/project_id"), owner.project);
    assert_eq!(me.at("/tier"), "self_hosted");
    assert_eq!(me.json()["scopes"], json!(["inference"]));
    let wide_me = app.api.get("/v1/me").bearer(&wide.at("/key")).whole().await.expect(200).json();
    assert_eq!(
        (wide_me["project_id"].clone(), wide_me["scopes"].clone()),
        (Value::Null, json!(["*"]))
    );
    let list = app.api.get(&format!("/api/v1/projects/{}/api-keys", owner.project));
    let list = list.bearer(&owner.session).whole().await.expect(200);
    assert!(!list.text().contains(&made.at("/key")), "shown once");
    assert_eq!(list.at("/items/0/key_prefix"), made.at("/key")[..12]);
}

#[tokio::test]
async fn a_gateway_key_is_no_session_and_a_session_no_gateway_key() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, key) = app.ready(KEY).await;

    let answer = app.api.get("/v1/workspaces").bearer(&key).whole().await.expect(401);
    assert_eq!(answer.code(), "invalid_session");
    let answer = app.chat(&owner.session, &hello("gpt-4o")).await.expect(401);
    assert_eq!(answer.code(), "invalid_api_key");
    app.api.get("/v1/me").bearer(&owner.session).whole().await.expect(401);
}

/// A workspace of somebody who is no member of the first one.
pub async fn stranger(app: &TestApp) -> Owner {
    let store = app.app.store();
    let id = model::UserId::new(&app.clock, &model::random::OsRandom);
    let mut write = store.write().await.expect("a transaction");
    let owner = store.system().user_by_email(EMAIL).await.expect("read").expect("the owner");
    let user = store::system::UserRow { id, email: "eve@example.com".to_owned(), ..owner };
    write.insert_user(&user).await.expect("inserted");
    write.commit(model::Clock::now(&app.clock)).await.expect("committed");
    let body = json!({ "email": "eve@example.com", "password": PASSWORD });
    let session = app.api.post("/v1/sessions", &body).whole().await.expect(201).at("/token");
    let made =
        app.api.post("/v1/workspaces", &json!({ "name": "evil" })).bearer(&session).whole().await;
    let workspace = made.expect(201).at("/id");
    let projects = app.api.get(&format!("/v1/workspaces/{workspace}/projects")).bearer(&session);
    let project = projects.whole().await.expect(200).at("/items/0/id");
    Owner { session, workspace, project }
}

#[tokio::test]
async fn what_is_foreign_looks_exactly_like_what_is_absent() {
    let fake = FakeProvider::start().await;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let Some(app) = TestApp::start_on(backend, &fake).await else { continue };
        let (owner, _) = app.ready(KEY).await;
        let eve = stranger(&app).await;
        let keys = app.api.get(&format!("/v1/workspaces/{}/provider-keys", owner.workspace));
        let provider_key = keys.bearer(&owner.session).whole().await.expect(200).at("/items/0/id");
        let keys = app.api.get(&format!("/api/v1/projects/{}/api-keys", owner.project));
        let gateway_key = keys.bearer(&owner.session).whole().await.expect(200).at("/items/0/id");
        let (ws, prj) = (owner.workspace.as_str(), owner.project.as_str());
        let own = eve.workspace.as_str();
        let absent = |id: &str| format!("{}{}", &id[..id.len() - 12], "000000000000");
        let routes = [
            ("GET", format!("/v1/workspaces/{ws}"), format!("/v1/workspaces/{}", absent(ws))),
            (
                "GET",
                format!("/v1/workspaces/{ws}/projects"),
                format!("/v1/workspaces/{}/projects", absent(ws)),
            ),
            (
                "POST",
                format!("/v1/workspaces/{ws}/projects"),
                format!("/v1/workspaces/{}/projects", absent(ws)),
            ),
            (
                "GET",
                format!("/v1/workspaces/{ws}/provider-keys"),
                format!("/v1/workspaces/{}/provider-keys", absent(ws)),
            ),
            (
                "POST",
                format!("/v1/workspaces/{ws}/provider-keys"),
                format!("/v1/workspaces/{}/provider-keys", absent(ws)),
            ),
            (
                "DELETE",
                format!("/v1/workspaces/{ws}/provider-keys/{provider_key}"),
                format!("/v1/workspaces/{}/provider-keys/{provider_key}", absent(ws)),
            ),
            (
                "DELETE",
                format!("/v1/workspaces/{own}/provider-keys/{provider_key}"),
                format!("/v1/workspaces/{own}/provider-keys/{}", absent(&provider_key)),
            ),
            (
                "GET",
                format!("/v1/workspaces/{ws}/api-keys"),
                format!("/v1/workspaces/{}/api-keys", absent(ws)),
            ),
            (
                "POST",
                format!("/v1/workspaces/{ws}/api-keys"),
                format!("/v1/workspaces/{}/api-keys", absent(ws)),
            ),
            (
                "DELETE",
                format!("/v1/workspaces/{own}/api-keys/{gateway_key}"),
                format!("/v1/workspaces/{own}/api-keys/{}", absent(&gateway_key)),
            ),
            (
                "GET",
                format!("/api/v1/projects/{prj}/api-keys"),
                format!("/api/v1/projects/{}/api-keys", absent(prj)),
            ),
            (
                "POST",
                format!("/api/v1/projects/{prj}/api-keys"),
                format!("/api/v1/projects/{}/api-keys", absent(prj)),
            ),
            (
                "DELETE",
                format!("/api/v1/projects/{prj}/api-keys/{gateway_key}"),
                format!("/api/v1/projects/{}/api-keys/{gateway_key}", absent(prj)),
            ),
        ];

        for (method, foreign, absent) in routes {
            let ask = |path: &str| {
                let method = method.parse().expect("a method");
                app.api
                    .call(method, path)
                    .json(&json!({ "name": "x" }))
                    .bearer(&eve.session)
                    .whole()
            };
            let (foreign_answer, absent_answer) = (ask(&foreign).await, ask(&absent).await);

            assert_eq!(foreign_answer.status.as_u16(), 404, "{method} {foreign}");
            let body = |answer: &testkit::http::Whole| {
                answer.text().replace(answer.header("x-keystile-request-id").expect("id"), "")
            };
            assert_eq!(body(&foreign_answer), body(&absent_answer), "{method} {foreign}");
        }
        // Nothing of the owner's was touched.
        let keys = app.api.get(&format!("/v1/workspaces/{ws}/provider-keys"));
        keys.bearer(&owner.session).whole().await.expect(200).at("/items/0/id");
    }
}

#[tokio::test]
async fn a_member_reads_and_makes_modest_keys_and_writes_nothing_else() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    let eve = stranger(&app).await;
    let user = app.app.store().system().user_by_email("eve@example.com").await.expect("read");
    let workspace = owner.workspace.parse().expect("an id");
    let mut write = app.app.store().write().await.expect("a transaction");
    let now = model::Clock::now(&app.clock);
    let mut inside = write.workspace(workspace);
    inside.insert_member(user.expect("eve").id, model::Role::Member, now).await.expect("inserted");
    write.commit(now).await.expect("committed");
    let member = Owner {
        session: eve.session,
        workspace: owner.workspace.clone(),
        project: owner.project.clone(),
    };

    let path = format!("/v1/workspaces/{}/provider-keys", owner.workspace);
    let list = app.api.get(&path).bearer(&member.session).whole().await.expect(200);
    let add = json!({ "provider": "openai", "api_key": KEY });
    assert_eq!(app.add_provider_key(&member, &add).await.expect(403).code(), "forbidden_role");
    let delete = app.api.delete(&format!("{path}/{}", list.at("/items/0/id")));
    delete.bearer(&member.session).whole().await.expect(403);
    let keys = app.api.get(&format!("/api/v1/projects/{}/api-keys", owner.project));
    let owners = keys.bearer(&member.session).whole().await.expect(200).at("/items/0/id");
    app.gateway_key(&member, &json!({ "name": "mine" })).await.expect(201);
    let grand = json!({ "name": "grand", "scopes": ["*"] });
    assert_eq!(app.gateway_key(&member, &grand).await.expect(403).code(), "forbidden_role");
    let path = format!("/api/v1/projects/{}/api-keys/{owners}", owner.project);
    app.api.delete(&path).bearer(&member.session).whole().await.expect(403);
}

#[tokio::test]
async fn a_key_of_one_workspace_never_uses_anothers_provider_keys() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    app.ready(KEY).await;
    let eve = stranger(&app).await;
    let key = app.gateway_key(&eve, &json!({ "name": "k" })).await.expect(201).at("/key");

    let answer = app.chat(&key, &hello("gpt-4o")).await.expect(403);

    assert_eq!(answer.code(), "no_provider_key");
    let list = app.api.get("/v1/models").bearer(&key).whole().await.expect(200).json();
    assert_eq!(list["data"], json!([]));
}

#[tokio::test]
async fn health_readiness_and_metrics_answer_without_a_key() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (_, key) = app.ready(KEY).await;
    app.chat(&key, &hello("gpt-4o")).await.expect(200);
    app.chat(&key, &hello("nobody-makes-this")).await.expect(404);

    app.api.get("/healthz").whole().await.expect(200);
    let ready = app.api.get("/readyz").whole().await.expect(200).json();
    let metrics = app.api.get("/metrics").whole().await.expect(200).text();

    assert_eq!(ready, json!({ "database": "ok", "changes": "ok", "journal": "ok", "vault": "ok" }));
    assert!(
        metrics.contains("keystile_attempts_total{provider=\"openai\",result=\"answered\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("keystile_refusals_total{code=\"model_not_found\"} 1"), "{metrics}");
}
