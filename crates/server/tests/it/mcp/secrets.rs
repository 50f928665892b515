//! `manage_secrets`: who may do what with it, and that what is told to it does not come back.

use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::hello;

use super::Site;

const VALUE: &str = "sk-value-0123456789abcdef";

impl Site {
    pub async fn manage(&self, token: &str, arguments: Value) -> (Value, bool) {
        self.tool(token, "manage_secrets", arguments).await
    }

    /// What must succeed.
    pub async fn managed(&self, token: &str, arguments: Value) -> Value {
        let (answer, failed) = self.manage(token, arguments).await;
        assert!(!failed, "{answer}");
        answer
    }

    /// The code of what must fail.
    pub async fn mismanaged(&self, token: &str, arguments: Value) -> String {
        let (answer, failed) = self.manage(token, arguments).await;
        assert!(failed, "{answer}");
        answer["error"]["code"].as_str().expect("a code").to_owned()
    }
}

#[tokio::test]
async fn a_secret_is_made_listed_rotated_and_deleted_and_its_value_never_shown() {
    let site = Site::start().await;
    let key = site.key_with(&["read:secrets", "write:secrets"]).await;
    let create = json!({
        "action": "create", "name": "resend", "value": VALUE, "category": "api", "description": "mail",
    });
    let rotate = json!({ "action": "rotate", "name": "resend", "value": format!("{VALUE}-next") });

    let made = site.managed(&key, create.clone()).await;
    let again = site.mismanaged(&key, create).await;
    let rotated = site.managed(&key, rotate).await;
    let listed = site.managed(&key, json!({ "action": "list" })).await;
    let gone = site.managed(&key, json!({ "action": "delete", "name": "resend" })).await;

    assert_eq!(made["secret"]["name"], "resend");
    assert_eq!(made["secret"]["category"], "api");
    assert_eq!(again, "conflict");
    assert_eq!(rotated["secret"]["description"], "mail", "what is not said stays");
    // The provider key that the site was set up with is one of them.
    let names: Vec<_> =
        listed["secrets"].as_array().expect("a list").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["provider_key_openai", "resend"]);
    assert_eq!(gone["deleted"], "resend");
    assert_eq!(
        site.mismanaged(&key, json!({ "action": "delete", "name": "resend" })).await,
        "not_found"
    );
    let canaries = Canaries::new().any_part("the value", VALUE);
    for answer in [made, rotated, listed, gone] {
        assert_eq!(canaries.scan("an answer", answer.to_string().as_bytes()), [""; 0]);
    }
}

#[tokio::test]
async fn a_provider_key_is_checked_used_and_replaced() {
    let site = Site::start().await;
    let session = &site.owner.session;
    let name = "provider_key_openai";
    let taken = json!({ "action": "create", "name": name, "value": "sk-other-0123456789" });
    assert_eq!(site.mismanaged(session, taken).await, "conflict");

    let bad = json!({ "action": "rotate", "name": name, "value": "bad-key-0123456789" });
    let (refused, failed) = site.manage(session, bad).await;
    assert!(failed, "{refused}");
    assert_eq!(refused["error"]["code"], "provider_rejected_key");
    assert!(!refused.to_string().contains("bad-key-0123456789"), "{refused}");
    let audit = format!("/v1/workspaces/{}/audit?action=request.refused", site.owner.workspace);
    let audit = site.app.api.get(&audit).bearer(session).whole().await.expect(200);
    assert_eq!(audit.at("/items/0/subject"), "POST /mcp manage_secrets");
    site.app.chat(&site.key, &hello("gpt-4o")).await.expect(200);
    assert_eq!(site.fake.last_request().bearer(), Some(super::PROVIDER_KEY));

    let good = json!({ "action": "rotate", "name": name, "value": "sk-next-0123456789" });
    site.managed(session, good).await;
    site.app.chat(&site.key, &hello("gpt-4o")).await.expect(200);
    assert_eq!(site.fake.last_request().bearer(), Some("sk-next-0123456789"));

    site.managed(session, json!({ "action": "delete", "name": name })).await;
    let left = site.app.chat(&site.key, &hello("gpt-4o")).await.expect(403);
    assert_eq!(left.code(), "no_provider_key");
}

/// Each tool and action, for a key with each scope alone.
#[tokio::test]
async fn every_tool_asks_for_its_scope_and_for_no_other() {
    let site = Site::start().await;
    let all = [
        "inference",
        "read:byok",
        "read:keys",
        "read:secrets",
        "read:usage",
        "write:byok",
        "write:keys",
        "write:secrets",
    ];
    let plain = |action: &str| json!({ "action": action, "name": "hook", "value": VALUE });
    let link = json!({ "action": "create", "name": "other", "upload_link": true });
    let cases = [
        ("list_models", json!({}), "inference"),
        ("manage_secrets", json!({ "action": "list" }), "read:secrets"),
        ("manage_secrets", plain("create"), "write:secrets"),
        ("manage_secrets", plain("rotate"), "write:secrets"),
        ("manage_secrets", json!({ "action": "delete", "name": "hook" }), "write:secrets"),
        ("manage_secrets", link, "write:secrets"),
    ];
    for scope in all {
        let key = site.key_with(&[scope]).await;
        for (tool, arguments, needed) in &cases {
            let (answer, failed) = site.tool(&key, tool, arguments.clone()).await;

            assert_eq!(failed, scope != *needed, "{scope}: {tool} {arguments}: {answer}");
            if failed {
                assert_eq!(answer["error"]["code"], "missing_scope", "{scope}: {answer}");
                assert!(answer.to_string().contains(needed), "{scope}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_provider_key_takes_both_scopes_and_a_key_of_the_whole_workspace() {
    let site = Site::start().await;
    let create =
        json!({ "action": "rotate", "name": "provider_key_openai", "value": "sk-next-0123456789" });
    let link = json!({ "action": "rotate", "name": "provider_key_openai", "upload_link": true });
    let one = site.key_with(&["write:secrets"]).await;
    let both = site.key_with(&["write:secrets", "write:byok"]).await;
    let project = json!({ "name": "k", "scopes": ["*"] });
    let project = site.app.gateway_key(&site.owner, &project).await.expect(201).at("/key");

    for arguments in [create, link] {
        for key in [&one, &project] {
            assert_eq!(site.mismanaged(key, arguments.clone()).await, "missing_scope");
        }
        site.managed(&both, arguments).await;
    }
    let listed = site.managed(&project, json!({ "action": "list" })).await;
    assert_eq!(listed["secrets"], json!([]), "a project's key does not see the workspace's");
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_and_not_repeated() {
    let site = Site::start().await;
    let session = &site.owner.session;
    for (arguments, named) in [
        (json!({}), "action"),
        (json!({ "action": VALUE }), "create"),
        (json!({ "action": "create", "value": VALUE }), "name"),
        (json!({ "action": "create", "name": VALUE.repeat(9), "value": VALUE }), "name"),
        (json!({ "action": "create", "name": "hook" }), "upload_link"),
        (json!({ "action": "create", "name": "a b", "value": VALUE }), "name"),
        (json!({ "action": "create", "name": "hook", "value": "" }), "value"),
        (
            json!({ "action": "create", "name": "hook", "value": VALUE, "upload_link": true }),
            "both",
        ),
        (json!({ "action": "create", "name": "hook", "value": [VALUE] }), "type"),
        (
            json!({ "action": "create", "name": "hook", "value": VALUE, "category": VALUE }),
            "database",
        ),
        (json!({ "action": "create", "name": "hook", "value": VALUE, "command": "id" }), "command"),
        (json!({ "action": "list", "cursor": "%" }), "cursor"),
    ] {
        let (answer, failed) = site.manage(session, arguments.clone()).await;

        assert!(failed, "{arguments}: {answer}");
        let said = answer["error"]["message"].as_str().expect("a message");
        assert_eq!(answer["error"]["code"], "invalid_request", "{arguments}: {answer}");
        assert!(said.contains(named), "{arguments}: {said}");
        assert!(!answer.to_string().contains(VALUE), "{answer}");
    }
    for action in ["rotate", "delete"] {
        let arguments = json!({ "action": action, "name": "absent", "value": VALUE });
        assert_eq!(site.mismanaged(session, arguments).await, "not_found");
    }
}

#[tokio::test]
async fn the_list_goes_on_from_its_cursor() {
    let site = Site::start().await;
    let session = &site.owner.session;
    for number in 0..105 {
        let name = format!("secret-{number:03}");
        site.managed(session, json!({ "action": "create", "name": name, "value": VALUE })).await;
    }
    let custom =
        json!({ "action": "create", "name": "last", "value": VALUE, "category": "custom" });
    site.managed(session, custom).await;

    let first = site.managed(session, json!({ "action": "list" })).await;
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = site.managed(session, json!({ "action": "list", "cursor": cursor })).await;

    let count = |page: &Value| page["secrets"].as_array().expect("a list").len();
    assert_eq!(count(&first) + count(&second), 1 + 105 + 1);
    assert_eq!(second["next_cursor"], Value::Null);
    let custom = site.managed(session, json!({ "action": "list", "category": "custom" })).await;
    assert_eq!(custom["secrets"][0]["name"], "last");
    assert_eq!(count(&custom), 1);
}
