//! Seed 001, the keys of a project: one per provider, set, paused, tested and deleted under the documented paths,
//! and in effect on the very next call.

use serde_json::{Value, json};

use super::people::{
    Workspace, absent, byok_key, byok_keys, eventually, faceless, has_fields, items, only, stored,
};
use super::site::{Asked, Site, fresh};

on_both! {
    the_table_of_endpoints_works_as_written
    there_is_one_key_per_provider_per_project
    separate_projects_have_separate_keys
    whoever_calls_in_a_project_calls_with_its_key
    the_documents_providers_are_taken_and_answered_in_its_spelling
    a_custom_endpoint_is_no_byok_provider
    reads_return_only_a_prefix
    a_rotated_key_is_in_effect_on_the_next_call
    disabling_pauses_and_enabling_restores_without_the_key
    is_active_is_all_that_a_patch_sets
    deleting_removes_the_key_and_its_history
    deletion_is_in_effect_on_the_next_call
    a_key_takes_over_and_hands_back_when_it_goes
    last_used_at_follows_traffic
    what_is_not_there_cannot_be_changed
}

const MODEL: &str = "openai/gpt-4o";

async fn put(workspace: &Workspace, provider: &str, key: &str) -> Value {
    let path = byok_key(&workspace.project, provider);
    stored(workspace.owner.put(&path, json!({ "api_key": key })).await).json()
}

async fn list(workspace: &Workspace) -> Vec<Value> {
    items(&workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200))
}

/// Seed 001: the table of endpoints; "Clerk dashboard sessions ... have access to all BYOK operations".
async fn the_table_of_endpoints_works_as_written(site: &Site) {
    let workspace = site.workspace().await;
    let owner = &workspace.owner;
    let path = byok_key(&workspace.project, "openai");
    let empty = owner.get(&byok_keys(&workspace.project)).await.expect(200).json();
    assert_eq!(empty, json!({ "items": [], "next_cursor": null }));

    let set = stored(owner.put(&path, json!({ "api_key": fresh("sk-") })).await).json();
    assert_eq!(list(&workspace).await, [set]);
    let paused = owner.patch(&path, json!({ "is_active": false })).await.expect(200).json();
    assert_eq!(paused["is_active"], false);
    let tested = owner.press(&format!("{path}/test")).await.expect(200).json();
    assert_eq!(tested["health_status"], "healthy");
    owner.delete(&path).await.expect(204);
    assert_eq!(list(&workspace).await, [Value::Null; 0]);
}

/// Seed 001: "There is one key per provider per project"; "Set or rotate the key for a provider".
async fn there_is_one_key_per_provider_per_project(site: &Site) {
    let workspace = site.workspace().await;

    let first = put(&workspace, "openai", &fresh("sk-one-")).await;
    let second = put(&workspace, "openai", &fresh("sk-two-")).await;

    assert_eq!(list(&workspace).await, std::slice::from_ref(&second));
    assert_eq!(second["created_at"], first["created_at"], "replaced in place");
    assert_ne!(second["api_key_prefix"], first["api_key_prefix"]);
}

/// Seed 001: "If you want different keys ... use separate projects"; "Resolution ... by project_id of the chat
/// call".
async fn separate_projects_have_separate_keys(site: &Site) {
    let workspace = site.workspace().await;
    let other = workspace.new_project("other").await;
    let (here, there) = (fresh("sk-here-"), fresh("sk-there-"));
    put(&workspace, "openai", &here).await;
    let path = byok_key(&other, "openai");
    stored(workspace.owner.put(&path, json!({ "api_key": there })).await);

    workspace.key_of(&other, &["inference"]).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &here).calls, 0);
    assert_eq!(site.asked("openai", &there).calls, 1);

    workspace.application(json!({})).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &here).calls, 1);
    assert_eq!(site.asked("openai", &there).calls, 1);
}

/// Seed 001: "regardless of which agent or session triggered it."
async fn whoever_calls_in_a_project_calls_with_its_key(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    put(&workspace, "openai", &key).await;
    let one = workspace.application(json!({})).await;
    let two = workspace.application(json!({})).await;

    one.chat(MODEL).await.expect(200);
    two.chat("openai/gpt-5").await.expect(200);
    two.chat(MODEL).await.expect(200);

    assert_eq!(site.asked("openai", &key).calls, 3);
}

/// Seed 001: "openai gemini xai openrouter".
async fn the_documents_providers_are_taken_and_answered_in_its_spelling(site: &Site) {
    let workspace = site.workspace().await;

    for (provider, start) in
        [("openai", "sk-"), ("gemini", "AIza"), ("xai", "xai-"), ("openrouter", "sk-or-v1-")]
    {
        let set = put(&workspace, provider, &fresh(start)).await;

        assert_eq!(set["provider"], provider);
        assert_eq!(set["project_id"], workspace.project);
        assert_eq!(set["health_status"], "healthy", "{set}");
    }
    let list = list(&workspace).await;
    assert_eq!(list.len(), 4);
    for provider in ["openai", "gemini", "xai", "openrouter"] {
        only(&list, "provider", provider);
    }
}

/// Seed 001: "A custom BYOM endpoint isn't a BYOK provider; configure it via Custom LLM instead."
async fn a_custom_endpoint_is_no_byok_provider(site: &Site) {
    let workspace = site.workspace().await;
    let path = byok_key(&workspace.project, "custom");
    let (_, base_url) = site.with_key();

    for body in [
        json!({ "api_key": fresh("any-") }),
        json!({ "api_key": fresh("any-"), "base_url": base_url }),
    ] {
        let refused = workspace.owner.put(&path, body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request");
    }
    let refused = workspace.owner.put(&path, json!({ "api_key": fresh("any-") })).await;
    let message = refused.at("/error/message");
    assert!(message.contains("custom") && message.contains("provider-keys"), "{message}");
    assert_eq!(list(&workspace).await, [Value::Null; 0]);
}

/// Seed 001: "list / get responses return only an api_key_prefix (the first few characters)".
async fn reads_return_only_a_prefix(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-proj-");

    let set = put(&workspace, "openai", &key).await;

    let listed = list(&workspace).await.remove(0);
    for item in [&set, &listed] {
        let prefix = item["api_key_prefix"].as_str().expect("a prefix");
        let shown = prefix.strip_suffix("...****").unwrap_or(prefix);
        assert!(shown.len() <= 8 && shown.len() >= 3 && key.starts_with(shown), "{prefix}");
        assert!(item.get("api_key").is_none() && item.get("value").is_none(), "{item}");
        assert!(!item.to_string().contains(&key[8..]), "{item}");
    }
    let fields = [
        "project_id",
        "provider",
        "api_key_prefix",
        "is_active",
        "health_status",
        "last_health_error",
        "last_health_check_at",
        "last_used_at",
        "created_at",
        "updated_at",
    ];
    has_fields(&listed, &fields);
}

/// Seed 001: "Every Set / Patch / Delete fires an invalidator so a rotated key takes effect on the next call".
async fn a_rotated_key_is_in_effect_on_the_next_call(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;

    let mut earlier = Vec::new();
    for round in 0..5 {
        let key = fresh("sk-");
        put(&workspace, "openai", &key).await;
        app.chat(MODEL).await.expect(200);

        assert_eq!(site.asked("openai", &key).calls, 1, "round {round}");
        earlier.push(key);
    }
    for key in &earlier {
        assert_eq!(site.asked("openai", key), Asked { probes: 1, calls: 1 });
    }
}

/// Seed 001: "disabling temporarily without losing the key material"; "Pause this BYOK key".
async fn disabling_pauses_and_enabling_restores_without_the_key(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let key = fresh("sk-");
    let set = put(&workspace, "openai", &key).await;
    let path = byok_key(&workspace.project, "openai");
    app.chat(MODEL).await.expect(200);

    let paused = workspace.owner.patch(&path, json!({ "is_active": false })).await.expect(200);
    let refused = app.chat(MODEL).await.expect(403);

    assert_eq!(paused.json()["is_active"], false);
    assert_eq!(paused.json()["api_key_prefix"], set["api_key_prefix"]);
    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.asked("openai", &key).calls, 1);
    let back = workspace.owner.patch(&path, json!({ "is_active": true })).await.expect(200);
    assert_eq!(back.json()["is_active"], true);
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &key), Asked { probes: 1, calls: 2 });
}

/// Seed 001: "Set is_active true/false without changing the key".
async fn is_active_is_all_that_a_patch_sets(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let (key, other) = (fresh("sk-"), fresh("sk-"));
    put(&workspace, "openai", &key).await;
    let path = byok_key(&workspace.project, "openai");

    for body in [
        json!({ "is_active": true, "api_key": other }),
        json!({ "is_active": "yes" }),
        json!({ "health_status": "healthy" }),
    ] {
        let refused = workspace.owner.patch(&path, body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request");
    }

    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &key).calls, 1);
    assert_eq!(site.asked("openai", &other), Asked::default());
}

/// Seed 001: "DELETE removes the key and its history."
async fn deleting_removes_the_key_and_its_history(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    put(&workspace, "openai", &fresh("sk-")).await;
    app.chat(MODEL).await.expect(200);
    let used = eventually("the key was used", async || {
        let item = list(&workspace).await.remove(0);
        (!item["last_used_at"].is_null()).then_some(item)
    });
    used.await;
    let path = byok_key(&workspace.project, "openai");

    workspace.owner.delete(&path).await.expect(204);

    assert_eq!(list(&workspace).await, [Value::Null; 0]);
    workspace.owner.delete(&path).await.expect(404);
    let anew = put(&workspace, "openai", &fresh("sk-")).await;
    assert_eq!(anew["last_used_at"], Value::Null, "{anew}");
    assert_eq!(anew["last_health_error"], Value::Null, "{anew}");
}

/// Seed 001: "Permanently remove"; every Delete is in effect at once.
async fn deletion_is_in_effect_on_the_next_call(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let key = fresh("sk-");
    put(&workspace, "openai", &key).await;
    app.chat(MODEL).await.expect(200);

    workspace.owner.delete(&byok_key(&workspace.project, "openai")).await.expect(204);

    let refused = app.chat(MODEL).await.expect(403);
    assert_eq!(refused.code(), "no_provider_key");
    assert!(refused.at("/error/message").contains("openai"), "{}", refused.text());
    assert_eq!(site.asked("openai", &key).calls, 1);
}

/// Seed 001: "set a key and it takes over for that provider; remove it and the platform key kicks back in"; here
/// what it takes over from is the workspace's own.
async fn a_key_takes_over_and_hands_back_when_it_goes(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let (shared, own, elsewhere) = (fresh("sk-shared-"), fresh("sk-own-"), fresh("gsk_"));
    workspace.add_provider_key("openai", &shared).await;
    workspace.add_provider_key("groq", &elsewhere).await;
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &shared).calls, 1);

    put(&workspace, "openai", &own).await;
    app.chat(MODEL).await.expect(200);
    app.chat("groq/openai/gpt-oss-20b").await.expect(200);
    assert_eq!(site.asked("openai", &own).calls, 1);
    assert_eq!(site.asked("openai", &shared).calls, 1);
    assert_eq!(site.asked("groq", &elsewhere).calls, 1, "for that provider only");

    workspace.owner.delete(&byok_key(&workspace.project, "openai")).await.expect(204);
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &shared).calls, 2);
}

/// Seed 001: `console.log(k.provider, k.api_key_prefix, k.health_status, k.last_used_at)`.
async fn last_used_at_follows_traffic(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    put(&workspace, "openai", &fresh("sk-")).await;
    put(&workspace, "groq", &fresh("gsk_")).await;
    assert!(list(&workspace).await.iter().all(|item| item["last_used_at"].is_null()));

    app.chat(MODEL).await.expect(200);

    let used = eventually("the key was used", async || {
        let list = list(&workspace).await;
        let used = only(&list, "provider", "openai")["last_used_at"].clone();
        assert!(only(&list, "provider", "groq")["last_used_at"].is_null(), "{list:?}");
        used.as_str().map(str::to_owned)
    });
    assert!(used.await.ends_with('Z'));
}

/// Seed 001: the keys are "indexed by (project_id, provider)".
async fn what_is_not_there_cannot_be_changed(site: &Site) {
    let workspace = site.workspace().await;
    put(&workspace, "openai", &fresh("sk-")).await;
    let nowhere = absent(&workspace.project);
    let owner = &workspace.owner;

    for path in [byok_key(&workspace.project, "groq"), byok_key(&nowhere, "openai")] {
        owner.patch(&path, json!({ "is_active": false })).await.expect(404);
        owner.press(&format!("{path}/test")).await.expect(404);
        assert_eq!(owner.delete(&path).await.expect(404).code(), "not_found");
    }
    let set = owner.put(&byok_key(&nowhere, "openai"), json!({ "api_key": fresh("sk-") })).await;
    let read = owner.get(&byok_keys(&nowhere)).await;
    assert_eq!(faceless(&set), faceless(&read));
    let unknown = byok_key(&workspace.project, "nobody");
    let answer = owner.put(&unknown, json!({ "api_key": fresh("sk-") })).await;
    assert!(matches!(answer.status.as_u16(), 400 | 404), "{}", answer.text());
    assert_eq!(list(&workspace).await.len(), 1);
}
