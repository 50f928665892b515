//! Seed 001, the probe and what is known of a key's health: a bad key is not kept, a key that went bad is seen
//! before users see it.

use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::fake::Reply;

use super::people::{Workspace, byok_key, byok_keys, has_fields, items, now, stored, time};
use super::site::{Asked, Scripted, Site, fresh};

on_both! {
    a_rejected_key_fails_the_save_in_the_providers_words
    no_bad_key_gets_persisted
    a_bad_key_does_not_displace_a_good_one
    a_saved_key_shows_its_prefix_and_its_health
    the_probe_is_one_call_that_does_nothing
    every_read_tells_of_a_keys_health
    a_revoked_key_is_detected_before_users_do
    testing_asks_the_provider_about_the_stored_key
    a_provider_that_cannot_tell_leaves_the_health_unknown
}

async fn list(workspace: &Workspace) -> Vec<Value> {
    items(&workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200))
}

/// Seed 001: "if the upstream rejects the key, the save fails and you get the provider's error message inline."
async fn a_rejected_key_fails_the_save_in_the_providers_words(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("bad-");
    let path = byok_key(&workspace.project, "openai");

    let refused = workspace.owner.put(&path, json!({ "api_key": key })).await.expect(400);

    assert_eq!(refused.code(), "provider_rejected_key");
    let message = refused.at("/error/message");
    assert!(message.contains("Incorrect API key provided"), "{message}");
    // The provider shows both ends of the key; we do not pass that on.
    let canaries = Canaries::new().any_part("the key", &key[4..]);
    assert_eq!(canaries.scan("the answer", refused.text().as_bytes()), [""; 0]);
    assert!(!message.contains(&key[key.len() - 4..]), "{message}");
}

/// Seed 001: "No bad key gets persisted."
async fn no_bad_key_gets_persisted(site: &Site) {
    let workspace = site.workspace().await;
    let owner = &workspace.owner;
    stored(
        owner.put(&byok_key(&workspace.project, "groq"), json!({ "api_key": fresh("gsk_") })).await,
    );
    let before = list(&workspace).await;
    let bad = fresh("bad-");

    let path = byok_key(&workspace.project, "openai");
    owner.put(&path, json!({ "api_key": bad })).await.expect(400);

    assert_eq!(list(&workspace).await, before);
    owner.patch(&path, json!({ "is_active": true })).await.expect(404);
    let Some(kept) = site.stored() else { return };
    let found = Canaries::new().any_part("the bad key", &bad[4..]).scan("the database", &kept);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Seed 001: "bad keys fail PUT with a 400. Misconfiguration surfaces at setup, not on the first user chat."
async fn a_bad_key_does_not_displace_a_good_one(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    let (good, bad) = (fresh("sk-"), fresh("bad-"));
    let path = byok_key(&workspace.project, "openai");
    stored(workspace.owner.put(&path, json!({ "api_key": good })).await);
    let before = list(&workspace).await;

    workspace.owner.put(&path, json!({ "api_key": bad })).await.expect(400);
    assert_eq!(list(&workspace).await, before, "neither its prefix nor its health");
    app.chat("openai/gpt-4o").await.expect(200);

    assert_eq!(site.asked("openai", &good).calls, 1);
    assert_eq!(site.asked("openai", &bad), Asked { probes: 1, calls: 0 });
}

/// Seed 001: "redacted prefix, health badge (healthy / unhealthy / unknown)"; `"healthy" after the synchronous
/// probe`.
async fn a_saved_key_shows_its_prefix_and_its_health(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-proj-");
    let path = byok_key(&workspace.project, "openai");

    let before = now();
    let set = stored(workspace.owner.put(&path, json!({ "api_key": key })).await).json();

    assert_eq!(set["api_key_prefix"], "sk-proj-...****");
    assert_eq!(set["health_status"], "healthy");
    assert_eq!(set["last_health_error"], Value::Null);
    assert_eq!(set["is_active"], true);
    assert!((before..=now()).contains(&time(&set["last_health_check_at"])), "{set}");
}

/// Seed 001: "Sonzai does a no-op call to the upstream provider with the key".
async fn the_probe_is_one_call_that_does_nothing(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");

    let path = byok_key(&workspace.project, "openai");
    stored(workspace.owner.put(&path, json!({ "api_key": key })).await);

    assert_eq!(site.asked("openai", &key), Asked { probes: 1, calls: 0 });
}

/// Seed 001: "Every read returns health_status, last_health_error, and last_health_check_at".
async fn every_read_tells_of_a_keys_health(site: &Site) {
    let workspace = site.workspace().await;
    for (provider, start) in [("openai", "sk-"), ("groq", "gsk_")] {
        let path = byok_key(&workspace.project, provider);
        stored(workspace.owner.put(&path, json!({ "api_key": fresh(start) })).await);
    }
    let reader = workspace.key_of(&workspace.project, &["read:byok"]).await;

    let path = byok_keys(&workspace.project);
    for list in [workspace.owner.get(&path).await, reader.get(&path).await] {
        let items = items(&list.expect(200));
        assert_eq!(items.len(), 2);
        for item in items {
            has_fields(&item, &["health_status", "last_health_error", "last_health_check_at"]);
            let health = item["health_status"].as_str().expect("a health");
            assert!(["healthy", "unhealthy", "unknown"].contains(&health), "{item}");
        }
    }
}

/// Seed 001: "so you can detect a rotated-out or revoked key before users do".
async fn a_revoked_key_is_detected_before_users_do(site: &Site) {
    let workspace = site.workspace().await;
    let fake = site.scripted().await;
    let key = fresh("");
    let path = byok_key(&workspace.project, Scripted::NAME);
    let set = stored(workspace.owner.put(&path, json!({ "api_key": key })).await).json();
    assert_eq!(set["health_status"], "healthy");

    fake.always_probe(Reply::invalid_key(&key));
    let tested = workspace.owner.press(&format!("{path}/test")).await.expect(200).json();

    assert_eq!(tested["health_status"], "unhealthy");
    let error = tested["last_health_error"].as_str().expect("an error");
    assert!(
        error.contains("Incorrect API key") && !error.contains(&key[key.len() - 4..]),
        "{error}"
    );
    assert_eq!(list(&workspace).await, std::slice::from_ref(&tested), "every read tells it");
    // It is kept, and well again when its provider says so.
    fake.always_probe(Reply::standard());
    let again = workspace.owner.press(&format!("{path}/test")).await.expect(200).json();
    assert_eq!(again["health_status"], "healthy");
    assert_eq!(again["last_health_error"], Value::Null);
}

/// Seed 001: "Re-probe the stored key against the upstream provider".
async fn testing_asks_the_provider_about_the_stored_key(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let path = byok_key(&workspace.project, "openai");
    let set = stored(workspace.owner.put(&path, json!({ "api_key": key })).await).json();
    let mut presses = 0;

    // Times are in milliseconds: two checks may fall into one.
    let checked = loop {
        presses += 1;
        let tested = workspace.owner.press(&format!("{path}/test")).await.expect(200).json();
        if time(&tested["last_health_check_at"]) > time(&set["last_health_check_at"]) {
            break tested;
        }
        assert!(presses < 10, "the check's time does not move: {tested}");
    };

    assert_eq!(site.asked("openai", &key), Asked { probes: 1 + presses, calls: 0 });
    assert_eq!(checked["api_key_prefix"], set["api_key_prefix"]);
}

/// Seed 001: the third badge, `unknown`.
async fn a_provider_that_cannot_tell_leaves_the_health_unknown(site: &Site) {
    let workspace = site.workspace().await;
    let fake = site.scripted().await;
    fake.always_probe(Reply::openai_error(500, "server_error", None, "the disk is full"));
    let path = byok_key(&workspace.project, Scripted::NAME);

    let set = stored(workspace.owner.put(&path, json!({ "api_key": fresh("") })).await).json();

    assert_eq!(set["health_status"], "unknown");
    assert!(set["last_health_error"].is_string(), "{set}");
    assert_eq!(list(&workspace).await.len(), 1);
}
