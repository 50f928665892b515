//! Who may call what: every operation of the OpenAPI document, with every kind of credential. An operation without a row
//! here fails, and so does a row without an operation.

mod rows;

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use server::config::Layer;
use testkit::app::{EMAIL, PASSWORD};
use testkit::fake::FakeProvider;
use testkit::http::Whole;
use testkit::{Options, Owner, TestApp};

use crate::openapi::{document, operations};
use rows::{Need, ROWS, Reach};

/// Every kind of caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Garbage,
    Expired,
    Revoked,
    /// The owner of another workspace.
    Foreign,
    Member,
    Admin,
    /// Who is also the operator.
    Owner,
    /// A gateway key of the workspace, with every scope.
    WorkspaceKey,
    /// A gateway key with every scope, of another project.
    OtherProjectsKey,
    /// A gateway key of the project, for inference only.
    WeakKey,
}

const EVERYBODY: [Who; 11] = [
    Who::Nobody,
    Who::Garbage,
    Who::Expired,
    Who::Revoked,
    Who::Foreign,
    Who::Member,
    Who::Admin,
    Who::Owner,
    Who::WorkspaceKey,
    Who::OtherProjectsKey,
    Who::WeakKey,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Whatever comes is not about who asks.
    Allowed,
    /// As if it did not exist.
    Hidden,
    Refused(u16, &'static str),
}

fn verdict(need: Need, who: Who) -> Verdict {
    use Verdict::{Allowed, Hidden, Refused};
    let person = matches!(who, Who::Foreign | Who::Member | Who::Admin | Who::Owner);
    let key = matches!(who, Who::WorkspaceKey | Who::OtherProjectsKey | Who::WeakKey);
    match need {
        Need::Nothing => Allowed,
        Need::Key if key => Allowed,
        Need::Key => Refused(401, "invalid_api_key"),
        _ if !person && !key => Refused(401, "invalid_session"),
        Need::Anybody => Allowed,
        Need::Scope { reach, is_write, members_may } => match who {
            Who::Foreign => Hidden,
            Who::Member if is_write && !members_may => Refused(403, "forbidden_role"),
            Who::WeakKey if reach == Reach::Workspace => Hidden,
            Who::WeakKey => Refused(403, "missing_scope"),
            Who::OtherProjectsKey if reach == Reach::WholeTenant => Refused(403, "missing_scope"),
            Who::OtherProjectsKey if reach != Reach::Tenant => Hidden,
            _ => Allowed,
        },
        _ if key => Refused(401, "invalid_session"),
        Need::Person => Allowed,
        Need::Operator if who == Who::Owner => Allowed,
        Need::Operator => Refused(403, "forbidden_role"),
        Need::Member | Need::Writer | Need::Owner if who == Who::Foreign => Hidden,
        Need::Writer | Need::Owner if who == Who::Member => Refused(403, "forbidden_role"),
        Need::Owner if who == Who::Admin => Refused(403, "forbidden_role"),
        Need::Member | Need::Writer | Need::Owner => Allowed,
    }
}

struct Site {
    app: TestApp,
    _fake: FakeProvider,
    owner: Owner,
    tokens: Vec<(Who, Option<String>)>,
}

impl Site {
    async fn open() -> Self {
        let fake = FakeProvider::start().await;
        let layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
        let providers = vec![("openai".to_owned(), fake.base_url())];
        let options = Options { providers, layer, ..Options::default() };
        let app = TestApp::start_with(options).await.expect("SQLite");
        let mut owner = app.set_up().await;
        let expired = owner.session.clone();
        app.clock.advance(Duration::from_secs(12 * 3600 + 1));
        owner.session = sign_in(&app, EMAIL).await;
        let revoked = sign_in(&app, EMAIL).await;
        app.api.delete("/v1/sessions/current").bearer(&revoked).whole().await.expect(204);

        let members = format!("/v1/workspaces/{}/members", owner.workspace);
        let join = async |email: &str, role: &str| {
            let body = json!({ "email": email, "role": role });
            let invited = app.api.post(&members, &body).bearer(&owner.session).whole().await;
            let path = format!("/v1/invitations/{}", invited.expect(201).at("/token"));
            let joined = app.api.post(&path, &json!({ "password": PASSWORD })).whole().await;
            joined.expect(201).at("/token")
        };
        let (member, admin) = (join("m@x.y", "member").await, join("a@x.y", "admin").await);
        let foreign = foreign(&app, &owner).await;

        let projects = format!("/v1/workspaces/{}/projects", owner.workspace);
        let other = app.api.post(&projects, &json!({ "name": "other" })).bearer(&owner.session);
        let other = other.whole().await.expect(201).at("/id");
        let make = async |path: String, scopes: Value| {
            let body = json!({ "name": "k", "scopes": scopes });
            let made = app.api.post(&path, &body).bearer(&owner.session).whole().await;
            Some(made.expect(201).at("/key"))
        };
        let of_project = |id: &str| format!("/api/v1/projects/{id}/api-keys");
        let of_workspace = format!("/v1/workspaces/{}/api-keys", owner.workspace);
        let tokens = vec![
            (Who::Nobody, None),
            (Who::Garbage, Some("eyJhbGciOiJub25lIn0.e30.".to_owned())),
            (Who::Expired, Some(expired)),
            (Who::Revoked, Some(revoked)),
            (Who::Foreign, Some(foreign)),
            (Who::Member, Some(member)),
            (Who::Admin, Some(admin)),
            (Who::Owner, Some(owner.session.clone())),
            (Who::WorkspaceKey, make(of_workspace, json!(["*"])).await),
            (Who::OtherProjectsKey, make(of_project(&other), json!(["*"])).await),
            (Who::WeakKey, make(of_project(&owner.project), json!(["inference"])).await),
        ];
        Self { app, _fake: fake, owner, tokens }
    }

    async fn call(&self, who: Who, method: &str, path: &str, tenant: &str) -> Whole {
        let (_, token) = self.tokens.iter().find(|(one, _)| *one == who).expect("somebody");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut call = self.app.api.call(method.clone(), path).header("x-tenant-id", tenant);
        if method != Method::GET && method != Method::DELETE {
            call = call.json(&json!({}));
        }
        if let Some(token) = token {
            call = call.bearer(token);
        }
        call.whole().await
    }

    /// The path with what exists, or with what nobody has.
    fn fill(&self, path: &str, exists: bool) -> String {
        let nil = "00000000000000000000000000000000";
        let owner = &self.owner;
        let (workspace, project) = match exists {
            true => (owner.workspace.clone(), owner.project.clone()),
            false => (format!("ws_{nil}"), format!("prj_{nil}")),
        };
        let id = match path {
            path if path.contains("api-keys") => format!("gk_{nil}"),
            path if path.contains("/projects/") => format!("prj_{nil}"),
            path if path.contains("invitations") => format!("inv_{nil}"),
            path if path.contains("/requests/") => format!("req_{nil}"),
            _ => format!("pk_{nil}"),
        };
        path.replace("{workspace}", &workspace)
            .replace("{project}", &project)
            .replace("{id}", &id)
            .replace("{user}", &format!("usr_{nil}"))
            .replace("{model}", "gpt-4o:generateContent")
            .replace("{provider}", "openai")
            .replace("{name}", "absent")
            .replace("{token}", "absent")
    }
}

async fn sign_in(app: &TestApp, email: &str) -> String {
    let body = json!({ "email": email, "password": PASSWORD });
    app.api.post("/v1/sessions", &body).whole().await.expect(201).at("/token")
}

/// Invited by the operator as the owner of a workspace of their own.
async fn foreign(app: &TestApp, operator: &Owner) -> String {
    let body = json!({ "name": "elsewhere", "owner_email": "f@x.y" });
    let made = app.api.post("/v1/operator/workspaces", &body).bearer(&operator.session).whole();
    let path = format!("/v1/invitations/{}", made.await.expect(201).at("/invitation/token"));
    let joined = app.api.post(&path, &json!({ "password": PASSWORD })).whole().await;
    joined.expect(201).at("/token")
}

#[tokio::test]
async fn every_operation_is_for_whom_it_is_meant() {
    let site = Site::open().await;
    let document = document(&site.app).await;
    let mut unused: BTreeSet<&str> = ROWS.iter().map(|(name, _)| *name).collect();
    let mut tried = 0;

    for (method, path) in operations(&document) {
        let name = format!("{method} {path}");
        let row = ROWS.iter().find(|(row, _)| *row == name);
        let (row, need) =
            row.unwrap_or_else(|| panic!("{name} has no row in authorization/rows.rs"));
        unused.remove(row);
        for who in EVERYBODY {
            let verdict = verdict(*need, who);
            if verdict == Verdict::Allowed && DESTRUCTIVE.contains(&name.as_str()) {
                continue;
            }
            check(&site, who, &method, &path, verdict).await;
            tried += 1;
        }
    }

    assert!(unused.is_empty(), "no such operations: {unused:?}");
    assert!(tried > 900, "{tried}");
}

/// They would end what the other rows need.
const DESTRUCTIVE: [&str; 2] = ["DELETE /v1/sessions/current", "DELETE /v1/workspaces/{workspace}"];

async fn check(site: &Site, who: Who, method: &str, path: &str, verdict: Verdict) {
    let answer = site.call(who, method, &site.fill(path, true), &site.owner.workspace).await;
    let status = answer.status.as_u16();
    let what = format!("{who:?}: {method} {path}: {status} {}", answer.text());
    match verdict {
        Verdict::Allowed => {
            // Nobody has given the workspace a provider key: that is no matter of rights.
            let keyless = status == 403 && answer.code() == "no_provider_key";
            assert!(keyless || !matches!(status, 401 | 403) && status < 500, "{what}");
            let names_an_item = ["{id}", "{user}", "{name}", "{token}", "{provider}"]
                .iter()
                .any(|it| path.contains(it));
            assert!(status != 404 || names_an_item, "{what}");
        }
        Verdict::Refused(expected, code) => {
            assert_eq!((status, answer.code().as_str()), (expected, code), "{what}");
        }
        Verdict::Hidden => {
            assert_eq!(status, 404, "{what}");
            let nil = "ws_00000000000000000000000000000000";
            let absent = site.call(who, method, &site.fill(path, false), nil).await;
            assert_eq!(anonymous(&answer), anonymous(&absent), "{what}");
        }
    }
}

/// An answer without what differs from request to request.
fn anonymous(answer: &Whole) -> (u16, Vec<String>, Value) {
    let mut body = answer.json();
    body.as_object_mut().expect("an object").remove("request_id");
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !name.as_str().ends_with("request-id") && name.as_str() != "date");
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    (answer.status.as_u16(), headers, body)
}
