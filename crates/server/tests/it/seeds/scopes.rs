//! Seed 001, what a gateway key may do with BYOK keys: by scope, by project, and never across a border.

use serde_json::{Value, json};
use testkit::http::Whole;

use super::people::{
    Caller, Workspace, absent, api_keys, byok_key, byok_keys, faceless, items, stored,
};
use super::site::{Site, fresh};

on_both! {
    a_projects_keys_carry_a_scopes_array
    read_byok_lists_and_checks_health
    read_byok_cannot_write
    write_byok_puts_pauses_tests_and_deletes
    a_key_without_the_scopes_manages_nothing
    a_default_tenant_key_has_all_byok_operations
    a_tenant_level_key_manages_any_project_it_owns
    a_project_key_must_match_the_project_exactly
    a_tenants_key_never_reaches_another_tenant
    scopes_are_case_sensitive_verb_first_and_lower_case
}

/// All of the documented operations that write, on one provider of a project.
async fn writes(caller: &Caller, project: &str) -> Vec<(&'static str, Whole)> {
    let path = byok_key(project, "openai");
    vec![
        ("put", caller.put(&path, json!({ "api_key": fresh("sk-") })).await),
        ("patch", caller.patch(&path, json!({ "is_active": true })).await),
        ("test", caller.press(&format!("{path}/test")).await),
        ("delete", caller.delete(&path).await),
    ]
}

async fn with_a_key(site: &Site) -> Workspace {
    let workspace = site.workspace().await;
    let path = byok_key(&workspace.project, "openai");
    stored(workspace.owner.put(&path, json!({ "api_key": fresh("sk-") })).await);
    workspace
}

/// Seed 001: "Project API keys ... carry a scopes array."
async fn a_projects_keys_carry_a_scopes_array(site: &Site) {
    let workspace = site.workspace().await;
    let path = api_keys(&workspace.project);
    let scopes = json!(["read:byok", "write:byok"]);

    let made = workspace.owner.post(&path, json!({ "name": "ci", "scopes": scopes })).await;

    let made = made.expect(201);
    assert_eq!(made.json()["scopes"], scopes);
    let read = workspace.owner.get(&format!("{path}/{}", made.at("/id"))).await.expect(200);
    assert_eq!(read.json()["scopes"], scopes);
    let me = Caller::new(&site.api, &made.at("/key")).get("/v1/me").await.expect(200);
    assert_eq!(me.json()["scopes"], scopes);
}

/// Seed 001: "read:byok — to list providers and check health status."
async fn read_byok_lists_and_checks_health(site: &Site) {
    let workspace = with_a_key(site).await;
    let reader = workspace.key_of(&workspace.project, &["read:byok"]).await;

    let list = items(&reader.get(&byok_keys(&workspace.project)).await.expect(200));

    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["provider"], "openai");
    assert_eq!(list[0]["health_status"], "healthy");
}

/// Seed 001: only `write:byok` is "to put / disable / delete / re-test keys".
async fn read_byok_cannot_write(site: &Site) {
    let workspace = with_a_key(site).await;
    let before = items(&workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200));
    let reader = workspace.key_of(&workspace.project, &["read:byok", "inference"]).await;

    for (operation, answer) in writes(&reader, &workspace.project).await {
        assert_eq!(answer.status.as_u16(), 403, "{operation}: {}", answer.text());
        assert_eq!(answer.code(), "missing_scope", "{operation}");
        assert!(answer.at("/error/message").contains("write:byok"), "{}", answer.text());
    }
    let after = items(&workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200));
    assert_eq!(after, before);
}

/// Seed 001: "write:byok — to put / disable / delete / re-test keys."
async fn write_byok_puts_pauses_tests_and_deletes(site: &Site) {
    let workspace = site.workspace().await;
    let writer = workspace.key_of(&workspace.project, &["write:byok"]).await;

    for (operation, answer) in writes(&writer, &workspace.project).await {
        assert!(answer.status.is_success(), "{operation}: {}", answer.text());
    }

    let list = writer.get(&byok_keys(&workspace.project)).await.expect(403);
    assert_eq!(list.code(), "missing_scope", "listing is the other scope's");
}

/// Seed 001: "To use BYOK programmatically via the SDK, the key needs: ..."
async fn a_key_without_the_scopes_manages_nothing(site: &Site) {
    let workspace = with_a_key(site).await;
    let others =
        ["inference", "read:keys", "write:keys", "read:secrets", "write:secrets", "read:usage"];
    let caller = workspace.key_of(&workspace.project, &others).await;

    let list = caller.get(&byok_keys(&workspace.project)).await.expect(403);
    assert_eq!(list.code(), "missing_scope");
    for (operation, answer) in writes(&caller, &workspace.project).await {
        assert_eq!(answer.status.as_u16(), 403, "{operation}: {}", answer.text());
        assert_eq!(answer.code(), "missing_scope", "{operation}");
    }
}

/// Seed 001: "default API keys with ["*"] automatically have access to all BYOK operations."
async fn a_default_tenant_key_has_all_byok_operations(site: &Site) {
    let workspace = site.workspace().await;
    let path = workspace.path("api-keys");
    let made = workspace.owner.post(&path, json!({ "name": "default" })).await.expect(201);
    assert_eq!(made.json()["scopes"], json!(["*"]));
    let caller = Caller::new(&site.api, &made.at("/key"));

    for (operation, answer) in writes(&caller, &workspace.project).await {
        assert!(answer.status.is_success(), "{operation}: {}", answer.text());
    }

    let list = caller.get(&byok_keys(&workspace.project)).await.expect(200);
    assert_eq!(items(&list), [Value::Null; 0]);
}

/// Seed 001: "tenant-level API keys may manage any project they own".
async fn a_tenant_level_key_manages_any_project_it_owns(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({ "scopes": ["read:byok", "write:byok"] })).await;

    for project in [workspace.project.clone(), workspace.new_project("second").await] {
        let body = json!({ "api_key": fresh("sk-") });
        let set = stored(caller.put(&byok_key(&project, "openai"), body).await).json();

        assert_eq!(set["project_id"], project);
        let list = items(&caller.get(&byok_keys(&project)).await.expect(200));
        assert_eq!(list.len(), 1);
        assert_eq!(list[0]["project_id"], project);
    }
}

/// Of a project that is another's and of one that is nobody's: the same answers.
async fn meets_a_wall(caller: &Caller, project: &str) {
    let nowhere = absent(project);
    let list = caller.get(&byok_keys(project)).await;
    assert_eq!(list.status.as_u16(), 404, "{}", list.text());
    assert_eq!(faceless(&list), faceless(&caller.get(&byok_keys(&nowhere)).await));
    let foreign = writes(caller, project).await;
    for ((operation, foreign), (_, absent)) in foreign.iter().zip(writes(caller, &nowhere).await) {
        assert_eq!(foreign.status.as_u16(), 404, "{operation}: {}", foreign.text());
        assert_eq!(faceless(foreign), faceless(&absent), "{operation}");
    }
}

/// Seed 001: "project-scoped keys must match the requested project_id exactly".
async fn a_project_key_must_match_the_project_exactly(site: &Site) {
    let workspace = with_a_key(site).await;
    let other = workspace.new_project("other").await;
    let caller = workspace.key_of(&other, &["*"]).await;

    meets_a_wall(&caller, &workspace.project).await;

    let list = caller.get(&byok_keys(&other)).await.expect(200);
    assert_eq!(items(&list), [Value::Null; 0], "its own it sees");
    let kept = items(&workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200));
    assert_eq!(kept.len(), 1);
}

/// Seed 001: "... any project they own" (004: "isolates them per workspace").
async fn a_tenants_key_never_reaches_another_tenant(site: &Site) {
    let mine = with_a_key(site).await;
    let yours = site.workspace().await;

    meets_a_wall(&yours.tenant_key(json!({ "scopes": ["*"] })).await, &mine.project).await;
    meets_a_wall(&yours.owner, &mine.project).await;

    let kept = items(&mine.owner.get(&byok_keys(&mine.project)).await.expect(200));
    assert_eq!(kept.len(), 1);
}

/// Seed 001: "Scope strings are case-sensitive, verb-first, and lower-case (read:byok, not BYOK:Read)."
async fn scopes_are_case_sensitive_verb_first_and_lower_case(site: &Site) {
    let workspace = site.workspace().await;
    for path in [api_keys(&workspace.project), workspace.path("api-keys")] {
        for wrong in [
            "BYOK:Read",
            "byok:read",
            "READ:BYOK",
            "Read:byok",
            "read:BYOK",
            "read:byok ",
            "read",
            "",
        ] {
            let body = json!({ "name": "x", "scopes": ["inference", wrong] });
            let refused = workspace.owner.post(&path, body).await.expect(400);

            assert_eq!(refused.code(), "invalid_request", "{wrong}");
        }
        let right = json!({ "name": "x", "scopes": ["read:byok"] });
        let made = workspace.owner.post(&path, right).await.expect(201);
        let made = format!("{path}/{}", made.at("/id"));
        let later = json!({ "scopes": ["BYOK:Read"] });
        workspace.owner.patch(&made, later).await.expect(400);
    }
}
