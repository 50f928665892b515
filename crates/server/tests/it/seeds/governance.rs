//! Seed 003, "A unified entry makes governance easier": rules on gateway keys, on workspaces and projects, on teams,
//! and the record of who did what.

use serde_json::{Value, json};

use super::people::{Caller, api_keys, items};
use super::site::{Site, fresh};

on_both! {
    a_gateway_key_carries_its_governance_rules
    rules_are_changed_one_at_a_time
    a_workspace_keeps_its_settings
    a_project_keeps_its_settings
    model_access_of_a_workspace_binds_all_its_gateway_keys
    team_rules_say_who_makes_gateway_keys
    the_log_says_who_did_what
    the_log_can_be_verified
}

/// Seed 003: "carries your governance rules": access scope, quotas, expiry.
async fn a_gateway_key_carries_its_governance_rules(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let rules = json!({
        "name": "governed",
        "scopes": ["inference", "read:usage"],
        "allowed_models": ["openai/gpt-4o", "groq/openai/gpt-oss-20b"],
        "spend_cap_micro_usd": 5_000_000,
        "cap_period": "daily",
        "cap_mode": "soft",
        "fallback_models": ["groq/openai/gpt-oss-20b"],
        "default_model": "openai/gpt-4o",
        "rpm_limit": 60,
        "tpm_limit": 100_000,
        "on_disconnect": "drain",
        "platform_fallback": ["missing"],
        "expires_at": "2099-01-01T00:00:00Z",
    });

    let made = workspace.owner.post(&path, rules.clone()).await.expect(201);

    let read = workspace.owner.get(&format!("{path}/{}", made.at("/id"))).await.expect(200).json();
    for (name, value) in rules.as_object().expect("an object") {
        assert_eq!(made.json()[name], *value, "{name} of the answer");
        assert_eq!(read[name], *value, "{name} later");
    }
    assert!(read.get("key").is_none(), "shown once");
    assert_eq!(read["workspace_id"], workspace.id);
    assert_eq!(read["project_id"], workspace.project);
    for wrong in [
        json!({ "cap_period": "yearly" }),
        json!({ "cap_mode": "hard" }),
        json!({ "on_disconnect": "ignore" }),
        json!({ "rpm_limit": -1 }),
        json!({ "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "platform_fallback": ["always"] }),
    ] {
        let mut body = json!({ "name": "wrong" });
        body.as_object_mut().expect("an object").extend(wrong.as_object().expect("one").clone());
        let refused = workspace.owner.post(&path, body).await.expect(400);
        assert_eq!(refused.code(), "invalid_request", "{wrong}");
    }
}

/// Seed 003: "Configure model access, quotas, access control ... as needed."
async fn rules_are_changed_one_at_a_time(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let body = json!({ "name": "governed", "rpm_limit": 60, "tpm_limit": 1000 });
    let made = workspace.owner.post(&path, body).await.expect(201);
    let path = format!("{path}/{}", made.at("/id"));

    let changed = workspace.owner.patch(&path, json!({ "rpm_limit": 120 })).await.expect(200);
    assert_eq!(changed.json()["rpm_limit"], 120);
    assert_eq!(changed.json()["tpm_limit"], 1000, "what is not named stays");
    let lifted = workspace.owner.patch(&path, json!({ "tpm_limit": null })).await.expect(200);
    assert_eq!(lifted.json()["tpm_limit"], Value::Null);
    assert_eq!(workspace.owner.get(&path).await.expect(200).json(), lifted.json());

    let app = Caller::new(&site.api, &made.at("/key"));
    assert_eq!(app.get("/v1/me").await.expect(200).json()["rate_limit_rpm"], 120);
    workspace.owner.patch(&path, json!({ "rpm": 5 })).await.expect(400);
}

/// Settings as they are sent, whether kept and whether put back by `null`.
async fn keeps_settings(caller: &Caller, path: &str) {
    let settings = json!({
        "allowed_models": ["openai/gpt-4o"],
        "default_model": "openai/gpt-4o",
        "fallback_models": ["groq/openai/gpt-oss-20b"],
        "spend_cap_micro_usd": 1_000_000,
        "cap_period": "weekly",
        "cap_mode": "soft",
        "rpm_limit": 10,
        "tpm_limit": 20_000,
        "data_policy": "no_training",
        "openrouter_fallthrough": false,
        "platform_fallback": [],
    });
    let before = caller.get(path).await.expect(200).json();
    assert_eq!(before["data_policy"], "none");
    assert_eq!(before["openrouter_fallthrough"], true);
    assert_eq!(before["cap_period"], "never");

    let changed = caller.patch(path, settings.clone()).await.expect(200).json();

    let read = caller.get(path).await.expect(200).json();
    for (name, value) in settings.as_object().expect("an object") {
        assert_eq!(changed[name], *value, "{name} of the answer");
        assert_eq!(read[name], *value, "{name} later");
    }
    assert_eq!(read["name"], before["name"]);
    let nothing: Value = settings
        .as_object()
        .expect("an object")
        .keys()
        .map(|name| (name.clone(), Value::Null))
        .collect();
    let back = caller.patch(path, nothing).await.expect(200).json();
    for name in settings.as_object().expect("an object").keys() {
        assert_eq!(back[name], before[name], "{name} put back");
    }
    for wrong in
        [json!({ "rpm_limit": "many" }), json!({ "cap_mode": "hard" }), json!({ "nonsense": 1 })]
    {
        assert_eq!(caller.patch(path, wrong).await.expect(400).code(), "invalid_request");
    }
}

/// Seed 003: "access scope, quotas" for the whole team.
async fn a_workspace_keeps_its_settings(site: &Site) {
    let workspace = site.workspace().await;

    keeps_settings(&workspace.owner, &format!("/v1/workspaces/{}", workspace.id)).await;
}

/// Seed 003: the same, narrower, for a project.
async fn a_project_keeps_its_settings(site: &Site) {
    let workspace = site.workspace().await;
    let project = workspace.new_project("narrow").await;

    keeps_settings(&workspace.owner, &workspace.path(&format!("projects/{project}"))).await;
}

/// Seed 003: "Configure model access": what the workspace forbids no project and no key allows.
async fn model_access_of_a_workspace_binds_all_its_gateway_keys(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let wide = workspace.application(json!({})).await;
    let listed = workspace.application(json!({ "allowed_models": ["openai/gpt-5"] })).await;
    let settings = format!("/v1/workspaces/{}", workspace.id);
    listed.chat("openai/gpt-5").await.expect(200);

    let access = json!({ "allowed_models": ["openai/gpt-4o"] });
    workspace.owner.patch(&settings, access).await.expect(200);

    wide.chat("openai/gpt-4o").await.expect(200);
    for app in [&wide, &listed] {
        assert_eq!(app.chat("openai/gpt-5").await.expect(403).code(), "model_not_allowed");
    }
    assert_eq!(site.asked("openai", &key).calls, 2);
    let project = workspace.path(&format!("projects/{}", workspace.project));
    let access = json!({ "allowed_models": ["openai/gpt-5"] });
    workspace.owner.patch(&project, access).await.expect(200);
    assert_eq!(wide.chat("openai/gpt-4o").await.expect(403).code(), "model_not_allowed");
    assert_eq!(wide.chat("openai/gpt-5").await.expect(403).code(), "model_not_allowed");
}

/// Seed 003: "team rules"; "If you need team governance, continue with Access Control."
async fn team_rules_say_who_makes_gateway_keys(site: &Site) {
    let workspace = site.workspace().await;
    let member = workspace.join("member").await;
    let path = api_keys(&workspace.project);
    let mine = member.post(&path, json!({ "name": "mine" })).await.expect(201);
    assert_eq!(
        mine.json()["user_id"],
        member.get("/v1/users/current").await.expect(200).json()["id"]
    );

    let rule = json!({ "members_may_create_keys": false });
    let settings = format!("/v1/workspaces/{}", workspace.id);
    workspace.owner.patch(&settings, rule).await.expect(200);

    let refused = member.post(&path, json!({ "name": "another" })).await.expect(403);
    assert_eq!(refused.code(), "forbidden_role");
    workspace.owner.post(&path, json!({ "name": "the owner's" })).await.expect(201);
    let refused = member.patch(&settings, json!({ "members_may_create_keys": true })).await;
    assert_eq!(refused.expect(403).code(), "forbidden_role");
}

/// Seed 003: "You can combine access control, quotas, and logs for ongoing governance".
async fn the_log_says_who_did_what(site: &Site) {
    let workspace = site.workspace().await;
    let user = workspace.owner.get("/v1/users/current").await.expect(200).at("/id");
    let key = fresh("sk-");
    let id = workspace.add_provider_key("openai", &key).await.at("/id");
    workspace.owner.delete(&workspace.provider_key(&id)).await.expect(204);

    let log = workspace.owner.get(&workspace.path("audit")).await.expect(200);

    let rows: Vec<_> = items(&log).into_iter().filter(|row| row["subject"] == id).collect();
    let actions: Vec<_> = rows.iter().map(|row| row["action"].as_str().expect("a text")).collect();
    assert_eq!(actions, ["provider_key.deleted", "provider_key.created"], "newest first");
    for row in &rows {
        assert!(row["actor"].to_string().contains(&user), "{row}");
        assert!(row["at"].is_string() && row["position"].is_i64(), "{row}");
    }
    assert!(!log.text().contains(&key[key.len() - 12..]), "{}", log.text());
    let member = workspace.join("member").await;
    assert_eq!(member.get(&workspace.path("audit")).await.expect(403).code(), "forbidden_role");
}

/// Seed 003: "logs for ongoing governance" can be trusted.
async fn the_log_can_be_verified(site: &Site) {
    let workspace = site.workspace().await;
    workspace.add_provider_key("openai", &fresh("sk-")).await;
    workspace.application(json!({})).await;

    let verified = workspace.owner.get(&workspace.path("audit/verify")).await.expect(200).json();

    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["problems"], json!([]));
    assert!(verified["rows"].as_i64() >= Some(3), "{verified}");
    assert!(verified["head"]["position"].is_i64(), "{verified}");
    assert!(verified["head"]["mac"].is_string(), "{verified}");
}
