//! Seed 002, plans: which of them bring keys of their own, and what a key of one's own opens.

use serde_json::{Value, json};

use super::people::{Workspace, byok_key, items};
use super::site::{Asked, Site, fresh};

on_both! {
    starter_has_no_byok_on_any_face
    core_pro_and_business_have_byok
    starter_keeps_general_secrets
    keys_stored_before_a_downgrade_stay_and_are_not_used
    a_key_of_ones_own_opens_every_model_of_its_provider
    the_plan_is_the_operators_to_set
    me_names_the_plan
}

fn secret(value: &str) -> Value {
    json!({ "name": "provider_key_openai", "value": value, "category": "llm_provider" })
}

/// Seed 002: "Starter (free): No".
async fn starter_has_no_byok_on_any_face(site: &Site) {
    let workspace = site.workspace().await;
    workspace.set_plan("starter").await;
    let key = fresh("sk-");
    let path = byok_key(&workspace.project, "openai");

    let answers = [
        workspace.try_provider_key(json!({ "provider": "openai", "api_key": key })).await,
        workspace.owner.put(&path, json!({ "api_key": key })).await,
        workspace.tenant().post("/api/secrets", secret(&key)).await,
    ];

    for answer in answers {
        assert_eq!(answer.status.as_u16(), 403, "{}", answer.text());
        assert_eq!(answer.code(), "plan_forbids");
        assert!(answer.at("/error/message").contains("starter"), "{}", answer.text());
    }
    assert_eq!(site.asked("openai", &key), Asked::default(), "it is not even tried");
    assert_eq!(workspace.provider_keys().await, [Value::Null; 0]);
}

/// Seed 002: "Core: Yes, Pro: Yes, Business: Yes".
async fn core_pro_and_business_have_byok(site: &Site) {
    for plan in ["core", "pro", "business"] {
        let workspace = site.workspace().await;
        workspace.set_plan(plan).await;

        workspace.tenant().post("/api/secrets", secret(&fresh("sk-"))).await.expect(201);
        workspace.add_provider_key("groq", &fresh("gsk_")).await;

        let app = workspace.application(json!({})).await;
        app.chat("openai/gpt-4o").await.expect(200);
    }
}

/// Seed 002: the plans are about BYOK; "For non-LLM secrets ... use the general secrets management".
async fn starter_keeps_general_secrets(site: &Site) {
    let workspace = site.workspace().await;
    workspace.set_plan("starter").await;
    let tenant = workspace.tenant();

    let body = json!({ "name": "resend", "value": fresh("re_"), "category": "api_key" });
    tenant.post("/api/secrets", body).await.expect(201);

    assert_eq!(items(&tenant.get("/api/secrets").await.expect(200)).len(), 1);
}

/// Seed 002: "BYOK available: No": what was stored before is kept, and waits.
async fn keys_stored_before_a_downgrade_stay_and_are_not_used(site: &Site) {
    let workspace = site.workspace().await;
    workspace.set_plan("core").await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let app = workspace.application(json!({})).await;
    app.chat("openai/gpt-4o").await.expect(200);

    workspace.set_plan("starter").await;
    let refused = app.chat("openai/gpt-4o").await;

    assert_eq!(refused.status.as_u16(), 403, "{}", refused.text());
    assert_eq!(site.asked("openai", &key).calls, 1);
    assert_eq!(workspace.provider_keys().await.len(), 1);
    workspace.set_plan("pro").await;
    app.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(site.asked("openai", &key).calls, 2);
}

/// Seed 002: "Core plan with BYOK OpenAI: you can use openai.o3 (flagship) with your own key".
async fn a_key_of_ones_own_opens_every_model_of_its_provider(site: &Site) {
    let workspace = site.workspace().await;
    workspace.set_plan("core").await;
    let key = fresh("sk-");
    workspace.tenant().post("/api/secrets", secret(&key)).await.expect(201);
    let app = workspace.application(json!({})).await;

    for model in ["openai.o3", "openai/gpt-5.5-pro", "openai.gpt-4.1-mini"] {
        let answer = app.chat(model).await.expect(200);
        assert_eq!(answer.header("x-keystile-payer"), Some("byok"), "{model}");
    }

    assert_eq!(site.asked("openai", &key).calls, 3);
}

/// Seed 002: "Plan requirements": a plan is no setting of the tenant's.
async fn the_plan_is_the_operators_to_set(site: &Site) {
    let workspace = site.workspace().await;
    let path = format!("/v1/operator/workspaces/{}", workspace.id);

    let refused = workspace.owner.patch(&path, json!({ "plan": "business" })).await.expect(403);
    assert_eq!(refused.code(), "forbidden_role");
    let mine = format!("/v1/workspaces/{}", workspace.id);
    workspace.owner.patch(&mine, json!({ "plan": "business" })).await.expect(400);
    assert_eq!(site.operator().patch(&path, json!({ "plan": "gold" })).await.status.as_u16(), 400);

    assert_eq!(plan_of(&workspace).await, "self_hosted");
    workspace.set_plan("pro").await;
    assert_eq!(plan_of(&workspace).await, "pro");
}

async fn plan_of(workspace: &Workspace) -> Value {
    let path = format!("/v1/workspaces/{}", workspace.id);
    workspace.owner.get(&path).await.expect(200).json()["plan"].clone()
}

/// Seed 004: `"tier": "explorer"`.
async fn me_names_the_plan(site: &Site) {
    let workspace = site.workspace().await;
    let app = workspace.application(json!({})).await;
    workspace.set_plan("business").await;

    let me = app.get("/v1/me").await.expect(200);

    assert_eq!(me.at("/tier"), "business");
}
