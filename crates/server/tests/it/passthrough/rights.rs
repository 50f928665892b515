//! Who may pass through, with whose key, and for which models.

use http::Method;
use serde_json::{Value, json};
use testkit::http::Whole;

use super::super::routing::site::Site;
use super::with_a_key;

async fn post(site: &Site, key: &str, body: Value) -> Whole {
    site.app.api.post("/passthrough/openai/responses", &body).bearer(key).whole().await
}

fn naming(model: &str) -> Value {
    json!({ "model": model, "input": "hello" })
}

#[tokio::test]
async fn platform_keys_never_pay_for_what_is_passed_through() {
    let site = Site::open().await;
    site.platform("openai", "pool").await;

    let refused = post(&site, &site.key, naming("gpt-4o-mini")).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    site.own("openai", "own").await;
    site.next_fail(1);
    post(&site, &site.key, naming("gpt-4o-mini")).await.expect(429);

    assert_eq!(site.called(), ["openai/gpt-4o-mini own"]);
    let only = site.app.api.get("/passthrough/openai/files").bearer(&site.key);
    let refused = only.header("x-keystile-only-platform", "true").whole().await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn whoever_may_use_listed_models_only_must_name_one_of_them() {
    let site = with_a_key().await;
    let narrow = site.gateway_key(json!({ "allowed_models": ["openai/gpt-4o"] })).await;
    let get = |path: &str| {
        let path = format!("/passthrough/openai/{path}");
        site.app.api.get(&path).bearer(&narrow).whole()
    };

    post(&site, &narrow, naming("gpt-4o")).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4o o"]);
    for body in [naming("gpt-4.1"), naming("openai/gpt-4o"), json!({ "input": "hi" }), json!([])] {
        let refused = post(&site, &narrow, body.clone()).await.expect(403);
        assert_eq!(refused.code(), "model_not_allowed", "{body}");
    }
    for path in ["files", "models/gpt-4o", "files?model=gpt-4o"] {
        assert_eq!(get(path).await.expect(403).code(), "model_not_allowed", "{path}");
    }
    assert_eq!(site.called(), [""; 0]);
    post(&site, &site.key, naming("gpt-4.1")).await.expect(200);
    assert_eq!(site.called(), ["openai/gpt-4.1 o"], "without a list, anything");
}

#[tokio::test]
async fn a_model_that_could_be_read_in_two_ways_is_no_listed_one() {
    let site = with_a_key().await;
    let narrow = site.gateway_key(json!({ "allowed_models": ["gpt-4o"] })).await;

    for (kind, body) in [
        ("application/json", &b"{\"model\":\"gpt-4o\",\"model\":\"o3\",\"input\":\"hi\"}"[..]),
        ("application/json", b"{\"model\":\"gpt-4o\",\"mod\\u0065l\":\"o3\"}"),
        ("application/json", b"{\"model\":\"gpt-4o\"}{\"model\":\"o3\"}"),
        ("application/json", b"\xef\xbb\xbf{\"model\":\"o3\"}"),
        ("application/json", b"{\"model\":[\"gpt-4o\"]}"),
        ("application/x-www-form-urlencoded", b"model=gpt-4o"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt-4o\r\n--b--\r\n",
        ),
    ] {
        let call = site.app.api.call(Method::POST, "/passthrough/openai/responses");
        let refused = call.body(kind, body).bearer(&narrow).whole().await.expect(403);
        assert_eq!(refused.code(), "model_not_allowed", "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(site.called(), [""; 0]);
}

#[tokio::test]
async fn the_lists_of_workspace_project_and_provider_key_hold_too() {
    let site = with_a_key().await;
    let own = site.id("o").await.to_string();
    let list = json!({ "allowed_models": ["gpt-4o"] });
    let nothing = json!({ "allowed_models": null });

    for place in ["workspace", "project", "provider key"] {
        let set = async |settings: &Value| match place {
            "workspace" => site.workspace(settings.clone()).await,
            "project" => site.project(settings.clone()).await,
            _ => site.change_key(&own, settings.clone()).await,
        };
        set(&list).await;
        post(&site, &site.key, naming("gpt-4o")).await.expect(200);
        let refused = post(&site, &site.key, naming("o3")).await.expect(403);
        assert_eq!(refused.code(), "model_not_allowed", "{place}");
        set(&nothing).await;
        assert_eq!(site.called(), ["openai/gpt-4o o"], "{place}");
    }
}

#[tokio::test]
async fn data_policy_pin_and_project_are_wished_in_headers() {
    let site = with_a_key().await;
    let second = site.own("openai", "second").await;
    let get = |name: &'static str, value: String| {
        let call = site.app.api.get("/passthrough/openai/files").bearer(&site.key);
        call.header(name, &value).whole()
    };

    let refused = get("x-keystile-data-policy", "zdr".to_owned()).await.expect(403);
    assert_eq!(refused.code(), "data_policy_unsatisfied");
    get("x-keystile-project", "nothing".to_owned()).await.expect(404);
    assert_eq!(site.called(), [""; 0]);
    get("x-keystile-provider-key", second).await.expect(200);
    assert_eq!(site.called(), ["openai/- second"]);
}

#[tokio::test]
async fn it_takes_a_gateway_key_that_may_ask_models() {
    let site = with_a_key().await;
    let reader = site.gateway_key(json!({ "scopes": ["read:usage"] })).await;
    let path = "/passthrough/openai/files";

    site.app.api.get(path).whole().await.expect(401);
    site.app.api.get(path).bearer(&site.owner.session).whole().await.expect(401);
    site.app.api.get(path).bearer("sk-o-0123456789").whole().await.expect(401);
    let refused = site.app.api.get(path).bearer(&reader).whole().await.expect(403);

    assert_eq!(refused.code(), "missing_scope");
    assert_eq!(site.called(), [""; 0]);
}
