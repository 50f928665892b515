//! Seed 003, keys that stay their owner's: replaced, paused and deleted at will, and no pool of the platform's
//! behind them.

use serde_json::{Value, json};

use super::people::{items, only};
use super::site::{Asked, Site, fresh};

on_both! {
    you_can_replace_a_key_whenever_you_want
    a_replacement_the_provider_rejects_changes_nothing
    you_can_stop_using_a_key_whenever_you_want
    you_can_delete_a_key_whenever_you_want
    the_platform_runs_no_key_pool
    one_place_holds_the_keys_of_many_providers
    a_name_is_yours_to_change
}

const MODEL: &str = "openai/gpt-4o";

/// Seed 003: "You can replace ... those keys whenever you want"; "Rotation, replacement ... remain your decision."
async fn you_can_replace_a_key_whenever_you_want(site: &Site) {
    let workspace = site.workspace().await;
    let (old, new) = (fresh("sk-old-"), fresh("sk-new-"));
    let made = workspace.add_provider_key("openai", &old).await;
    let path = workspace.provider_key(&made.at("/id"));
    let app = workspace.application(json!({})).await;
    app.chat(MODEL).await.expect(200);

    let put = workspace.owner.put(&format!("{path}/secret"), json!({ "api_key": new })).await;

    let replaced = put.expect(200).json();
    app.chat(MODEL).await.expect(200);
    assert_eq!(replaced["id"], made.json()["id"], "id and history are kept");
    assert_eq!(replaced["created_at"], made.json()["created_at"]);
    assert_eq!(replaced["is_default"], true);
    assert_eq!(replaced["key_prefix"], format!("{}...****", &new[..8]));
    assert_eq!(site.asked("openai", &old), Asked { probes: 1, calls: 1 });
    assert_eq!(site.asked("openai", &new), Asked { probes: 1, calls: 1 });
    let keys = workspace.provider_keys().await;
    assert_eq!(keys.len(), 1, "replaced, not added: {keys:?}");
    assert_eq!(keys[0]["key_prefix"], replaced["key_prefix"]);
}

/// Seed 001's probe stands before a replacement too.
async fn a_replacement_the_provider_rejects_changes_nothing(site: &Site) {
    let workspace = site.workspace().await;
    let (good, bad) = (fresh("sk-"), fresh("bad-"));
    let id = workspace.add_provider_key("openai", &good).await.at("/id");
    let before = workspace.provider_keys().await;

    let path = format!("{}/secret", workspace.provider_key(&id));
    let refused = workspace.owner.put(&path, json!({ "api_key": bad })).await.expect(400);

    assert_eq!(refused.code(), "provider_rejected_key");
    assert_eq!(workspace.provider_keys().await, before);
    workspace.application(json!({})).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &good).calls, 1);
}

/// Seed 003: "or stop using those keys whenever you want".
async fn you_can_stop_using_a_key_whenever_you_want(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let app = workspace.application(json!({})).await;
    let path = workspace.provider_key(&id);
    let set = async |active: bool| {
        let body = json!({ "is_active": active });
        workspace.owner.patch(&path, body).await.expect(200).json()
    };

    assert_eq!(set(false).await["is_active"], false);
    let refused = app.chat(MODEL).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert!(refused.at("/error/message").contains("paused"), "{}", refused.text());
    assert_eq!(site.asked("openai", &key).calls, 0);

    assert_eq!(set(true).await["is_active"], true);
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &key).calls, 1);
}

/// Seed 003: "You can ... delete" (004: "Delete a key").
async fn you_can_delete_a_key_whenever_you_want(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let app = workspace.application(json!({})).await;
    app.chat(MODEL).await.expect(200);

    workspace.owner.delete(&workspace.provider_key(&id)).await.expect(204);

    assert_eq!(app.chat(MODEL).await.expect(403).code(), "no_provider_key");
    assert_eq!(site.asked("openai", &key).calls, 1);
    workspace.owner.get(&workspace.provider_key(&id)).await.expect(404);
    assert_eq!(workspace.provider_keys().await, [Value::Null; 0]);
}

/// Seed 003: "The platform does not run a paid platform key pool"; 001: what there is without a key of one's own.
async fn the_platform_runs_no_key_pool(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;

    let pool = site.operator().get("/v1/operator/platform-keys").await.expect(200);
    let refused = app.chat(MODEL).await.expect(403);
    let only_pool = app.chat_routed(MODEL, json!({ "only_platform": true })).await.expect(403);

    assert_eq!(items(&pool), [Value::Null; 0]);
    assert_eq!(refused.code(), "no_provider_key");
    let message = refused.at("/error/message");
    assert!(message.contains("openai") && message.contains("provider-keys"), "{message}");
    assert_eq!(only_pool.code(), "no_provider_key");
}

/// Seed 003: "one place to manage different providers".
async fn one_place_holds_the_keys_of_many_providers(site: &Site) {
    let workspace = site.workspace().await;
    let providers =
        [("openai", "sk-"), ("anthropic", "sk-ant-"), ("deepseek", "sk-"), ("gemini", "AIza")];
    for (provider, start) in providers {
        workspace.add_provider_key(provider, &fresh(start)).await;
    }

    let keys = workspace.provider_keys().await;

    assert_eq!(keys.len(), providers.len());
    for provider in ["openai", "anthropic", "deepseek", "google_ai_studio"] {
        let key = only(&keys, "provider", provider);
        assert_eq!(key["is_default"], true, "the first of its provider");
    }
}

/// Seed 003: "make them easier to use and govern consistently".
async fn a_name_is_yours_to_change(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let path = workspace.provider_key(&id);

    let named = workspace.owner.patch(&path, json!({ "label": "Production" })).await.expect(200);

    assert_eq!(named.at("/label"), "Production");
    assert_eq!(workspace.owner.get(&path).await.expect(200).json(), named.json());
    assert_eq!(
        site.asked("openai", &key),
        Asked { probes: 1, calls: 0 },
        "no new probe for a name"
    );
    let cleared = workspace.owner.patch(&path, json!({ "label": null })).await.expect(200);
    assert_eq!(cleared.json()["label"], Value::Null);
}
