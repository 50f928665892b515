//! Seed 004, "Tier detection": the provider's tier of a key, set by hand when it is added or later, and left alone
//! from then on.

use serde_json::{Value, json};
use testkit::fake::{RateLimits, Reply};

use super::own::{MASTER_KEY, Owner, Place};
use super::people::{eventually, only};
use super::site::{Site, fresh};

on_both! {
    is_enterprise_marks_a_key_when_it_is_added
    selected_tier_is_taken_when_a_key_is_added
    a_provider_that_tells_nothing_starts_at_its_free_tier
    the_tier_is_changed_after_creation
    is_enterprise_is_changed_after_creation
    the_tier_of_the_documented_response_is_detected
    the_tier_is_detected_on_first_use
    once_set_by_hand_detection_is_off
    a_tier_is_one_of_the_providers
}

/// Seed 004: "set is_enterprise: true when adding a key to mark it as enterprise tier".
async fn is_enterprise_marks_a_key_when_it_is_added(site: &Site) {
    let workspace = site.workspace().await;
    let body = json!({ "provider": "openai", "api_key": fresh("sk-"), "is_enterprise": true });

    let made = workspace.try_provider_key(body).await.expect(201);

    assert_eq!(made.at("/detected_tier"), "enterprise");
    assert_eq!(made.at("/tier_source"), "user_specified");
}

/// Seed 004: "for providers that require tier selection (for example, Google AI Studio), pass selected_tier".
async fn selected_tier_is_taken_when_a_key_is_added(site: &Site) {
    let workspace = site.workspace().await;
    let body = json!({
        "provider": "google_ai_studio", "api_key": fresh("AIza"), "selected_tier": "tier-1",
    });

    let made = workspace.try_provider_key(body).await.expect(201);

    assert_eq!(made.at("/detected_tier"), "tier-1");
    assert_eq!(made.at("/tier_source"), "user_specified");
    let keys = workspace.provider_keys().await;
    assert_eq!(only(&keys, "provider", "google_ai_studio")["detected_tier"], "tier-1");
}

/// Seed 004: "providers that require tier selection", where nothing was selected.
async fn a_provider_that_tells_nothing_starts_at_its_free_tier(site: &Site) {
    let workspace = site.workspace().await;

    let made = workspace.add_provider_key("google_ai_studio", &fresh("AIza")).await;

    assert_eq!(made.at("/detected_tier"), "free");
    assert_eq!(made.at("/tier_source"), "default");
}

/// Seed 004: "Update later — PATCH /v1/workspaces/{workspace_id}/provider-keys/{id}/tier".
async fn the_tier_is_changed_after_creation(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let path = format!("{}/tier", workspace.provider_key(&id));

    let changed = workspace.owner.patch(&path, json!({ "tier": "tier-3" })).await.expect(200);

    assert_eq!(changed.at("/id"), id);
    assert_eq!(changed.at("/detected_tier"), "tier-3");
    assert_eq!(changed.at("/tier_source"), "user_specified");
    let read = workspace.owner.get(&workspace.provider_key(&id)).await.expect(200);
    assert_eq!(read.json(), changed.json());
}

/// Seed 004: "Update later", with the enterprise flag.
async fn is_enterprise_is_changed_after_creation(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let path = format!("{}/tier", workspace.provider_key(&id));

    let changed = workspace.owner.patch(&path, json!({ "is_enterprise": true })).await.expect(200);

    assert_eq!(changed.at("/detected_tier"), "enterprise");
    assert_eq!(changed.at("/tier_source"), "user_specified");
}

/// What OpenAI says of this tier's limits for its flagship models.
fn limits(requests: u64, tokens: u64) -> Reply {
    let remaining = RateLimits::remaining(requests - 1, tokens - 10);
    let limits = RateLimits { limit_requests: requests, limit_tokens: tokens, ..remaining };
    Reply::standard().with_rate_limits(limits)
}

/// Seed 004: `"detected_tier": "tier-5", "tier_source": "auto_detected"` of the documented response.
async fn the_tier_of_the_documented_response_is_detected(site: &Site) {
    let Some(place) = Place::new(site.backend).await else { return };
    let gateway = place.start(MASTER_KEY);
    let owner = Owner::set_up(&gateway).await;
    place.fake.always_probe(limits(15_000, 40_000_000));

    let body = json!({ "provider": "openai", "api_key": fresh("sk-") });
    let made = owner.session.post(&owner.provider_keys(), body).await.expect(201);

    assert_eq!(made.at("/detected_tier"), "tier-5");
    assert_eq!(made.at("/tier_source"), "auto_detected");
}

/// Seed 004: "Auriko auto-detects your provider account tier from rate limit headers on first use."
async fn the_tier_is_detected_on_first_use(site: &Site) {
    let Some(place) = Place::new(site.backend).await else { return };
    let gateway = place.start(MASTER_KEY);
    let owner = Owner::set_up(&gateway).await;
    let path = owner.add_provider_key(&fresh("sk-")).await;
    let before = owner.session.get(&path).await.expect(200).json();
    assert_ne!(before["tier_source"], "auto_detected", "nothing told it: {before}");
    place.fake.always(limits(10_000, 4_000_000));

    owner.application().await.chat("openai/gpt-5").await.expect(200);

    let key = detected(&owner, &path).await;
    assert_eq!(key["detected_tier"], "tier-4");
}

async fn detected(owner: &Owner, path: &str) -> Value {
    let detected = eventually("the tier is detected", async || {
        let key = owner.session.get(path).await.expect(200).json();
        (key["tier_source"] == "auto_detected").then_some(key)
    });
    detected.await
}

/// Seed 004: "Once a tier is manually set (tier_source: "user_specified"), auto-detection is disabled for that key."
async fn once_set_by_hand_detection_is_off(site: &Site) {
    let Some(place) = Place::new(site.backend).await else { return };
    let gateway = place.start(MASTER_KEY);
    let owner = Owner::set_up(&gateway).await;
    let by_hand = owner.add_provider_key(&fresh("sk-")).await;
    let tier = json!({ "tier": "tier-1" });
    owner.session.patch(&format!("{by_hand}/tier"), tier).await.expect(200);
    let app = owner.application().await;
    place.fake.always(limits(10_000, 4_000_000));
    place.fake.always_probe(limits(15_000, 40_000_000));

    app.chat("openai/gpt-5").await.expect(200);
    owner.session.press(&format!("{by_hand}/validate")).await.expect(200);
    // What is told of another key afterwards has come by then.
    let other = owner.add_provider_key(&fresh("sk-")).await;
    owner.session.press(&format!("{other}/set-default")).await.expect(200);
    app.chat("openai/gpt-5").await.expect(200);
    eventually("the other's is", async || {
        let key = owner.session.get(&other).await.expect(200).json();
        (key["detected_tier"] == "tier-4").then_some(())
    })
    .await;

    let key = owner.session.get(&by_hand).await.expect(200).json();
    assert_eq!(key["detected_tier"], "tier-1");
    assert_eq!(key["tier_source"], "user_specified");
}

/// Seed 004: "Manual tier": the name of no tier is a mistake, and both ways at once are two answers to one question.
async fn a_tier_is_one_of_the_providers(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let path = format!("{}/tier", workspace.provider_key(&id));

    for wrong in [
        json!({ "tier": "Tier 5!" }),
        json!({ "tier": 5 }),
        json!({}),
        json!({ "tier": "tier-1", "is_enterprise": true }),
        json!({ "selected_tier": "tier-1" }),
    ] {
        let refused = workspace.owner.patch(&path, wrong.clone()).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{wrong}");
    }
    let key = workspace.owner.get(&workspace.provider_key(&id)).await.expect(200).json();
    assert_ne!(key["tier_source"], json!("user_specified"), "{key}");
    let body =
        json!({ "provider": "openai", "api_key": fresh("sk-"), "selected_tier": Value::from(7) });
    workspace.try_provider_key(body).await.expect(400);
}
