//! People: their passwords and sessions, how they join and leave workspaces, and what the operator decides for them.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use testkit::app::{EMAIL, PASSWORD};
use testkit::fake::FakeProvider;
use testkit::http::{Client, Whole};
use testkit::{Backend, Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";
const OTHER: &str = "another good password";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Somebody with a session.
#[derive(Clone)]
pub struct Somebody {
    api: Client,
    token: String,
}

impl Somebody {
    pub fn new(app: &TestApp, token: &str) -> Self {
        Self { api: app.api.clone(), token: token.to_owned() }
    }

    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Whole {
        self.api.call(method, path).json(body).bearer(&self.token).whole().await
    }

    pub async fn get(&self, path: &str) -> Whole {
        self.api.get(path).bearer(&self.token).whole().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Whole {
        self.call(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Whole {
        self.call(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Whole {
        self.api.delete(path).bearer(&self.token).whole().await
    }

    pub async fn id(&self) -> String {
        self.get("/v1/users/current").await.expect(200).at("/id")
    }
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Whole {
    let body = json!({ "email": email, "password": password });
    app.api.post("/v1/sessions", &body).whole().await
}

fn members(owner: &Owner) -> String {
    format!("/v1/workspaces/{}/members", owner.workspace)
}

async fn invite(by: &Somebody, owner: &Owner, email: &str, role: &str) -> Whole {
    by.post(&members(owner), &json!({ "email": email, "role": role })).await
}

async fn accept(app: &TestApp, token: &str, password: &str) -> Whole {
    let path = format!("/v1/invitations/{token}");
    app.api.post(&path, &json!({ "password": password })).whole().await
}

/// Somebody new in the owner's workspace.
pub async fn join(app: &TestApp, owner: &Owner, email: &str, role: &str) -> Somebody {
    let by = Somebody::new(app, &owner.session);
    let invited = invite(&by, owner, email, role).await.expect(201);
    let joined = accept(app, &invited.at("/token"), PASSWORD).await.expect(201);
    Somebody::new(app, &joined.at("/token"))
}

async fn place(backend: Backend) -> Option<(TestApp, Owner, Somebody)> {
    let fake = FakeProvider::start().await;
    let app = TestApp::start_on(backend, &fake).await?;
    let owner = app.set_up().await;
    let person = Somebody::new(&app, &owner.session);
    Some((app, owner, person))
}

async fn sqlite() -> (TestApp, Owner, Somebody) {
    place(Backend::Sqlite).await.expect("SQLite is always there")
}

/// The rows of the instance's own log with this action, newest first.
async fn logged(operator: &Somebody, action: &str) -> Vec<Value> {
    let log = operator.get(&format!("/v1/operator/audit?action={action}")).await.expect(200);
    log.json()["items"].as_array().expect("items").clone()
}

#[tokio::test]
async fn a_user_sees_who_they_are_and_where_they_belong() {
    let (app, owner, person) = sqlite().await;
    let eve = join(&app, &owner, "Eve@Example.com", "member").await;

    let operator = person.get("/v1/users/current").await.expect(200).json();
    let member = eve.get("/v1/users/current").await.expect(200).json();

    assert_eq!((&operator["email"], &operator["is_operator"]), (&json!(EMAIL), &json!(true)));
    assert_eq!(
        operator["workspaces"],
        json!([{ "id": owner.workspace, "name": "acme", "role": "owner" }])
    );
    assert_eq!(member["email"], "eve@example.com");
    assert_eq!(
        (&member["is_operator"], &member["workspaces"][0]["role"]),
        (&json!(false), &json!("member"))
    );
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_only_those() {
    let (app, _owner, person) = sqlite().await;
    let other = sign_in(&app, EMAIL, PASSWORD).await.expect(201).at("/token");
    let other = Somebody::new(&app, &other);
    let path = "/v1/users/current/password";
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });

    let wrong = person.call(Method::PUT, path, &change("wrong", OTHER)).await.expect(400);
    assert_eq!(wrong.json()["error"]["param"], "current_password");
    let short = person.call(Method::PUT, path, &change(PASSWORD, "short")).await.expect(400);
    assert_eq!(short.json()["error"]["param"], "new_password");
    other.get("/v1/users/current").await.expect(200);
    person.call(Method::PUT, path, &change(PASSWORD, OTHER)).await.expect(204);

    other.get("/v1/users/current").await.expect(401);
    person.get("/v1/users/current").await.expect(200);
    sign_in(&app, EMAIL, PASSWORD).await.expect(401);
    sign_in(&app, EMAIL, OTHER).await.expect(201);
    let rows = logged(&person, "user.password_changed").await;
    assert_eq!(rows[0]["detail"], json!({ "sessions_ended": 1 }));
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_leave_the_same_traces() {
    let (app, _owner, person) = sqlite().await;

    let unknown = sign_in(&app, "nobody@example.com", PASSWORD).await.expect(401);
    let wrong = sign_in(&app, EMAIL, "a wrong password").await.expect(401);

    let text = |answer: &Whole| {
        answer.text().replace(answer.header("x-keystile-request-id").expect("id"), "")
    };
    assert_eq!(text(&unknown), text(&wrong));
    let rows = logged(&person, "session.refused").await;
    assert_eq!(rows.len(), 2);
    for field in ["actor", "from", "subject", "detail"] {
        assert_eq!(rows[0][field], rows[1][field], "{field}");
    }
    assert_eq!(rows[0]["from"], "127.0.0.1");
    let log = Value::Array(rows).to_string();
    assert!(!log.contains("example.com") && !log.contains("a wrong password"), "{log}");
}

#[tokio::test]
async fn the_eleventh_failed_sign_in_of_a_minute_is_not_tried() {
    let (app, _owner, person) = sqlite().await;
    for _ in 0..10 {
        sign_in(&app, EMAIL, "a wrong password").await.expect(401);
    }

    let refused = sign_in(&app, EMAIL, PASSWORD).await.expect(429);

    assert_eq!(refused.code(), "rate_limited");
    let after: u64 = refused.header("retry-after").expect("when").parse().expect("seconds");
    assert!((1..=61).contains(&after), "{after}");
    // Behind a proxy on this machine everybody comes from it: one account's guesser keeps nobody else out.
    sign_in(&app, "nobody@example.com", PASSWORD).await.expect(401);
    person.get("/v1/users/current").await.expect(200);
    assert_eq!(logged(&person, "session.refused").await.len(), 11, "what is not tried is no row");
    app.clock.advance(Duration::from_secs(after));
    sign_in(&app, EMAIL, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn guesses_that_arrive_together_are_ten_too() {
    let (app, _owner, _person) = sqlite().await;

    let guesses = (0..30).map(|n| {
        let body = json!({ "email": EMAIL, "password": format!("a wrong password {n}") });
        tokio::spawn(app.api.post("/v1/sessions", &body).whole())
    });
    let mut statuses = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        statuses.push(guess.await.expect("answered").status.as_u16());
    }

    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 20, "{statuses:?}");
}

#[tokio::test]
async fn somebody_new_joins_by_the_link_and_chooses_a_password() {
    let (app, owner, person) = sqlite().await;

    let invited = invite(&person, &owner, "Eve@Example.com", "admin").await.expect(201);

    assert!(invited.at("/id").starts_with("inv_"));
    assert_eq!(invited.at("/email"), "eve@example.com");
    let token = invited.at("/token");
    let path = format!("/v1/invitations/{token}");
    assert_eq!(invited.at("/link"), format!("{}{path}", app.config.public_url));
    let shown = app.api.get(&path).whole().await.expect(200).json();
    assert_eq!(shown["workspace"], json!({ "id": owner.workspace, "name": "acme" }));
    assert_eq!((&shown["email"], &shown["role"]), (&json!("eve@example.com"), &json!("admin")));
    assert_eq!(
        (&shown["needs_password"], &shown["expires_at"]),
        (&json!(true), &invited.json()["expires_at"])
    );
    let short = accept(&app, &token, "short").await.expect(400);
    assert_eq!(short.json()["error"]["param"], "password");
    let joined = accept(&app, &token, OTHER).await.expect(201);
    assert_eq!(joined.at("/user/email"), "eve@example.com");
    assert_eq!(joined.at("/workspace/id"), owner.workspace);
    let eve = Somebody::new(&app, &joined.at("/token"));
    let list = eve.get(&members(&owner)).await.expect(200).json();
    let roles: Vec<_> =
        list["items"].as_array().expect("items").iter().map(|m| &m["role"]).collect();
    assert_eq!(roles.len(), 2);
    assert!(roles.contains(&&json!("owner")) && roles.contains(&&json!("admin")), "{list}");
    sign_in(&app, "eve@example.com", OTHER).await.expect(201);
    for answer in [accept(&app, &token, OTHER).await, app.api.get(&path).whole().await] {
        assert_eq!(answer.status.as_u16(), 404, "it works once");
    }
    let log = app.folder.path().join("data").join("keystile.db");
    let stored = String::from_utf8_lossy(&std::fs::read(log).expect("the database")).into_owned();
    assert!(!stored.contains(&token), "kept as a hash only");
}

#[tokio::test]
async fn somebody_known_joins_with_their_own_password() {
    let (app, owner, person) = sqlite().await;
    let eve = join(&app, &owner, "eve@example.com", "member").await;
    let second =
        person.post("/v1/workspaces", &json!({ "name": "second" })).await.expect(201).at("/id");
    let second = Owner { workspace: second, ..owner };
    let token =
        invite(&person, &second, "eve@example.com", "member").await.expect(201).at("/token");

    let shown = app.api.get(&format!("/v1/invitations/{token}")).whole().await.expect(200);
    assert_eq!(shown.json()["needs_password"], false);
    assert_eq!(accept(&app, &token, OTHER).await.expect(401).code(), "invalid_session");
    eve.get(&members(&second)).await.expect(404);
    accept(&app, &token, PASSWORD).await.expect(201);

    eve.get(&members(&second)).await.expect(200);
    assert_eq!(
        eve.get("/v1/users/current").await.expect(200).json()["workspaces"]
            .as_array()
            .expect("list")
            .len(),
        2
    );
    let again = invite(&person, &second, "eve@example.com", "admin").await.expect(409);
    assert!(again.at("/error/message").contains("member already"));
}

#[tokio::test]
async fn an_invitation_lasts_a_week() {
    let (app, owner, person) = sqlite().await;
    let [first, second] = ["one@example.com", "two@example.com"];
    let first = invite(&person, &owner, first, "member").await.expect(201).at("/token");
    let second = invite(&person, &owner, second, "member").await.expect(201).at("/token");

    app.clock.advance(7 * DAY - Duration::from_secs(1));
    accept(&app, &first, PASSWORD).await.expect(201);
    app.clock.advance(Duration::from_secs(1));

    let late = accept(&app, &second, PASSWORD).await.expect(404);
    let unknown = accept(&app, "inv_nonsense", PASSWORD).await.expect(404);
    assert_eq!(late.at("/error/message"), unknown.at("/error/message"));
    let fresh = sign_in(&app, EMAIL, PASSWORD).await.expect(201).at("/token");
    let path = format!("/v1/workspaces/{}/invitations", owner.workspace);
    let list = Somebody::new(&app, &fresh).get(&path).await.expect(200);
    assert_eq!(list.json()["items"], json!([]));
}

#[tokio::test]
async fn a_revoked_or_replaced_invitation_is_gone() {
    let (app, owner, person) = sqlite().await;
    let path = format!("/v1/workspaces/{}/invitations", owner.workspace);
    let older = invite(&person, &owner, "eve@example.com", "admin").await.expect(201);
    let newer = invite(&person, &owner, "eve@example.com", "member").await.expect(201);

    let list = person.get(&path).await.expect(200);
    assert_eq!(list.json()["items"].as_array().expect("items").len(), 1);
    assert_eq!(list.at("/items/0/id"), newer.at("/id"));
    assert!(!list.text().contains(&newer.at("/token")), "shown once");
    accept(&app, &older.at("/token"), PASSWORD).await.expect(404);
    person.delete(&format!("{path}/{}", newer.at("/id"))).await.expect(204);

    accept(&app, &newer.at("/token"), PASSWORD).await.expect(404);
    person.delete(&format!("{path}/{}", newer.at("/id"))).await.expect(404);
    sign_in(&app, "eve@example.com", PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_repeated_invitation_is_one_and_shows_its_token_once() {
    let (app, owner, _person) = sqlite().await;
    let body = json!({ "email": "eve@example.com", "role": "member" });
    let send = || {
        let call = app.api.post(&members(&owner), &body).bearer(&owner.session);
        call.header("idempotency-key", "once").whole()
    };

    let (first, second) = (send().await.expect(201), send().await.expect(201));

    assert_eq!(first.at("/id"), second.at("/id"));
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    assert!(second.json().get("token").is_none() && second.json().get("link").is_none());
    accept(&app, &first.at("/token"), PASSWORD).await.expect(201);
}

async fn an_invitation_used_at_once_makes_one_member(backend: Backend) {
    let Some((app, owner, person)) = place(backend).await else { return };
    let token = invite(&person, &owner, "eve@example.com", "member").await.expect(201).at("/token");

    let path = format!("/v1/invitations/{token}");
    let calls = (0..10)
        .map(|_| tokio::spawn(app.api.post(&path, &json!({ "password": PASSWORD })).whole()));
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.expect("answered").status.as_u16());
    }

    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 404, 409].contains(status)), "{statuses:?}");
    let list = person.get(&members(&owner)).await.expect(200).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 2);
}

#[tokio::test]
async fn an_invitation_used_at_once_makes_one_member_on_sqlite() {
    an_invitation_used_at_once_makes_one_member(Backend::Sqlite).await;
}

#[tokio::test]
async fn an_invitation_used_at_once_makes_one_member_on_postgres() {
    an_invitation_used_at_once_makes_one_member(Backend::Postgres).await;
}

async fn owners_who_demote_each_other_leave_one(backend: Backend) {
    let Some((app, owner, first)) = place(backend).await else { return };
    let second = join(&app, &owner, "second@example.com", "owner").await;
    let paths = [second.id().await, first.id().await].map(|id| format!("{}/{id}", members(&owner)));

    for round in 0..10 {
        let role = json!({ "role": "member" });
        let (one, other) = tokio::join!(first.patch(&paths[0], &role), async {
            match round % 2 {
                0 => second.patch(&paths[1], &role).await,
                _ => second.delete(&paths[1]).await,
            }
        });

        let happened = [&one, &other].map(|answer| answer.status.is_success());
        assert_eq!(happened.iter().filter(|happened| **happened).count(), 1, "{happened:?}");
        let store = app.app.store();
        let rows = store.workspace(owner.workspace.parse().expect("an id")).members("", 10).await;
        let rows = rows.expect("read");
        let owners: Vec<_> = rows.iter().filter(|row| row.role == model::Role::Owner).collect();
        assert_eq!(owners.len(), 1, "{rows:?}");
        // Both are owners again.
        let mut write = store.write().await.expect("a write");
        let mut inside = write.workspace(owner.workspace.parse().expect("an id"));
        let now = model::Clock::now(&app.clock);
        for path in &paths {
            let user = path.rsplit('/').next().expect("an id").parse().expect("an id");
            if !inside.set_role(user, model::Role::Owner).await.expect("set") {
                inside.insert_member(user, model::Role::Owner, now).await.expect("joined");
            }
        }
        write.commit(now).await.expect("committed");
    }
}

#[tokio::test]
async fn owners_who_demote_each_other_leave_one_on_sqlite() {
    owners_who_demote_each_other_leave_one(Backend::Sqlite).await;
}

#[tokio::test]
async fn owners_who_demote_each_other_leave_one_on_postgres() {
    owners_who_demote_each_other_leave_one(Backend::Postgres).await;
}

#[tokio::test]
async fn the_last_owner_stays_and_only_owners_touch_owners() {
    let (app, owner, person) = sqlite().await;
    let admin = join(&app, &owner, "admin@example.com", "admin").await;
    let member = join(&app, &owner, "member@example.com", "member").await;
    let path = |id: &str| format!("{}/{id}", members(&owner));
    let [owners, admins, members_own] = [person.id().await, admin.id().await, member.id().await];
    let role = |role: &str| json!({ "role": role });

    assert_eq!(person.patch(&path(&owners), &role("admin")).await.expect(409).code(), "conflict");
    assert_eq!(person.delete(&path(&owners)).await.expect(409).code(), "conflict");
    for refused in [
        admin.patch(&path(&owners), &role("member")).await,
        admin.delete(&path(&owners)).await,
        admin.patch(&path(&admins), &role("owner")).await,
        invite(&admin, &owner, "new@example.com", "owner").await,
        member.patch(&path(&members_own), &role("admin")).await,
        member.delete(&path(&admins)).await,
        invite(&member, &owner, "new@example.com", "member").await,
        member.get(&format!("/v1/workspaces/{}/invitations", owner.workspace)).await,
    ] {
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "forbidden_role"));
    }
    person.patch(&path(&admins), &json!({ "role": "king" })).await.expect(400);
    person.patch(&path("usr_"), &role("admin")).await.expect(404);

    let promoted = admin.patch(&path(&members_own), &role("admin")).await.expect(200);
    assert_eq!((promoted.at("/user_id"), promoted.at("/role")), (members_own, "admin".to_owned()));
    person.patch(&path(&admins), &role("owner")).await.expect(200);
    admin.patch(&path(&owners), &role("member")).await.expect(200);
    assert_eq!(person.delete(&path(&admins)).await.expect(403).code(), "forbidden_role");
}

#[tokio::test]
async fn who_leaves_or_is_removed_keeps_the_session_and_leaves_the_keys() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let (owner, _) = app.ready(KEY).await;
    let person = Somebody::new(&app, &owner.session);
    let eve = join(&app, &owner, "eve@example.com", "admin").await;
    let keys = format!("/api/v1/projects/{}/api-keys", owner.project);
    let made = eve.post(&keys, &json!({ "name": "app" })).await.expect(201);
    let own = eve.post("/v1/workspaces", &json!({ "name": "own" })).await.expect(201).at("/id");
    let invited = invite(&eve, &owner, "friend@example.com", "admin").await.expect(201);

    person.delete(&format!("{}/{}", members(&owner), eve.id().await)).await.expect(204);

    eve.get(&members(&owner)).await.expect(404);
    eve.get(&format!("/v1/workspaces/{own}")).await.expect(200);
    app.chat(&made.at("/key"), &hello("gpt-4o")).await.expect(200);
    person.delete(&format!("{keys}/{}", made.at("/id"))).await.expect(204);
    app.chat(&made.at("/key"), &hello("gpt-4o")).await.expect(401);
    accept(&app, &invited.at("/token"), PASSWORD).await.expect(404);
    // A member may leave.
    let bob = join(&app, &owner, "bob@example.com", "member").await;
    bob.delete(&format!("{}/{}", members(&owner), bob.id().await)).await.expect(204);
    bob.get(&members(&owner)).await.expect(404);
}

#[tokio::test]
async fn what_is_foreign_looks_exactly_like_what_is_absent() {
    let (app, owner, person) = sqlite().await;
    let eve = join(&app, &owner, "eve@example.com", "member").await;
    let own = eve.post("/v1/workspaces", &json!({ "name": "own" })).await.expect(201).at("/id");
    let project =
        eve.get(&format!("/v1/workspaces/{own}/projects")).await.expect(200).at("/items/0/id");
    let invitation = {
        let path = format!("/v1/workspaces/{own}/members");
        let body = json!({ "email": "new@example.com", "role": "member" });
        eve.post(&path, &body).await.expect(201).at("/id")
    };
    let bob = eve.id().await;
    person.delete(&format!("{}/{bob}", members(&owner))).await.expect(204);
    let mine = &owner.workspace;
    let absent = |id: &str| format!("{}000000000000", &id[..id.len() - 12]);
    let nowhere = absent(&own);
    let mut pairs = vec![
        (Method::PATCH, String::new(), String::new()),
        (Method::DELETE, String::new(), String::new()),
        (Method::GET, format!("/projects/{project}"), format!("/projects/{project}")),
        (Method::PATCH, format!("/projects/{project}"), format!("/projects/{project}")),
        (Method::DELETE, format!("/projects/{project}"), format!("/projects/{project}")),
        (Method::GET, "/members".to_owned(), "/members".to_owned()),
        (Method::POST, "/members".to_owned(), "/members".to_owned()),
        (Method::PATCH, format!("/members/{bob}"), format!("/members/{bob}")),
        (Method::DELETE, format!("/members/{bob}"), format!("/members/{bob}")),
        (Method::GET, "/invitations".to_owned(), "/invitations".to_owned()),
        (
            Method::DELETE,
            format!("/invitations/{invitation}"),
            format!("/invitations/{invitation}"),
        ),
    ];
    for (_, foreign, missing) in &mut pairs {
        *foreign = format!("/v1/workspaces/{own}{foreign}");
        *missing = format!("/v1/workspaces/{nowhere}{missing}");
    }
    // Another's things under one's own workspace.
    for (method, family, id) in [
        (Method::GET, "projects", &project),
        (Method::PATCH, "projects", &project),
        (Method::DELETE, "projects", &project),
        (Method::PATCH, "members", &bob),
        (Method::DELETE, "members", &bob),
        (Method::DELETE, "invitations", &invitation),
    ] {
        let path = |id: &str| format!("/v1/workspaces/{mine}/{family}/{id}");
        pairs.push((method, path(id), path(&absent(id))));
    }

    for (method, foreign, missing) in pairs {
        let body = json!({ "role": "member" });
        let body = if foreign.contains("/members/") { body } else { json!({}) };
        let text = |answer: Whole| {
            answer.text().replace(answer.header("x-keystile-request-id").expect("id"), "")
        };
        let one = person.call(method.clone(), &foreign, &body).await;
        assert_eq!(one.status.as_u16(), 404, "{method} {foreign}: {}", one.text());
        let other = person.call(method.clone(), &missing, &body).await;
        assert_eq!(text(one), text(other), "{method} {foreign}");
    }
    eve.get(&format!("/v1/workspaces/{own}/projects/{project}")).await.expect(200);
}

#[tokio::test]
async fn the_operator_founds_a_workspace_for_somebody_else() {
    let (app, _owner, operator) = sqlite().await;
    let path = "/v1/operator/workspaces";
    let body = json!({ "name": "tenant", "owner_email": "eve@example.com", "plan": "core" });
    let send = || {
        let call = app.api.post(path, &body).bearer(&operator.token);
        call.header("idempotency-key", "once").whole()
    };

    let (made, again) = (send().await.expect(201), send().await.expect(201));

    assert_eq!((made.at("/name"), made.at("/plan")), ("tenant".to_owned(), "core".to_owned()));
    assert_eq!(made.at("/invitation/role"), "owner");
    assert_eq!(made.at("/id"), again.at("/id"));
    assert!(!again.text().contains(&made.at("/invitation/token")), "{}", again.text());
    let id = made.at("/id");
    let inside = format!("/v1/workspaces/{id}");
    operator.get(&inside).await.expect(404);
    let joined = accept(&app, &made.at("/invitation/token"), PASSWORD).await.expect(201);
    let eve = Somebody::new(&app, &joined.at("/token"));
    let seen = eve.get(&inside).await.expect(200).json();
    assert_eq!((&seen["role"], &seen["plan"]), (&json!("owner"), &json!("core")));
    for bad in [
        json!({ "name": "x", "owner_email": "eve@example.com", "plan": "gold" }),
        json!({ "name": "x", "owner_email": "nobody" }),
        json!({ "name": "", "owner_email": "eve@example.com" }),
        json!({ "name": "x" }),
    ] {
        operator.post(path, &bad).await.expect(400);
    }
}

#[tokio::test]
async fn the_operator_sees_all_workspaces_page_by_page_and_sets_plans() {
    let (app, owner, operator) = sqlite().await;
    for n in 0..4 {
        app.clock.advance(Duration::from_secs(1));
        operator.post("/v1/workspaces", &json!({ "name": format!("w{n}") })).await.expect(201);
    }
    let path = "/v1/operator/workspaces";

    let mut names = Vec::new();
    let mut cursor = String::new();
    for _ in 0..3 {
        let page = operator.get(&format!("{path}?limit=2{cursor}")).await.expect(200).json();
        let items = page["items"].as_array().expect("items");
        names.extend(items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()));
        cursor =
            page["next_cursor"].as_str().map_or(String::new(), |after| format!("&cursor={after}"));
    }
    assert_eq!(names, ["acme", "w0", "w1", "w2", "w3"]);
    assert_eq!(cursor, "");

    let one = format!("{path}/{}", owner.workspace);
    let shown = operator.get(&one).await.expect(200);
    assert_eq!(shown.at("/plan"), "self_hosted");
    let tag = shown.header("etag").expect("a version").to_owned();
    let change =
        |body: Value| app.api.call(Method::PATCH, &one).json(&body).bearer(&operator.token);
    let body = json!({ "plan": "starter", "name": "renamed" });
    let changed = change(body).header("if-match", &tag).whole().await.expect(200);
    assert_eq!(
        (changed.at("/plan"), changed.at("/name")),
        ("starter".to_owned(), "renamed".to_owned())
    );
    let late = change(json!({ "plan": "pro" })).header("if-match", &tag).whole().await.expect(412);
    assert_eq!(late.code(), "version_conflict");
    change(json!({ "plan": "gold" })).whole().await.expect(400);
    change(json!({ "role": "owner" })).whole().await.expect(400);
    change(json!({ "name": null })).whole().await.expect(400);
    assert_eq!(
        change(json!({ "plan": null })).whole().await.expect(200).at("/plan"),
        "self_hosted"
    );
    let reserved = format!("{path}/ws_{}", "0".repeat(32));
    operator.get(&reserved).await.expect(404);
    operator.patch(&reserved, &json!({ "plan": "pro" })).await.expect(404);
}

#[tokio::test]
async fn the_operator_sees_the_plans_and_the_nodes() {
    let (app, _owner, operator) = sqlite().await;

    let plans = operator.get("/v1/operator/plans").await.expect(200).json();
    let nodes = operator.get("/v1/operator/nodes").await.expect(200).json();

    let names: Vec<_> =
        plans["items"].as_array().expect("items").iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["business", "core", "pro", "self_hosted", "starter"]);
    let starter = &plans["items"][4];
    assert_eq!((&starter["byok"], &starter["pool_tiers"]), (&json!(false), &json!(["economical"])));
    assert_eq!(plans["items"][3]["is_default"], true);
    let node = &nodes["items"][0];
    assert!(node["id"].as_str().expect("an id").starts_with("node_"), "{nodes}");
    assert_eq!((&node["master_keys"], &node["is_alive"]), (&json!([1]), &json!(true)));
    assert_eq!(nodes["items"].as_array().expect("items").len(), 1);
    app.clock.advance(Duration::from_secs(3600));
    let later = operator.get("/v1/operator/nodes").await.expect(200).json();
    assert_eq!(later["items"][0]["seen_at"], node["seen_at"]);
    assert_eq!(later["items"][0]["is_alive"], false);
}

#[tokio::test]
async fn only_the_operator_operates() {
    let (app, owner, _operator) = sqlite().await;
    let eve = join(&app, &owner, "eve@example.com", "owner").await;

    let one = format!("/v1/operator/workspaces/{}", owner.workspace);
    for (method, path) in [
        (Method::GET, "/v1/operator/workspaces"),
        (Method::POST, "/v1/operator/workspaces"),
        (Method::GET, one.as_str()),
        (Method::PATCH, one.as_str()),
        (Method::GET, "/v1/operator/plans"),
        (Method::GET, "/v1/operator/nodes"),
    ] {
        let refused = eve.call(method.clone(), path, &json!({})).await.expect(403);
        assert_eq!(refused.code(), "forbidden_role", "{method} {path}");
        app.api.call(method, path).whole().await.expect(401);
    }
}

#[tokio::test]
async fn a_plan_without_byok_refuses_keys_of_ones_own() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let owner = app.set_up().await;
    let operator = Somebody::new(&app, &owner.session);
    let path = format!("/v1/operator/workspaces/{}", owner.workspace);
    operator.patch(&path, &json!({ "plan": "starter" })).await.expect(200);
    let body = json!({ "provider": "openai", "api_key": KEY });

    let refused = app.add_provider_key(&owner, &body).await.expect(403);

    assert_eq!(refused.code(), "plan_forbids");
    assert!(refused.at("/error/message").contains("starter"));
    assert_eq!(fake.requests().len(), 0, "it is not even tried");
    let key = app.gateway_key(&owner, &json!({ "name": "k" })).await.expect(201).at("/key");
    let me = app.api.get("/v1/me").bearer(&key).whole().await.expect(200);
    assert_eq!(me.at("/tier"), "starter");
    operator.patch(&path, &json!({ "plan": "core" })).await.expect(200);
    app.add_provider_key(&owner, &body).await.expect(201);
}
