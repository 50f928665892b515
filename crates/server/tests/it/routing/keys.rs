//! Which key pays: the one that is pinned, else the project's, else the workspace's default, else its others.

use http::Method;
use serde_json::{Value, json};

use super::site::{Site, routed};

const MODEL: &str = "openai/gpt-4o";

fn pinned(id: &str) -> Value {
    routed(MODEL, json!({ "provider_key": id }))
}

#[tokio::test]
async fn the_projects_key_comes_first_then_the_workspaces_default_then_its_others() {
    let site = Site::open().await;
    site.own("openai", "oldest").await;
    let default = site.own("openai", "default").await;
    site.own("openai", "newest").await;
    let path =
        format!("/v1/workspaces/{}/provider-keys/{default}/set-default", site.owner.workspace);
    site.call(Method::POST, &path, &json!({})).await.expect(200);

    site.next_fail(2);
    site.chat(MODEL).await.expect(200);
    let workspaces = ["openai/gpt-4o default", "openai/gpt-4o oldest", "openai/gpt-4o newest"];
    assert_eq!(site.called(), workspaces);

    site.of_project("openai", "mine").await;
    site.next_fail(2);
    site.chat(MODEL).await.expect(200);
    let all = ["openai/gpt-4o mine", "openai/gpt-4o default", "openai/gpt-4o oldest"];
    assert_eq!(site.called(), all);
}

#[tokio::test]
async fn a_pinned_key_pays_or_nobody_does() {
    let site = Site::open().await;
    site.own("openai", "default").await;
    let other = site.own("openai", "other").await;
    site.platform("openai", "pool").await;

    site.ask(&pinned(&other)).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o other"]);
    let named = [("x-keystile-provider-key", other.as_str())];
    site.ask_with(&routed(MODEL, json!({})), &named).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o other"]);

    site.next_fail(1);
    let refused = site.ask(&pinned(&other)).await.expect(429);
    assert_eq!(refused.code(), "upstream_rate_limited");
    assert_eq!(site.called(), ["openai/gpt-4o other"]);

    site.change_key(&other, json!({ "is_active": false })).await;
    let refused = site.ask(&pinned(&other)).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn a_pin_reaches_no_further_than_the_caller() {
    let site = Site::open().await;
    site.own("openai", "mine").await;
    let pool = site.platform("openai", "pool").await;
    let project = site.another_project(&site.owner.workspace, "other").await;
    let path = format!("/api/v1/projects/{project}/byok-keys/openai");
    let body = json!({ "api_key": "sk-theirs-0123456789", "label": "theirs", "validate_before_save": false });
    site.call(Method::PUT, &path, &body).await.expect(200);
    let theirs = site.id("theirs").await.to_string();
    let absent = format!("pk_{:032x}", 1);
    let told = async |id: &str| {
        let refused = site.ask(&pinned(id)).await.expect(403);
        let mut json = refused.json();
        json.as_object_mut().expect("an object").remove("request_id");
        json.to_string().replace(id, "ID")
    };

    let of_absent = told(&absent).await;

    assert!(of_absent.contains("no_provider_key"), "{of_absent}");
    for foreign in [theirs, pool] {
        assert_eq!(told(&foreign).await, of_absent);
    }
    // Some will paste the key itself.
    let pasted = site.ask(&pinned("sk-mine-0123456789")).await.expect(400);
    assert!(!pasted.text().contains("0123456789"), "{}", pasted.text());
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn a_paused_key_is_as_good_as_none() {
    let site = Site::open().await;
    let first = site.own("openai", "first").await;
    let second = site.own("openai", "second").await;

    site.change_key(&first, json!({ "is_active": false })).await;
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o second"]);

    site.change_key(&second, json!({ "is_active": false })).await;
    let refused = site.chat(MODEL).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert!(refused.text().contains("paused"), "{}", refused.text());

    site.change_key(&first, json!({ "is_active": true })).await;
    site.chat(MODEL).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o first"]);
}

#[tokio::test]
async fn a_project_that_leaves_the_workspaces_keys_alone_uses_its_own() {
    let site = Site::open().await;
    site.own("openai", "shared").await;
    site.project(json!({ "use_workspace_keys": false })).await;

    let refused = site.chat(MODEL).await.expect(403);
    assert!(refused.text().contains("use_workspace_keys"), "{}", refused.text());
    site.of_project("openai", "mine").await;
    site.next_fail(1);
    site.chat(MODEL).await.expect(429);

    assert_eq!(site.called(), ["openai/gpt-4o mine"]);
}
