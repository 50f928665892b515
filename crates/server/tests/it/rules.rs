//! What settings allow, on the very next request: models, data policies, whose keys, the plan. The narrower counts.

use serde_json::{Value, json};
use testkit::fake::FakeProvider;
use testkit::http::Whole;
use testkit::{Owner, TestApp, hello};

const KEY: &str = "sk-good-1234567890";
const MODEL: &str = "openai/gpt-5.4-mini";

struct Site {
    app: TestApp,
    _fake: FakeProvider,
    owner: Owner,
    key: String,
}

impl Site {
    async fn open() -> Self {
        let fake = FakeProvider::start().await;
        let app = TestApp::start(&fake).await;
        let (owner, key) = app.ready(KEY).await;
        Self { app, _fake: fake, owner, key }
    }

    async fn chat(&self) -> Whole {
        self.app.chat(&self.key, &hello(MODEL)).await
    }

    async fn patch(&self, path: &str, body: Value) {
        let path = format!("/v1/workspaces/{}{path}", self.owner.workspace);
        self.app.api.patch(&path, &body).bearer(&self.owner.session).whole().await.expect(200);
    }

    async fn models(&self) -> Vec<String> {
        let list = self.app.api.get("/v1/models").bearer(&self.key).whole().await.expect(200);
        let list = list.json()["data"].as_array().expect("data").clone();
        list.iter().map(|model| model["id"].as_str().expect("an id").to_owned()).collect()
    }

    async fn provider_key(&self) -> String {
        let path = format!("/v1/workspaces/{}/provider-keys", self.owner.workspace);
        let list = self.app.api.get(&path).bearer(&self.owner.session).whole().await.expect(200);
        list.at("/items/0/id")
    }
}

#[tokio::test]
async fn a_model_must_be_allowed_by_workspace_project_key_and_provider_key() {
    let site = Site::open().await;
    let provider_key = format!("/provider-keys/{}", site.provider_key().await);
    let project = format!("/projects/{}", site.owner.project);
    for place in ["", &project, &provider_key] {
        site.patch(place, json!({ "allowed_models": ["openai/gpt-5.4"] })).await;

        let refused = site.chat().await.expect(403);
        assert_eq!(refused.code(), "model_not_allowed", "{place}");
        assert_eq!(site.models().await, ["openai/gpt-5.4"], "what is listed is what is served");

        site.patch(place, json!({ "allowed_models": null })).await;
        site.chat().await.expect(200);
    }
    assert!(site.models().await.len() > 1);
}

#[tokio::test]
async fn the_strictest_data_policy_counts_and_a_key_may_attest_a_contract() {
    let site = Site::open().await;
    let project = format!("/projects/{}", site.owner.project);
    for place in ["", &project] {
        site.patch(place, json!({ "data_policy": "zdr" })).await;

        let refused = site.chat().await.expect(403);
        assert_eq!(refused.code(), "data_policy_unsatisfied");
        assert!(refused.text().contains("zdr"), "{}", refused.text());
        assert!(site.models().await.is_empty());

        site.patch(place, json!({ "data_policy": null })).await;
        site.chat().await.expect(200);
    }
    site.patch("", json!({ "data_policy": "zdr" })).await;
    let key = format!("/provider-keys/{}", site.provider_key().await);
    site.patch(&key, json!({ "data_policy": "zdr" })).await;
    site.chat().await.expect(200);
}

#[tokio::test]
async fn a_project_may_leave_the_workspaces_keys_alone() {
    let site = Site::open().await;
    let project = format!("/projects/{}", site.owner.project);
    site.patch(&project, json!({ "use_workspace_keys": false })).await;

    let refused = site.chat().await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert!(refused.text().contains("use_workspace_keys"), "{}", refused.text());

    let byok = format!("/api/v1/projects/{}/byok-keys/openai", site.owner.project);
    let body = json!({ "api_key": "sk-of-the-project-1234" });
    site.app.api.put(&byok, &body).bearer(&site.owner.session).whole().await.expect(200);
    site.chat().await.expect(200);
}

#[tokio::test]
async fn a_plan_without_keys_of_ones_own_leaves_them_unused() {
    let site = Site::open().await;
    let path = format!("/v1/operator/workspaces/{}", site.owner.workspace);
    let plan = |name: &str| {
        site.app.api.patch(&path, &json!({ "plan": name })).bearer(&site.owner.session).whole()
    };

    plan("starter").await.expect(200);
    assert_eq!(site.chat().await.expect(403).code(), "plan_forbids");
    plan("core").await.expect(200);
    site.chat().await.expect(200);
}
