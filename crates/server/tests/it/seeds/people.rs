//! Who calls: people with sessions, applications with gateway keys, and the workspaces they share. What they say is
//! what the documents say; nothing here knows what the answer should be, but for what every test needs first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use testkit::app::PASSWORD;
use testkit::hello;
use testkit::http::{Client, Whole};

/// One credential, and the workspace its calls name, if any.
#[derive(Clone)]
pub struct Caller {
    api: Client,
    token: String,
    tenant: Option<String>,
}

impl Caller {
    pub fn new(api: &Client, token: &str) -> Self {
        Self { api: api.clone(), token: token.to_owned(), tenant: None }
    }

    /// The same, with `X-Tenant-Id`.
    pub fn in_tenant(&self, workspace: &str) -> Self {
        Self { tenant: Some(workspace.to_owned()), ..self.clone() }
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn get(&self, path: &str) -> Whole {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Whole {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Whole {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Whole {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Whole {
        self.call(Method::DELETE, path, None).await
    }

    /// Without a body, as the documents' curl does it.
    pub async fn press(&self, path: &str) -> Whole {
        self.call(Method::POST, path, None).await
    }

    pub async fn chat(&self, model: &str) -> Whole {
        self.post("/v1/chat/completions", hello(model)).await
    }

    /// A chat with wishes.
    pub async fn chat_routed(&self, model: &str, routing: Value) -> Whole {
        let mut body = hello(model);
        body["routing"] = routing;
        self.post("/v1/chat/completions", body).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Whole {
        let mut call = self.api.call(method, path).bearer(&self.token);
        if let Some(tenant) = &self.tenant {
            call = call.header("x-tenant-id", tenant);
        }
        if let Some(body) = body {
            call = call.json(&body);
        }
        call.whole().await
    }
}

/// A tenant of its own for one test.
pub struct Workspace {
    pub id: String,
    /// The one named `default`.
    pub project: String,
    /// Owns it and has done nothing else yet: the limit of twenty a minute is untouched.
    pub owner: Caller,
    operator: Caller,
}

impl Workspace {
    pub async fn found(operator: Caller) -> Self {
        let made = operator.post("/v1/workspaces", json!({ "name": "acme" })).await.expect(201);
        let id = made.at("/id");
        let owner = join(&operator, &id, "owner").await;
        let projects = owner.get(&format!("/v1/workspaces/{id}/projects")).await.expect(200);
        Self { project: projects.at("/items/0/id"), id, owner, operator }
    }

    /// Somebody new, by invitation.
    pub async fn join(&self, role: &str) -> Caller {
        join(&self.owner, &self.id, role).await
    }

    pub async fn set_plan(&self, plan: &str) -> Whole {
        let path = format!("/v1/operator/workspaces/{}", self.id);
        self.operator.patch(&path, json!({ "plan": plan })).await.expect(200)
    }

    pub async fn new_project(&self, name: &str) -> String {
        let made = self.owner.post(&self.path("projects"), json!({ "name": name })).await;
        made.expect(201).at("/id")
    }

    /// `/v1/workspaces/{ws}/...`
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}/{rest}", self.id)
    }

    pub fn provider_key(&self, id: &str) -> String {
        self.path(&format!("provider-keys/{id}"))
    }

    /// The owner, as the routes for secrets want it.
    pub fn tenant(&self) -> Caller {
        self.owner.in_tenant(&self.id)
    }

    pub async fn try_provider_key(&self, body: Value) -> Whole {
        self.owner.post(&self.path("provider-keys"), body).await
    }

    /// Stored, or the test ends here.
    pub async fn add_provider_key(&self, provider: &str, key: &str) -> Whole {
        self.try_provider_key(json!({ "provider": provider, "api_key": key })).await.expect(201)
    }

    pub async fn provider_keys(&self) -> Vec<Value> {
        items(&self.owner.get(&self.path("provider-keys")).await.expect(200))
    }

    /// A gateway key of the default project.
    pub async fn application(&self, mut body: Value) -> Caller {
        body["name"] = json!("an application");
        self.caller_with(&api_keys(&self.project), body).await
    }

    /// A gateway key of the whole workspace.
    pub async fn tenant_key(&self, mut body: Value) -> Caller {
        body["name"] = json!("a tenant's key");
        self.caller_with(&self.path("api-keys"), body).await
    }

    async fn caller_with(&self, path: &str, body: Value) -> Caller {
        let made = self.owner.post(path, body).await.expect(201);
        Caller::new(&self.owner.api, &made.at("/key"))
    }

    /// A gateway key of one of its projects.
    pub async fn key_of(&self, project: &str, scopes: &[&str]) -> Caller {
        let body = json!({ "name": "a project's key", "scopes": scopes });
        self.caller_with(&api_keys(project), body).await
    }
}

/// Invited by a link, with a password of one's own.
async fn join(host: &Caller, workspace: &str, role: &str) -> Caller {
    static PEOPLE: AtomicUsize = AtomicUsize::new(0);
    let email = format!("person-{}@example.com", PEOPLE.fetch_add(1, Ordering::Relaxed));
    let path = format!("/v1/workspaces/{workspace}/members");
    let invited = host.post(&path, json!({ "email": email, "role": role })).await.expect(201);
    let path = format!("/v1/invitations/{}", invited.at("/token"));
    let accepted = host.api.post(&path, &json!({ "password": PASSWORD })).whole().await;
    Caller::new(&host.api, &accepted.expect(201).at("/token"))
}

pub fn api_keys(project: &str) -> String {
    format!("/api/v1/projects/{project}/api-keys")
}

pub fn byok_keys(project: &str) -> String {
    format!("/api/v1/projects/{project}/byok-keys")
}

pub fn byok_key(project: &str, provider: &str) -> String {
    format!("/api/v1/projects/{project}/byok-keys/{provider}")
}

/// The documents name no status for a `PUT` that stores: any success will do.
#[track_caller]
pub fn stored(answer: Whole) -> Whole {
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    answer
}

#[track_caller]
pub fn items(list: &Whole) -> Vec<Value> {
    let json = list.json();
    json["items"].as_array().unwrap_or_else(|| panic!("no list: {json}")).clone()
}

/// The one element that has this value in this field.
#[track_caller]
pub fn only<'a>(items: &'a [Value], field: &str, value: &str) -> &'a Value {
    let found: Vec<_> = items.iter().filter(|item| item[field] == value).collect();
    let [one] = found.as_slice() else { panic!("not one with {field} {value}: {items:?}") };
    one
}

pub fn fields(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[track_caller]
pub fn has_fields(object: &Value, names: &[&str]) {
    for name in names {
        assert!(object.get(name).is_some(), "no {name}: {object}");
    }
}

/// An id of the same kind that nobody has.
pub fn absent(id: &str) -> String {
    format!("{}000000000000", &id[..id.len() - 12])
}

/// What two answers must share to be the same: all but the request's id.
pub fn faceless(answer: &Whole) -> (u16, String) {
    let id = answer.header("x-keystile-request-id").expect("every answer has an id");
    (answer.status.as_u16(), answer.text().replace(id, ""))
}

/// As the gateway's clock has it, which is this machine's.
pub fn now() -> model::Timestamp {
    model::Clock::now(&model::clock::SystemClock)
}

pub fn time(value: &Value) -> model::Timestamp {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

const SOON: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// Waits for what must come, and fails loudly if it does not.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let waited = tokio::time::timeout(SOON, looking).await;
    waited.unwrap_or_else(|_| panic!("not in {SOON:?}: {what}"))
}
