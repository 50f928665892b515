//! Seed 002, secrets: five categories, one tenant, values that go in and never come out; and a provider key by
//! another name.

use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::fake::Reply;

use super::people::{absent, eventually, faceless, fields, has_fields, items, only};
use super::site::{Asked, Scripted, Site, fresh};

on_both! {
    the_five_categories_are_taken_and_no_other
    the_documented_request_works_as_printed
    values_are_never_exposed_in_answers_or_logs
    a_saved_value_is_encrypted_at_once
    secrets_are_scoped_per_tenant
    the_tenant_is_the_one_in_the_header
    a_general_secret_has_a_name_a_value_and_an_optional_description
    agents_use_the_key_that_was_registered_as_a_secret
    a_registered_key_is_the_workspaces_default_provider_key
    a_default_provider_key_is_a_registered_secret
    what_is_deleted_on_one_face_is_gone_on_the_other
    a_new_value_is_in_effect_on_the_next_call
    a_registered_key_is_probed_as_any_other
    the_four_documented_names_and_formats_are_taken
    byok_providers_answers_in_the_documented_shape
    a_key_that_fails_is_named_to_its_owner
}

const MODEL: &str = "openai/gpt-4o";

fn openai_secret(value: &str) -> Value {
    json!({
        "name": "provider_key_openai", "value": value, "category": "llm_provider",
        "description": "My OpenAI key",
    })
}

fn general(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value, "category": "custom" })
}

/// Seed 002: the table of categories.
async fn the_five_categories_are_taken_and_no_other(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    for (category, name) in [
        ("api_key", "resend"),
        ("api", "erp-auth"),
        ("llm_provider", "provider_key_openai"),
        ("database", "postgres-password"),
        ("custom", "webhook-secret"),
    ] {
        let body = json!({ "name": name, "value": fresh("sk-"), "category": category });
        let made = tenant.post("/api/secrets", body).await.expect(201);
        assert_eq!(made.at("/category"), category);
    }

    for category in ["llm", "API_KEY", "password", ""] {
        let body = json!({ "name": "other", "value": fresh(""), "category": category });
        let refused = tenant.post("/api/secrets", body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{category}");
    }
    assert_eq!(items(&tenant.get("/api/secrets").await.expect(200)).len(), 5);
}

/// Seed 002: the curl under "Configuring via API", header by header and field by field.
async fn the_documented_request_works_as_printed(site: &Site) {
    let workspace = site.workspace().await;
    let value = fresh("sk-proj-");

    let call = site.api.post("/api/secrets", &openai_secret(&value));
    let call = call.bearer(workspace.owner.token()).header("x-tenant-id", &workspace.id);
    let made = call.whole().await.expect(201);

    assert!(made.at("/id").starts_with("sec_") || made.at("/id").starts_with("pk_"));
    assert_eq!(made.at("/name"), "provider_key_openai");
    assert_eq!(made.at("/category"), "llm_provider");
    assert_eq!(made.at("/description"), "My OpenAI key");
    has_fields(&made.json(), &["created_at", "updated_at"]);
    let read = workspace.tenant().get("/api/secrets/provider_key_openai").await.expect(200);
    assert_eq!(read.json(), made.json());
}

/// Seed 002: "never exposed in logs or API responses."
async fn values_are_never_exposed_in_answers_or_logs(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    let values = [fresh("value-"), fresh("later-"), fresh("sk-proj-")];
    let post = async |body| tenant.post("/api/secrets", body).await.expect(201);

    let answers = [
        post(general("hook", &values[0])).await,
        post(openai_secret(&values[2])).await,
        tenant.get("/api/secrets").await.expect(200),
        tenant.get("/api/secrets/hook").await.expect(200),
        tenant.get("/api/secrets/provider_key_openai").await.expect(200),
        tenant.patch("/api/secrets/hook", json!({ "value": values[1] })).await.expect(200),
        tenant.post("/api/secrets", general("hook", &values[1])).await.expect(409),
        tenant.get("/api/v1/tenant/byok-providers").await.expect(200),
        tenant.get(&workspace.path("audit")).await.expect(200),
    ];

    let canaries = values.iter().fold(Canaries::new(), |canaries, value| {
        canaries.any_part(&value[..5], &value[value.len() - 40..])
    });
    for answer in answers {
        assert_eq!(canaries.scan("an answer", &answer.body), [""; 0], "{}", answer.text());
        assert!(!answer.text().contains("\"value\""), "{}", answer.text());
    }
    assert_eq!(canaries.scan("the log", site.log().as_bytes()), [""; 0]);
}

/// Seed 002: "Save — the value is encrypted immediately".
async fn a_saved_value_is_encrypted_at_once(site: &Site) {
    let workspace = site.workspace().await;
    let (value, description) = (fresh("value-"), fresh("what for "));
    let body =
        json!({ "name": "erp", "value": value, "category": "api", "description": description });

    workspace.tenant().post("/api/secrets", body).await.expect(201);

    let Some(kept) = site.stored() else { return };
    let found = Canaries::new().any_part("the value", &value[6..]).scan("the database", &kept);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let control = Canaries::new().whole("the description", &description);
    assert!(!control.scan("the database", &kept).is_empty(), "what is no secret is found");
}

/// Seed 002: "Secrets are scoped per tenant".
async fn secrets_are_scoped_per_tenant(site: &Site) {
    let (mine, yours) = (site.workspace().await, site.workspace().await);
    mine.tenant().post("/api/secrets", general("hook", &fresh(""))).await.expect(201);
    let wide = yours.tenant_key(json!({})).await;

    for caller in [yours.tenant(), wide, yours.owner.in_tenant(&mine.id)] {
        let foreign = caller.get("/api/secrets/hook").await.expect(404);
        let absent = caller.get("/api/secrets/hooo").await.expect(404);
        assert_eq!(faceless(&foreign), faceless(&absent));
        caller.patch("/api/secrets/hook", json!({ "value": "x" })).await.expect(404);
        caller.delete("/api/secrets/hook").await.expect(404);
    }
    let foreign = yours.owner.in_tenant(&mine.id).get("/api/secrets").await;
    let nowhere = yours.owner.in_tenant(&absent(&mine.id)).get("/api/secrets").await;
    assert_eq!(faceless(&foreign), faceless(&nowhere));

    // The same name is another secret there.
    yours.tenant().post("/api/secrets", general("hook", &fresh(""))).await.expect(201);
    yours.tenant().delete("/api/secrets/hook").await.expect(204);
    mine.tenant().get("/api/secrets/hook").await.expect(200);
}

/// Seed 002: `-H "X-Tenant-Id: YOUR_TENANT_ID"`.
async fn the_tenant_is_the_one_in_the_header(site: &Site) {
    let (one, two) = (site.workspace().await, site.workspace().await);
    // Belongs to both.
    let operator = site.operator();

    let tenant = operator.in_tenant(&one.id);
    tenant.post("/api/secrets", general("hook", &fresh(""))).await.expect(201);

    tenant.get("/api/secrets/hook").await.expect(200);
    operator.in_tenant(&two.id).get("/api/secrets/hook").await.expect(404);
    let nowhere = operator.post("/api/secrets", general("hook", &fresh(""))).await.expect(400);
    assert!(nowhere.at("/error/message").to_lowercase().contains("x-tenant-id"));
    // Who belongs to one workspace only has no choice to make.
    one.owner.get("/api/secrets/hook").await.expect(200);
}

/// Seed 002: "Enter name, value, and optional description".
async fn a_general_secret_has_a_name_a_value_and_an_optional_description(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();

    let made = tenant.post("/api/secrets", general("hook", &fresh(""))).await.expect(201);
    assert_eq!(made.json()["description"], Value::Null);
    assert!(made.at("/id").starts_with("sec_"), "{}", made.text());
    let named = json!({ "description": "of the shop" });
    let changed = tenant.patch("/api/secrets/hook", named).await.expect(200);
    assert_eq!(changed.at("/description"), "of the shop");
    assert_eq!(changed.at("/id"), made.at("/id"));

    for incomplete in [
        json!({ "name": "x", "category": "custom" }),
        json!({ "value": "x", "category": "custom" }),
        json!({ "name": "", "value": "x", "category": "custom" }),
    ] {
        assert_eq!(
            tenant.post("/api/secrets", incomplete).await.expect(400).code(),
            "invalid_request"
        );
    }
    tenant.delete("/api/secrets/hook").await.expect(204);
    tenant.get("/api/secrets/hook").await.expect(404);
    assert_eq!(items(&tenant.get("/api/secrets").await.expect(200)), [Value::Null; 0]);
}

/// Seed 002: "When an agent makes an LLM call, Zihin checks if you have a key for that provider. If yes: uses your
/// key".
async fn agents_use_the_key_that_was_registered_as_a_secret(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    assert_eq!(app.chat(MODEL).await.expect(403).code(), "no_provider_key");
    let value = fresh("sk-proj-");

    workspace.tenant().post("/api/secrets", openai_secret(&value)).await.expect(201);

    let answer = app.chat(MODEL).await.expect(200);
    assert_eq!(answer.header("x-keystile-payer"), Some("byok"));
    assert_eq!(site.asked("openai", &value).calls, 1);
}

/// Seed 002: "You register your provider key as a secret"; it is the key that seed 004 lists.
async fn a_registered_key_is_the_workspaces_default_provider_key(site: &Site) {
    let workspace = site.workspace().await;
    let value = fresh("sk-proj-");

    workspace.tenant().post("/api/secrets", openai_secret(&value)).await.expect(201);

    let keys = workspace.provider_keys().await;
    let key = only(&keys, "provider", "openai");
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(key["is_default"], true);
    assert_eq!(key["is_active"], true);
    assert_eq!(key["key_prefix"], "sk-proj-...****");
}

/// Seed 002: "register your provider key as a secret": what seed 004 registers is one as well.
async fn a_default_provider_key_is_a_registered_secret(site: &Site) {
    let workspace = site.workspace().await;
    workspace.add_provider_key("openai", &fresh("sk-")).await;
    workspace.add_provider_key("openai", &fresh("sk-")).await;

    let secrets = items(&workspace.tenant().get("/api/secrets").await.expect(200));

    let secret = only(&secrets, "name", "provider_key_openai");
    assert_eq!(secret["category"], "llm_provider");
    assert_eq!(secrets.len(), 1, "of two keys one is the default: {secrets:?}");
}

/// Seeds 002 and 004: one object, and nothing to forget on the other side.
async fn what_is_deleted_on_one_face_is_gone_on_the_other(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    let path = "/api/secrets/provider_key_openai";

    tenant.post("/api/secrets", openai_secret(&fresh("sk-"))).await.expect(201);
    tenant.delete(path).await.expect(204);
    assert_eq!(workspace.provider_keys().await, [Value::Null; 0]);

    tenant.post("/api/secrets", openai_secret(&fresh("sk-"))).await.expect(201);
    let keys = workspace.provider_keys().await;
    let id = keys[0]["id"].as_str().expect("an id");
    workspace.owner.delete(&workspace.provider_key(id)).await.expect(204);
    tenant.get(path).await.expect(404);
    let app = workspace.application(json!({})).await;
    assert_eq!(app.chat(MODEL).await.expect(403).code(), "no_provider_key");
}

/// Seed 002: the key "is encrypted and stored" again, in the same place.
async fn a_new_value_is_in_effect_on_the_next_call(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    let (old, new) = (fresh("sk-old-"), fresh("sk-new-"));
    tenant.post("/api/secrets", openai_secret(&old)).await.expect(201);
    let app = workspace.application(json!({})).await;
    app.chat(MODEL).await.expect(200);
    let before = workspace.provider_keys().await;

    let path = "/api/secrets/provider_key_openai";
    tenant.patch(path, json!({ "value": new })).await.expect(200);
    app.chat(MODEL).await.expect(200);

    assert_eq!(site.asked("openai", &old).calls, 1);
    assert_eq!(site.asked("openai", &new).calls, 1);
    let after = workspace.provider_keys().await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["id"], before[0]["id"]);
}

/// Seed 001's "No bad key gets persisted", on this face.
async fn a_registered_key_is_probed_as_any_other(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    let (good, bad) = (fresh("sk-"), fresh("bad-"));

    let refused = tenant.post("/api/secrets", openai_secret(&bad)).await.expect(400);
    assert_eq!(refused.code(), "provider_rejected_key");
    tenant.get("/api/secrets/provider_key_openai").await.expect(404);
    tenant.post("/api/secrets", openai_secret(&good)).await.expect(201);
    let path = "/api/secrets/provider_key_openai";
    let refused = tenant.patch(path, json!({ "value": bad })).await.expect(400);
    assert_eq!(refused.code(), "provider_rejected_key");

    workspace.application(json!({})).await.chat(MODEL).await.expect(200);
    assert_eq!(site.asked("openai", &good), Asked { probes: 1, calls: 1 });
    assert_eq!(site.asked("openai", &bad), Asked { probes: 2, calls: 0 });
}

/// Seed 002: the table of providers, secret names and key formats.
async fn the_four_documented_names_and_formats_are_taken(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();

    for (name, start) in [
        ("provider_key_openai", "sk-proj-"),
        ("provider_key_anthropic", "sk-ant-"),
        ("provider_key_google", "AIzaSy"),
        ("provider_key_grok", "xai-"),
    ] {
        let body = json!({ "name": name, "value": fresh(start), "category": "llm_provider" });
        let made = tenant.post("/api/secrets", body).await.expect(201);

        assert_eq!(made.at("/name"), name, "in the spelling of its document");
        tenant.get(&format!("/api/secrets/{name}")).await.expect(200);
    }
    let keys = workspace.provider_keys().await;
    for provider in ["openai", "anthropic", "google_ai_studio", "xai"] {
        only(&keys, "provider", provider);
    }
    // The other way to write it names the same key.
    tenant.get("/api/secrets/provider_key_xai").await.expect(200);
    tenant.get("/api/secrets/provider_key_gemini").await.expect(200);
    let secrets = items(&tenant.get("/api/secrets").await.expect(200));
    assert_eq!(secrets.len(), 4, "{secrets:?}");
    only(&secrets, "name", "provider_key_grok");
}

/// Seed 002: `GET /api/v1/tenant/byok-providers`.
async fn byok_providers_answers_in_the_documented_shape(site: &Site) {
    let workspace = site.workspace().await;
    let tenant = workspace.tenant();
    let path = "/api/v1/tenant/byok-providers";
    for (name, start) in [("provider_key_openai", "sk-"), ("provider_key_grok", "xai-")] {
        let body = json!({ "name": name, "value": fresh(start), "category": "llm_provider" });
        tenant.post("/api/secrets", body).await.expect(201);
    }

    let answer = tenant.get(path).await.expect(200).json();

    assert_eq!(fields(&answer).into_iter().collect::<Vec<_>>(), ["providers"]);
    let providers = &answer["providers"];
    for (provider, has) in
        [("openai", true), ("anthropic", false), ("google", false), ("grok", true)]
    {
        assert_eq!(providers[provider], has, "{provider}: {answer}");
    }
    let all = providers.as_object().expect("an object");
    assert_eq!(all.values().filter(|has| **has == true).count(), 2, "{answer}");
    assert!(all.values().all(Value::is_boolean), "{answer}");
    assert!(!all.contains_key("xai") && !all.contains_key("gemini"), "one name each: {answer}");
    // A key that is paused is none to use.
    let keys = workspace.provider_keys().await;
    let id = only(&keys, "provider", "openai")["id"].as_str().expect("an id");
    let pause = json!({ "is_active": false });
    workspace.owner.patch(&workspace.provider_key(id), pause).await.expect(200);
    let paused = tenant.get(path).await.expect(200).json();
    assert_eq!(paused["providers"]["openai"], false, "{paused}");
}

/// Seed 002: "If your key fails (expired, invalid)": where no pool may answer, its owner learns which key and what
/// to do.
async fn a_key_that_fails_is_named_to_its_owner(site: &Site) {
    let workspace = site.workspace().await;
    let fake = site.scripted().await;
    let value = fresh("");
    let name = format!("provider_key_{}", Scripted::NAME);
    let body = json!({ "name": name, "value": value, "category": "llm_provider" });
    workspace.tenant().post("/api/secrets", body).await.expect(201);
    let app = workspace.application(json!({})).await;
    fake.always(Reply::invalid_key(&value));
    fake.always_probe(Reply::invalid_key(&value));

    let refused = app.chat(&format!("{}/mistral-small-latest", Scripted::NAME)).await.expect(424);

    assert_eq!(refused.code(), "upstream_key_invalid");
    let keys = workspace.provider_keys().await;
    let id = keys[0]["id"].as_str().expect("an id");
    assert!(refused.at("/error/message").contains(id), "{}", refused.text());
    assert!(!refused.text().contains(&value[value.len() - 12..]), "{}", refused.text());
    // It is asked about once more, and whoever looks sees the answer.
    let seen = eventually("its health tells", async || {
        let key = workspace.provider_keys().await.remove(0);
        (key["health_status"] == "unhealthy").then_some(key)
    });
    assert!(seen.await["last_health_error"].is_string());
}
