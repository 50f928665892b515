//! Seeds 003 and 004, "The XAI API Key identifies your account": what a gateway key says of itself, and which
//! credential is for what.

use serde_json::{Value, json};

use super::people::{Caller, api_keys, has_fields};
use super::site::{Asked, Site, fresh};

on_both! {
    me_answers_in_the_documented_shape
    me_names_the_keys_own_limit
    a_gateway_key_identifies_its_owner
    a_gateway_key_routes_to_its_own_workspaces_keys
    a_gateway_key_is_shown_once
    key_management_uses_session_authentication
    inference_uses_a_gateway_key
}

/// Seed 004: "call /v1/me ... The response includes your workspace_id".
async fn me_answers_in_the_documented_shape(site: &Site) {
    let workspace = site.workspace().await;
    let user = workspace.owner.get("/v1/users/current").await.expect(200).at("/id");
    let app = workspace.application(json!({})).await;

    let me = app.get("/v1/me").await.expect(200);

    assert_eq!(me.at("/object"), "api_key_identity");
    assert_eq!(me.at("/workspace_id"), workspace.id);
    assert_eq!(me.at("/user_id"), user);
    assert_eq!(me.at("/tier"), "self_hosted");
    let me = me.json();
    let fields = ["rate_limit_rpm", "project_id", "scopes", "allowed_models", "spend"];
    has_fields(&me, &fields);
    has_fields(&me["spend"], &["cap_micro_usd", "spent_micro_usd", "held_micro_usd"]);
    assert_eq!(me["rate_limit_rpm"], Value::Null);
    let wide = workspace.tenant_key(json!({})).await.get("/v1/me").await.expect(200).json();
    assert_eq!(wide["workspace_id"], workspace.id);
    assert_eq!(wide["project_id"], Value::Null);
}

/// Seed 004: `"rate_limit_rpm": 60`.
async fn me_names_the_keys_own_limit(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({ "rpm_limit": 60 })).await;

    assert_eq!(app.get("/v1/me").await.expect(200).json()["rate_limit_rpm"], 60);
}

/// Seed 003: "The XAI API Key identifies your account".
async fn a_gateway_key_identifies_its_owner(site: &Site) {
    let workspace = site.workspace().await;
    let member = workspace.join("member").await;
    let (owners, members) = (
        workspace.owner.get("/v1/users/current").await.expect(200).at("/id"),
        member.get("/v1/users/current").await.expect(200).at("/id"),
    );
    let path = api_keys(&workspace.project);

    for (person, id) in [(&workspace.owner, &owners), (&member, &members)] {
        let made = person.post(&path, json!({ "name": "mine" })).await.expect(201);
        let me = Caller::new(&site.api, &made.at("/key")).get("/v1/me").await.expect(200);
        assert_eq!((me.at("/user_id"), made.at("/user_id")), (id.clone(), id.clone()));
    }
    assert_ne!(owners, members);
}

/// Seed 003: "and routes requests to your own Provider Keys."
async fn a_gateway_key_routes_to_its_own_workspaces_keys(site: &Site) {
    let (one, two) = (site.workspace().await, site.workspace().await);
    let (first, second) = (fresh("sk-one-"), fresh("sk-two-"));
    one.add_provider_key("openai", &first).await;
    two.add_provider_key("openai", &second).await;

    two.application(json!({})).await.chat("openai/gpt-4o").await.expect(200);

    assert_eq!(site.asked("openai", &first).calls, 0);
    assert_eq!(site.asked("openai", &second).calls, 1);
}

/// Seed 003: "Use the XAI API Key assigned to your account": the answer that makes it is the only one that shows it.
async fn a_gateway_key_is_shown_once(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let made = workspace.owner.post(&path, json!({ "name": "app" })).await.expect(201);
    let key = made.at("/key");
    let own = &key[key.len() - 20..];

    let list = workspace.owner.get(&path).await.expect(200);
    let one = workspace.owner.get(&format!("{path}/{}", made.at("/id"))).await.expect(200);

    assert!(!list.text().contains(own) && !one.text().contains(own));
    assert_eq!(list.at("/items/0/key_prefix"), one.at("/key_prefix"));
    assert!(key.starts_with(&one.at("/key_prefix")), "{}", one.text());
    assert!(!site.log().contains(own), "the log shows a gateway key");
}

/// Seed 004: "A session token for key management"; "Provider key management uses session authentication."
async fn key_management_uses_session_authentication(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let app = workspace.tenant_key(json!({ "scopes": ["*"] })).await;
    let (list, one) = (workspace.path("provider-keys"), workspace.provider_key(&id));
    let key = fresh("sk-");
    let body = json!({ "provider": "openai", "api_key": key });

    let answers = [
        app.post(&list, body).await,
        app.get(&list).await,
        app.get(&one).await,
        app.patch(&one, json!({ "is_active": false })).await,
        app.put(&format!("{one}/secret"), json!({ "api_key": key })).await,
        app.press(&format!("{one}/validate")).await,
        app.press(&format!("{one}/set-default")).await,
        app.patch(&format!("{one}/tier"), json!({ "tier": "tier-1" })).await,
        app.delete(&one).await,
    ];

    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.status.as_u16(), 401, "{number}: {}", answer.text());
        assert_eq!(answer.code(), "invalid_session", "{number}");
    }
    assert_eq!(site.asked("openai", &key), Asked::default());
    assert_eq!(workspace.provider_keys().await.len(), 1);
}

/// Seed 004: "An Auriko API key for inference".
async fn inference_uses_a_gateway_key(site: &Site) {
    let workspace = site.workspace().await;
    workspace.add_provider_key("openai", &fresh("sk-")).await;
    let app = workspace.application(json!({})).await;

    app.chat("gpt-4o").await.expect(200);

    let session = workspace.owner.chat("gpt-4o").await.expect(401);
    assert_eq!(session.code(), "invalid_api_key");
    workspace.owner.get("/v1/me").await.expect(401);
}
