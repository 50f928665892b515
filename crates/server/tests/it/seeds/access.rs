//! Seed 003, "Unauthorized users cannot directly use your Provider Keys": what is tried without a gateway key, with
//! another's, with one that is out, and by name.

use std::time::Duration;

use serde_json::json;
use testkit::hello;

use super::people::{Caller, Workspace, absent, api_keys, eventually, faceless, now, time};
use super::site::{Asked, Site, fresh};

on_both! {
    nobody_calls_without_a_gateway_key
    a_provider_key_is_no_gateway_key
    anothers_gateway_key_does_not_reach_yours
    a_pin_does_not_reach_anothers_key
    a_blocked_gateway_key_is_out_until_it_is_unblocked
    a_deleted_gateway_key_is_out_at_once
    an_expired_gateway_key_is_out
    a_rotated_gateway_key_leaves_the_old_one_behind
    anothers_workspace_looks_like_none
    who_was_removed_manages_nothing
}

const MODEL: &str = "openai/gpt-4o";

struct Yours {
    workspace: Workspace,
    key: String,
    id: String,
}

async fn yours(site: &Site) -> Yours {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    Yours { workspace, key, id }
}

/// Used by nobody: probed when it was stored, and no more.
#[track_caller]
fn untouched(site: &Site, key: &str) {
    assert_eq!(site.asked("openai", key), Asked { probes: 1, calls: 0 });
}

/// Seed 003: "Use the XAI API Key assigned to your account to access the unified entry."
async fn nobody_calls_without_a_gateway_key(site: &Site) {
    let yours = yours(site).await;

    let nobody = site.api.post("/v1/chat/completions", &hello(MODEL)).whole().await.expect(401);
    let session = yours.workspace.owner.chat(MODEL).await.expect(401);

    assert_eq!(nobody.code(), "invalid_api_key");
    assert_eq!(session.code(), "invalid_api_key", "a person's session is none");
    untouched(site, &yours.key);
}

/// Seed 003: "Why do I still need an XAI API Key?" A provider's key opens nothing here.
async fn a_provider_key_is_no_gateway_key(site: &Site) {
    let yours = yours(site).await;
    let caller = Caller::new(&site.api, &yours.key);

    assert_eq!(caller.chat(MODEL).await.expect(401).code(), "invalid_api_key");
    caller.get("/v1/me").await.expect(401);
    caller.get(&yours.workspace.path("provider-keys")).await.expect(401);

    untouched(site, &yours.key);
}

/// Seed 003: "Unauthorized users cannot directly use your Provider Keys".
async fn anothers_gateway_key_does_not_reach_yours(site: &Site) {
    let yours = yours(site).await;
    let other = site.workspace().await;

    for app in [other.application(json!({})).await, other.tenant_key(json!({})).await] {
        assert_eq!(app.chat(MODEL).await.expect(403).code(), "no_provider_key");
    }

    untouched(site, &yours.key);
}

/// Seed 003: the same, for who knows a key's id.
async fn a_pin_does_not_reach_anothers_key(site: &Site) {
    let yours = yours(site).await;
    let other = site.workspace().await;
    let own = fresh("sk-");
    other.add_provider_key("openai", &own).await;
    let app = other.application(json!({})).await;
    let pin = |id: &str| json!({ "provider_key": id });

    let foreign = app.chat_routed(MODEL, pin(&yours.id)).await.expect(403);
    let nowhere = app.chat_routed(MODEL, pin(&absent(&yours.id))).await.expect(403);

    assert_eq!(foreign.code(), "no_provider_key");
    let (status, text) = faceless(&nowhere);
    assert_eq!(faceless(&foreign), (status, text.replace(&absent(&yours.id), &yours.id)));
    untouched(site, &yours.key);
    untouched(site, &own);
}

/// An application of the workspace, the path of its gateway key, and the one who manages it.
async fn application(site: &Site, yours: &Yours) -> (Caller, String) {
    let path = api_keys(&yours.workspace.project);
    let made = yours.workspace.owner.post(&path, json!({ "name": "app" })).await.expect(201);
    (Caller::new(&site.api, &made.at("/key")), format!("{path}/{}", made.at("/id")))
}

/// Seed 003: "You can combine access control, quotas, and logs".
async fn a_blocked_gateway_key_is_out_until_it_is_unblocked(site: &Site) {
    let yours = yours(site).await;
    let (app, path) = application(site, &yours).await;
    let owner = &yours.workspace.owner;

    let blocked = owner.press(&format!("{path}/block")).await.expect(200).json();
    let refused = app.chat(MODEL).await.expect(401);

    assert!(blocked["blocked_at"].is_string(), "{blocked}");
    assert_eq!(refused.code(), "invalid_api_key");
    untouched(site, &yours.key);
    let free = owner.press(&format!("{path}/unblock")).await.expect(200).json();
    assert!(free["blocked_at"].is_null(), "{free}");
    app.chat(MODEL).await.expect(200);
}

/// Seed 003: "only uses them within authorized request flows": a right that was taken back is none.
async fn a_deleted_gateway_key_is_out_at_once(site: &Site) {
    let yours = yours(site).await;
    let (app, path) = application(site, &yours).await;
    app.get("/v1/me").await.expect(200);

    yours.workspace.owner.delete(&path).await.expect(204);

    assert_eq!(app.chat(MODEL).await.expect(401).code(), "invalid_api_key");
    app.get("/v1/me").await.expect(401);
    untouched(site, &yours.key);
}

/// Seed 003: "within authorized request flows", for as long as they are.
async fn an_expired_gateway_key_is_out(site: &Site) {
    let yours = yours(site).await;
    let path = api_keys(&yours.workspace.project);
    let expiry = now().plus(Duration::from_secs(2)).to_string();
    let body = json!({ "name": "short", "expires_at": expiry });
    let made = yours.workspace.owner.post(&path, body).await.expect(201);
    let app = Caller::new(&site.api, &made.at("/key"));

    let refused = eventually("it expires", async || {
        let answer = app.get("/v1/me").await;
        (answer.status == 401).then_some(answer)
    });

    assert_eq!(refused.await.code(), "invalid_api_key");
    assert!(now() >= time(&json!(expiry)), "not before its time");
    assert_eq!(app.chat(MODEL).await.expect(401).code(), "invalid_api_key");
    untouched(site, &yours.key);
}

/// Seed 003: "Rotation, replacement, and migration remain your decision", of our keys too.
async fn a_rotated_gateway_key_leaves_the_old_one_behind(site: &Site) {
    let yours = yours(site).await;
    let (old, path) = application(site, &yours).await;
    let owner = &yours.workspace.owner;
    let before = owner.get(&path).await.expect(200).json();
    let rotate = format!("{path}/rotate");

    let rotated = owner.post(&rotate, json!({ "overlap_seconds": 0 })).await.expect(200);
    let new = Caller::new(&site.api, &rotated.at("/key"));

    assert_eq!(rotated.json()["id"], before["id"]);
    assert_eq!(old.chat(MODEL).await.expect(401).code(), "invalid_api_key");
    new.chat(MODEL).await.expect(200);
    // With an overlap both work for a while.
    let again = owner.post(&rotate, json!({ "overlap_seconds": 600 })).await.expect(200);
    let newest = Caller::new(&site.api, &again.at("/key"));
    new.chat(MODEL).await.expect(200);
    newest.chat(MODEL).await.expect(200);
    let too_long = json!({ "overlap_seconds": 604_801 });
    owner.post(&rotate, too_long).await.expect(400);
}

/// Seed 004: "isolates them per workspace".
async fn anothers_workspace_looks_like_none(site: &Site) {
    let yours = yours(site).await;
    let other = site.workspace().await;
    let id = &yours.workspace.id;
    let nowhere = absent(id);
    let key = &yours.id;

    for rest in [
        "provider-keys".to_owned(),
        format!("provider-keys/{key}"),
        "projects".to_owned(),
        "members".to_owned(),
        "api-keys".to_owned(),
        "audit".to_owned(),
    ] {
        let foreign = other.owner.get(&format!("/v1/workspaces/{id}/{rest}")).await.expect(404);
        let absent = other.owner.get(&format!("/v1/workspaces/{nowhere}/{rest}")).await;
        assert_eq!(faceless(&foreign), faceless(&absent), "{rest}");
    }
    // Nor through one's own workspace.
    let path = other.provider_key(key);
    other.owner.delete(&path).await.expect(404);
    other.owner.press(&format!("{path}/validate")).await.expect(404);
    other.owner.press(&format!("{path}/set-default")).await.expect(404);
    other
        .owner
        .put(&format!("{path}/secret"), json!({ "api_key": fresh("sk-") }))
        .await
        .expect(404);
    assert_eq!(yours.workspace.provider_keys().await.len(), 1);
    untouched(site, &yours.key);
}

/// Seed 003: "access control".
async fn who_was_removed_manages_nothing(site: &Site) {
    let yours = yours(site).await;
    let admin = yours.workspace.join("admin").await;
    admin.get(&yours.workspace.path("provider-keys")).await.expect(200);
    let user = admin.get("/v1/users/current").await.expect(200).at("/id");

    let path = yours.workspace.path(&format!("members/{user}"));
    yours.workspace.owner.delete(&path).await.expect(204);

    admin.get(&yours.workspace.path("provider-keys")).await.expect(404);
    admin.delete(&yours.workspace.provider_key(&yours.id)).await.expect(404);
    let mine = admin.get("/v1/users/current").await.expect(200).json();
    assert_eq!(mine["workspaces"], json!([]), "{mine}");
    assert_eq!(yours.workspace.provider_keys().await.len(), 1);
}
