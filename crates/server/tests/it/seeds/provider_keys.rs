//! Seed 004, the provider keys of a workspace: added with a probe, listed masked, validated, made the default,
//! deleted; and used as the request wishes.

use serde_json::{Value, json};
use testkit::fake::Reply;

use super::people::{Workspace, has_fields, items, now, only, time};
use super::site::{Asked, Scripted, Site, fresh};

on_both! {
    the_documented_creation_works_as_printed
    keys_are_masked_but_for_their_first_characters
    a_key_is_probed_before_it_is_saved
    a_key_saved_without_a_probe_is_unknown
    all_ten_providers_are_taken_in_the_tables_spelling
    keys_are_listed_one_and_all
    validating_probes_a_stored_key_again
    a_key_that_no_longer_works_is_told_so
    the_first_key_of_a_provider_is_its_default
    the_default_is_changed_per_provider
    a_deleted_default_hands_over
    only_byok_fails_when_no_key_can_be_used
    only_platform_ignores_byok_keys
    every_data_policy_is_an_option_and_nothing_else
    keys_inherit_the_accounts_data_policy
    the_most_restrictive_data_policy_wins
}

const MODEL: &str = "openai/gpt-4o";

/// Seed 004: the request and the response under "Add a provider key".
async fn the_documented_creation_works_as_printed(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let body = json!({
        "provider": "openai", "api_key": key, "label": "Production OpenAI",
        "validate_before_save": true,
    });

    let before = now();
    let made = workspace.try_provider_key(body).await.expect(201);

    assert!(made.at("/id").starts_with("pk_"), "{}", made.text());
    assert_eq!(made.at("/provider"), "openai");
    assert_eq!(made.at("/provider_name"), "OpenAI");
    assert_eq!(made.at("/validation_status"), "valid");
    assert_eq!(made.at("/label"), "Production OpenAI");
    assert_eq!(made.at("/health_status"), "healthy");
    let json = made.json();
    assert_eq!(json["is_default"], true);
    assert_eq!(json["is_active"], true);
    let fields = [
        "key_prefix",
        "detected_tier",
        "tier_source",
        "last_health_error",
        "last_health_check_at",
        "last_used_at",
    ];
    has_fields(&json, &fields);
    for checked in ["created_at", "last_health_check_at"] {
        assert!((before..=now()).contains(&time(&json[checked])), "{checked}: {json}");
    }
    assert!(json.get("api_key").is_none(), "{json}");
}

/// Seed 004: "API responses return keys as sk-xxxxx...**** with only the first 8 characters visible."
async fn keys_are_masked_but_for_their_first_characters(site: &Site) {
    let workspace = site.workspace().await;
    let long = fresh("sk-proj-");
    let short = "sk-12345678";
    for key in [long.as_str(), short] {
        workspace.add_provider_key("openai", key).await;
    }

    let list = workspace.owner.get(&workspace.path("provider-keys")).await.expect(200);

    let prefixes: Vec<_> = items(&list).iter().map(|key| key["key_prefix"].clone()).collect();
    assert!(prefixes.contains(&json!("sk-proj-...****")), "{prefixes:?}");
    for prefix in &prefixes {
        let shown = prefix.as_str().and_then(|text| text.strip_suffix("...****"));
        let shown = shown.unwrap_or_else(|| panic!("{prefix} is not masked"));
        assert!(shown.len() <= 8, "{prefix}");
        assert!(long.starts_with(shown) || short.starts_with(shown), "{prefix}");
    }
    // Of a short key less, so that what is left is still a secret.
    assert!(!list.text().contains("sk-12345"), "{}", list.text());
    assert!(!list.text().contains(&long[8..]) && !list.text().contains(&long[long.len() - 4..]));
}

/// Seed 004: "When validate_before_save is true (default), Auriko makes a lightweight probe request".
async fn a_key_is_probed_before_it_is_saved(site: &Site) {
    let workspace = site.workspace().await;
    let (good, bad) = (fresh("sk-"), fresh("bad-"));

    let made = workspace.add_provider_key("openai", &good).await;
    let body = json!({ "provider": "openai", "api_key": bad });
    let refused = workspace.try_provider_key(body).await.expect(400);

    assert_eq!(made.at("/validation_status"), "valid");
    assert_eq!(site.asked("openai", &good), Asked { probes: 1, calls: 0 });
    assert_eq!(refused.code(), "provider_rejected_key");
    assert_eq!(site.asked("openai", &bad), Asked { probes: 1, calls: 0 });
    assert_eq!(workspace.provider_keys().await, [made.json()]);
}

/// Seed 004: `"validate_before_save": false`.
async fn a_key_saved_without_a_probe_is_unknown(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("bad-");
    let body = json!({ "provider": "openai", "api_key": key, "validate_before_save": false });

    let made = workspace.try_provider_key(body).await.expect(201);

    assert_eq!(made.at("/validation_status"), "unknown");
    assert_eq!(made.at("/health_status"), "unknown");
    assert_eq!(made.json()["last_health_check_at"], Value::Null);
    assert_eq!(site.asked("openai", &key), Asked::default());
}

/// Seed 004: the table "Supported providers".
async fn all_ten_providers_are_taken_in_the_tables_spelling(site: &Site) {
    let workspace = site.workspace().await;
    let table = [
        ("openai", "OpenAI"),
        ("anthropic", "Anthropic Claude"),
        ("google_ai_studio", "Google AI Studio"),
        ("deepseek", "DeepSeek"),
        ("xai", "xAI Grok"),
        ("fireworks_ai", "Fireworks AI"),
        ("together_ai", "Together AI"),
        ("z_ai", "Z.AI"),
        ("minimax", "MiniMax"),
        ("moonshot", "Moonshot AI"),
    ];

    for (provider, name) in table {
        let made = workspace.add_provider_key(provider, &fresh("")).await;

        assert_eq!(made.at("/provider"), provider);
        assert_eq!(made.at("/provider_name"), name);
        assert_eq!(made.at("/validation_status"), "valid", "{provider}");
    }
    let keys = workspace.provider_keys().await;
    for (provider, _) in table {
        assert_eq!(only(&keys, "provider", provider)["is_default"], true, "{provider}");
    }
    let nobody = json!({ "provider": "nobody", "api_key": fresh("") });
    assert_eq!(workspace.try_provider_key(nobody).await.expect(400).code(), "invalid_request");
}

/// Seed 004: "List all provider keys".
async fn keys_are_listed_one_and_all(site: &Site) {
    let workspace = site.workspace().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id"));
    }

    let list = workspace.owner.get(&workspace.path("provider-keys")).await.expect(200);

    assert_eq!(list.json()["next_cursor"], Value::Null);
    let keys = items(&list);
    assert_eq!(keys.len(), 3);
    for id in &ids {
        let one = workspace.owner.get(&workspace.provider_key(id)).await.expect(200);
        assert_eq!(one.json(), *only(&keys, "id", id));
    }
    // A page at a time it is the same list.
    let mut paged = Vec::new();
    let mut path = format!("{}?limit=2", workspace.path("provider-keys"));
    loop {
        let page = workspace.owner.get(&path).await.expect(200);
        paged.extend(items(&page));
        let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        assert!(paged.len() < 3, "more pages than keys");
        path = format!("{}?limit=2&cursor={cursor}", workspace.path("provider-keys"));
    }
    assert_eq!(paged, keys);
}

/// Seed 004: "Re-validate a key".
async fn validating_probes_a_stored_key_again(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let body = json!({ "provider": "openai", "api_key": key, "validate_before_save": false });
    let id = workspace.try_provider_key(body).await.expect(201).at("/id");

    let path = format!("{}/validate", workspace.provider_key(&id));
    let valid = workspace.owner.press(&path).await.expect(200);

    assert_eq!(valid.at("/id"), id);
    assert_eq!(valid.at("/validation_status"), "valid");
    assert_eq!(valid.at("/health_status"), "healthy");
    assert!(valid.json()["last_health_check_at"].is_string());
    assert_eq!(site.asked("openai", &key), Asked { probes: 1, calls: 0 });
    assert_eq!(workspace.provider_keys().await, [valid.json()]);
}

/// Seed 004: "Re-validate a key", when the answer is no: the key stays, and says so.
async fn a_key_that_no_longer_works_is_told_so(site: &Site) {
    let workspace = site.workspace().await;
    let fake = site.scripted().await;
    let key = fresh("");
    let id = workspace.add_provider_key(Scripted::NAME, &key).await.at("/id");
    fake.always_probe(Reply::invalid_key(&key));

    let path = format!("{}/validate", workspace.provider_key(&id));
    let told = workspace.owner.press(&path).await.expect(200);

    assert_eq!(told.at("/validation_status"), "invalid");
    assert_eq!(told.at("/health_status"), "unhealthy");
    assert!(!told.at("/last_health_error").contains(&key[key.len() - 4..]), "{}", told.text());
    assert_eq!(workspace.provider_keys().await, [told.json()]);
}

/// Seed 004: `"is_default": true`.
async fn the_first_key_of_a_provider_is_its_default(site: &Site) {
    let workspace = site.workspace().await;
    let (first, second) = (fresh("sk-first-"), fresh("sk-second-"));

    let one = workspace.add_provider_key("openai", &first).await;
    let two = workspace.add_provider_key("openai", &second).await;
    let other = workspace.add_provider_key("groq", &fresh("gsk_")).await;

    assert_eq!(one.json()["is_default"], true);
    assert_eq!(two.json()["is_default"], false);
    assert_eq!(other.json()["is_default"], true);
    workspace.application(json!({})).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &first).calls, 1);
    assert_eq!(site.asked("openai", &second).calls, 0);
}

async fn defaults(workspace: &Workspace) -> Vec<String> {
    let keys = workspace.provider_keys().await;
    let defaults = keys.iter().filter(|key| key["is_default"] == true);
    defaults.map(|key| key["id"].as_str().expect("an id").to_owned()).collect()
}

/// Seed 004: "Set as default for provider".
async fn the_default_is_changed_per_provider(site: &Site) {
    let workspace = site.workspace().await;
    let (first, second) = (fresh("sk-first-"), fresh("sk-second-"));
    let one = workspace.add_provider_key("openai", &first).await.at("/id");
    let two = workspace.add_provider_key("openai", &second).await.at("/id");
    let other = workspace.add_provider_key("groq", &fresh("gsk_")).await.at("/id");
    let app = workspace.application(json!({})).await;

    let path = format!("{}/set-default", workspace.provider_key(&two));
    let set = workspace.owner.press(&path).await.expect(200);

    assert_eq!(set.json()["is_default"], true);
    let now = defaults(&workspace).await;
    assert!(now.contains(&two) && now.contains(&other) && !now.contains(&one), "{now:?}");
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &first).calls, 0);
    assert_eq!(site.asked("openai", &second).calls, 1);
}

/// Seed 004: "Delete a key"; there is one default as long as there is a key.
async fn a_deleted_default_hands_over(site: &Site) {
    let workspace = site.workspace().await;
    let (first, second) = (fresh("sk-first-"), fresh("sk-second-"));
    let one = workspace.add_provider_key("openai", &first).await.at("/id");
    let two = workspace.add_provider_key("openai", &second).await.at("/id");

    workspace.owner.delete(&workspace.provider_key(&one)).await.expect(204);

    assert_eq!(defaults(&workspace).await, [two]);
    workspace.owner.delete(&workspace.provider_key(&one)).await.expect(404);
    workspace.application(json!({})).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &second).calls, 1);
}

/// Seed 004: "only_byok: true: use only your BYOK key and fail the request if unavailable."
async fn only_byok_fails_when_no_key_can_be_used(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let app = workspace.application(json!({})).await;
    let wish = || json!({ "only_byok": true });

    app.chat_routed(MODEL, wish()).await.expect(200);
    let pause = json!({ "is_active": false });
    workspace.owner.patch(&workspace.provider_key(&id), pause).await.expect(200);
    let refused = app.chat_routed(MODEL, wish()).await.expect(403);

    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.asked("openai", &key).calls, 1);
}

/// Seed 004: "only_platform: true: ignore BYOK keys entirely."
async fn only_platform_ignores_byok_keys(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let app = workspace.application(json!({})).await;

    let wish = json!({ "only_platform": true });
    let refused = app.chat_routed(MODEL, wish).await.expect(403);

    assert_eq!(refused.code(), "no_provider_key");
    assert_eq!(site.asked("openai", &key).calls, 0);
}

/// Seed 004: "Options: none, no_training, and zdr (zero data retention)."
async fn every_data_policy_is_an_option_and_nothing_else(site: &Site) {
    let workspace = site.workspace().await;
    let path = format!("/v1/workspaces/{}", workspace.id);

    for policy in ["no_training", "zdr", "none"] {
        let body = json!({ "data_policy": policy });
        let set = workspace.owner.patch(&path, body).await.expect(200);
        assert_eq!(set.at("/data_policy"), policy);
        assert_eq!(workspace.owner.get(&path).await.expect(200).at("/data_policy"), policy);
    }
    for wrong in ["ZDR", "no-training", "strict", ""] {
        let body = json!({ "data_policy": wrong });
        let refused = workspace.owner.patch(&path, body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{wrong}");
    }
}

/// Seed 004: "the most restrictive one wins."
async fn the_most_restrictive_data_policy_wins(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    let app = workspace.application(json!({})).await;
    let account = format!("/v1/workspaces/{}", workspace.id);
    let project = workspace.path(&format!("projects/{}", workspace.project));
    let policy = |policy: &str| json!({ "data_policy": policy });
    app.chat(MODEL).await.expect(200);

    for (strict, lax) in [(&account, &project), (&project, &account)] {
        workspace.owner.patch(lax, policy("none")).await.expect(200);
        workspace.owner.patch(strict, policy("zdr")).await.expect(200);
        let refused = app.chat(MODEL).await.expect(403);
        assert_eq!(refused.code(), "data_policy_unsatisfied");
        assert!(refused.at("/error/message").contains("zdr"), "{}", refused.text());
    }
    assert_eq!(site.asked("openai", &key).calls, 1);
    // Whose owner has such a contract with the provider says so of the key.
    workspace.owner.patch(&workspace.provider_key(&id), policy("zdr")).await.expect(200);
    app.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &key).calls, 2);
}

/// Seed 004: "BYOK keys inherit the account-level data policy", unless their owner says more of them.
async fn keys_inherit_the_accounts_data_policy(site: &Site) {
    let workspace = site.workspace().await;
    let plain = workspace.add_provider_key("openai", &fresh("sk-")).await.json();
    assert_eq!(plain["data_policy"], Value::Null, "its workspace's: {plain}");

    let body = json!({ "provider": "groq", "api_key": fresh("gsk_"), "data_policy": "zdr" });
    let attested = workspace.try_provider_key(body).await.expect(201);
    assert_eq!(attested.at("/data_policy"), "zdr");
    let path = workspace.provider_key(&attested.at("/id"));
    let body = json!({ "data_policy": "no_training" });
    let changed = workspace.owner.patch(&path, body).await.expect(200);
    assert_eq!(changed.at("/data_policy"), "no_training");
    let back = workspace.owner.patch(&path, json!({ "data_policy": null })).await.expect(200);
    assert_eq!(back.json()["data_policy"], Value::Null);
    workspace.owner.patch(&path, json!({ "data_policy": "some" })).await.expect(400);
}
