//! Endpoints of one's own: made with an address and a name, for a workspace or for one of its projects.

use serde_json::{Value, json};
use server::config::Layer;
use testkit::fake::{FakeProvider, Reply};
use testkit::{Options, TestApp};

use super::{FIRST, SECOND, Site};

async fn with_egress() -> Site {
    let fake = FakeProvider::start().await;
    let layer = Layer {
        egress_allow: Some(vec![format!("127.0.0.1/32:{}", fake.port())]),
        ..Layer::default()
    };
    let options = Options { layer, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let owner = app.set_up().await;
    Site { app, fake, owner }
}

impl Site {
    fn endpoint(&self, more: Value) -> Value {
        let mut body = json!({ "provider": "custom", "base_url": self.fake.base_url() });
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        body
    }
}

#[tokio::test]
async fn an_endpoint_shows_its_name_and_address() {
    let site = with_egress().await;

    let body = site.endpoint(json!({ "name": "my-vllm_2", "api_key": FIRST }));
    let made = site.create(body).await.expect(201);

    assert_eq!(made.at("/provider"), "custom");
    assert_eq!(made.at("/name"), "my-vllm_2");
    assert_eq!(made.at("/base_url"), site.fake.base_url());
    assert_eq!(made.at("/health_status"), "healthy");
    assert_eq!(made.json().get("project_id"), None);
    assert_eq!(site.fake.last_request().bearer(), Some(FIRST));
    site.fake.next_probe(Reply::json(&json!({ "object": "list", "data": [] })));
    let open = site.endpoint(json!({ "name": "open" }));
    let open = site.create(open).await.expect(201);
    assert_eq!(open.at("/key_prefix"), "", "it needs none");
}

#[tokio::test]
async fn a_name_is_one_that_a_model_can_be_addressed_by() {
    let site = with_egress().await;

    for name in [
        "",
        "My-vllm",
        "a/b",
        "a.b",
        "a b",
        "é",
        "openai",
        "grok",
        "custom",
        "ollama",
        &"a".repeat(65),
    ] {
        let body = site.endpoint(json!({ "name": name, "api_key": FIRST }));
        let refused = site.create(body).await.expect(400);
        assert_eq!(refused.at("/error/param"), "name", "{name}");
    }
    let body = json!({ "provider": "openai", "name": "mine", "api_key": FIRST });
    assert_eq!(site.create(body).await.expect(400).at("/error/param"), "name");
    assert_eq!(site.fake.requests().len(), 0);
}

#[tokio::test]
async fn a_name_is_taken_once_in_a_workspace_and_once_in_each_project() {
    let site = with_egress().await;
    let named = |more: Value| {
        let mut body = site.endpoint(json!({ "name": "llama", "api_key": FIRST }));
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        site.create(body)
    };
    let project = json!({ "project_id": site.owner.project });

    named(json!({})).await.expect(201);
    let own = named(project.clone()).await.expect(201);

    assert_eq!(own.at("/project_id"), site.owner.project);
    assert_eq!(own.json()["is_default"], false);
    for more in [json!({}), project] {
        let taken = named(more).await.expect(409);
        assert_eq!((taken.code(), taken.at("/error/param")), ("conflict".into(), "name".into()));
    }
    assert_eq!(site.listed().await.len(), 2, "those of projects are listed here too");
    let byok = format!("/api/v1/projects/{}/byok-keys", site.owner.project);
    assert_eq!(site.get(&byok).await.expect(200).json()["items"], json!([]));
    let path = format!("{}/{}/set-default", site.keys(), own.at("/id"));
    assert_eq!(site.press(&path).await.expect(409).code(), "conflict");
}

#[tokio::test]
async fn a_project_that_is_not_the_workspaces_is_refused_whoevers_it_is() {
    let site = with_egress().await;
    let other = site.post("/v1/workspaces", json!({ "name": "other" })).await.expect(201);
    let projects = format!("/v1/workspaces/{}/projects", other.at("/id"));
    let foreign = site.get(&projects).await.expect(200).at("/items/0/id");
    let absent = format!("{}000000000000", &foreign[..foreign.len() - 12]);

    let mut answers = Vec::new();
    for project in [foreign, absent] {
        let body = site.endpoint(json!({ "name": "llama", "project_id": project }));
        let refused = site.create(body).await.expect(400);
        answers.push(refused.at("/error/message"));
    }
    assert_eq!(answers[0], answers[1]);
    let body = json!({ "provider": "openai", "api_key": FIRST, "project_id": site.owner.project });
    let refused = site.create(body).await.expect(400);
    assert!(refused.at("/error/message").contains("byok-keys/openai"), "{}", refused.text());
    assert_eq!(site.fake.requests().len(), 0);
}

#[tokio::test]
async fn an_endpoints_key_is_replaced_and_asked_about_where_it_was_made_for() {
    let site = with_egress().await;
    let body = site.endpoint(json!({ "name": "llama", "api_key": FIRST }));
    let made = site.create(body).await.expect(201);
    let path = format!("{}/{}", site.keys(), made.at("/id"));

    let put = site.put(&format!("{path}/secret"), json!({ "api_key": SECOND })).await.expect(200);
    assert_eq!(put.at("/health_status"), "healthy");
    let found = site.press(&format!("{path}/validate")).await.expect(200);

    assert_eq!(found.at("/health_status"), "healthy");
    assert_eq!(site.fake.last_request().bearer(), Some(SECOND));
}
