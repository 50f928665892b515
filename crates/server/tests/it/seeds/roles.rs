//! Seed 004, "Permissions" and "Rate limiting": owners and admins manage keys, members list and use them, and nobody
//! does more than twenty things a minute.

use serde_json::json;

use super::people::{Caller, api_keys, byok_key, byok_keys, items};
use super::site::{Asked, Site, fresh};

on_both! {
    owners_and_admins_add_delete_and_set_tiers
    members_list_keys
    members_use_keys_in_requests
    members_neither_add_nor_delete_nor_set_tiers
    members_write_on_no_other_face
    only_an_owner_makes_owners
    who_becomes_a_member_writes_no_more
    the_twenty_first_operation_in_a_minute_is_refused
    reads_are_no_operations
    the_limit_is_each_users_own
    a_gateway_key_is_a_user_of_its_own
}

/// Seed 004: "owner and admin for add, delete, and tier changes".
async fn owners_and_admins_add_delete_and_set_tiers(site: &Site) {
    let workspace = site.workspace().await;
    let admin = workspace.join("admin").await;

    for person in [&workspace.owner, &admin] {
        let body = json!({ "provider": "openai", "api_key": fresh("sk-") });
        let made = person.post(&workspace.path("provider-keys"), body).await.expect(201);
        let path = workspace.provider_key(&made.at("/id"));

        person.patch(&format!("{path}/tier"), json!({ "tier": "tier-2" })).await.expect(200);
        person.delete(&path).await.expect(204);
    }
}

/// Seed 004: "all members can list keys".
async fn members_list_keys(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let member = workspace.join("member").await;

    let list = member.get(&workspace.path("provider-keys")).await.expect(200);

    assert_eq!(items(&list), workspace.provider_keys().await);
    assert_eq!(member.get(&workspace.provider_key(&id)).await.expect(200).at("/id"), id);
    member.get(&byok_keys(&workspace.project)).await.expect(200);
}

/// Seed 004: "and use them in requests."
async fn members_use_keys_in_requests(site: &Site) {
    let workspace = site.workspace().await;
    let key = fresh("sk-");
    workspace.add_provider_key("openai", &key).await;
    let member = workspace.join("member").await;

    let path = api_keys(&workspace.project);
    let mine = member.post(&path, json!({ "name": "mine" })).await.expect(201);
    Caller::new(&site.api, &mine.at("/key")).chat("openai/gpt-4o").await.expect(200);

    assert_eq!(site.asked("openai", &key).calls, 1);
}

/// Seed 004: "Workspace owner or admin role (for key management)".
async fn members_neither_add_nor_delete_nor_set_tiers(site: &Site) {
    let workspace = site.workspace().await;
    let id = workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id");
    let before = workspace.provider_keys().await;
    let member = workspace.join("member").await;
    let path = workspace.provider_key(&id);
    let key = fresh("sk-");

    let answers = [
        member
            .post(&workspace.path("provider-keys"), json!({ "provider": "openai", "api_key": key }))
            .await,
        member.delete(&path).await,
        member.patch(&format!("{path}/tier"), json!({ "tier": "tier-1" })).await,
        member.patch(&path, json!({ "is_active": false })).await,
        member.put(&format!("{path}/secret"), json!({ "api_key": key })).await,
        member.press(&format!("{path}/validate")).await,
        member.press(&format!("{path}/set-default")).await,
    ];

    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.status.as_u16(), 403, "{number}: {}", answer.text());
        assert_eq!(answer.code(), "forbidden_role", "{number}");
    }
    assert_eq!(workspace.provider_keys().await, before);
    assert_eq!(site.asked("openai", &key), Asked::default());
}

/// Seed 004: "owner and admin for add", whatever the document the route comes from.
async fn members_write_on_no_other_face(site: &Site) {
    let workspace = site.workspace().await;
    let member = workspace.join("member").await;
    let path = byok_key(&workspace.project, "openai");
    let key = fresh("sk-");
    let secret = json!({ "name": "provider_key_openai", "value": key, "category": "llm_provider" });
    let general = json!({ "name": "hook", "value": key, "category": "custom" });
    let tenant = member.in_tenant(&workspace.id);
    let grand = json!({ "name": "grand", "scopes": ["write:byok"] });

    for answer in [
        member.put(&path, json!({ "api_key": key })).await,
        tenant.post("/api/secrets", secret).await,
        tenant.post("/api/secrets", general).await,
        member.post(&api_keys(&workspace.project), grand).await,
    ] {
        assert_eq!(answer.status.as_u16(), 403, "{}", answer.text());
        assert_eq!(answer.code(), "forbidden_role");
    }
    assert_eq!(site.asked("openai", &key), Asked::default());
}

/// Seed 003: "team rules": the ladder has a top.
async fn only_an_owner_makes_owners(site: &Site) {
    let workspace = site.workspace().await;
    let admin = workspace.join("admin").await;
    let invite = |role: &str| json!({ "email": "somebody@example.com", "role": role });
    let members = workspace.path("members");
    let user = admin.get("/v1/users/current").await.expect(200).at("/id");

    let refused = admin.post(&members, invite("owner")).await.expect(403);
    assert_eq!(refused.code(), "forbidden_role");
    let promotion = json!({ "role": "owner" });
    admin.patch(&format!("{members}/{user}"), promotion.clone()).await.expect(403);
    admin.post(&members, invite("member")).await.expect(201);
    workspace.owner.patch(&format!("{members}/{user}"), promotion).await.expect(200);
    admin
        .post(&members, json!({ "email": "other@example.com", "role": "owner" }))
        .await
        .expect(201);
}

/// Seed 004: "owner and admin for add, delete, and tier changes", from the moment the role changes.
async fn who_becomes_a_member_writes_no_more(site: &Site) {
    let workspace = site.workspace().await;
    let admin = workspace.join("admin").await;
    let keys = workspace.path("provider-keys");
    let body = || json!({ "provider": "openai", "api_key": fresh("sk-") });
    admin.post(&keys, body()).await.expect(201);
    let user = admin.get("/v1/users/current").await.expect(200).at("/id");

    let member = workspace.path(&format!("members/{user}"));
    workspace.owner.patch(&member, json!({ "role": "member" })).await.expect(200);

    assert_eq!(admin.post(&keys, body()).await.expect(403).code(), "forbidden_role");
    admin.get(&keys).await.expect(200);
    workspace.owner.patch(&member, json!({ "role": "admin" })).await.expect(200);
    admin.post(&keys, body()).await.expect(201);
}

const LIMIT: usize = 20;

/// Something that counts and costs nothing: a name.
async fn rename(caller: &Caller, path: &str) -> testkit::http::Whole {
    caller.patch(path, json!({ "label": fresh("name ") })).await
}

/// Seed 004: "Auriko rate-limits BYOK management endpoints to 20 operations per minute per user."
async fn the_twenty_first_operation_in_a_minute_is_refused(site: &Site) {
    let workspace = site.workspace().await;
    let path = workspace
        .provider_key(&workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id"));
    for _ in 1..LIMIT - 1 {
        rename(&workspace.owner, &path).await.expect(200);
    }
    // The twentieth, on another face.
    let byok = byok_key(&workspace.project, "groq");
    let put = workspace.owner.put(&byok, json!({ "api_key": fresh("gsk_") })).await;
    assert!(put.status.is_success(), "{}", put.text());

    let refused = rename(&workspace.owner, &path).await.expect(429);

    assert_eq!(refused.code(), "rate_limited");
    let after: u32 =
        refused.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=60).contains(&after), "{after}");
    // On every face, and before any provider is asked.
    let key = fresh("sk-");
    let body = json!({ "provider": "openai", "api_key": key });
    workspace.try_provider_key(body).await.expect(429);
    workspace.owner.press(&format!("{path}/validate")).await.expect(429);
    workspace.owner.press(&format!("{byok}/test")).await.expect(429);
    workspace.owner.delete(&byok).await.expect(429);
    let secret = json!({ "name": "provider_key_openai", "value": key, "category": "llm_provider" });
    workspace.tenant().post("/api/secrets", secret).await.expect(429);
    assert_eq!(site.asked("openai", &key), Asked::default());
}

/// Seed 004: "all members can list keys": what only looks is no operation, nor is the rest of management.
async fn reads_are_no_operations(site: &Site) {
    let workspace = site.workspace().await;
    let path = workspace
        .provider_key(&workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id"));

    for number in 0..LIMIT + 5 {
        workspace.provider_keys().await;
        workspace.owner.get(&path).await.expect(200);
        workspace.owner.get(&byok_keys(&workspace.project)).await.expect(200);
        workspace.new_project(&format!("project {number}")).await;
    }

    for _ in 1..LIMIT {
        rename(&workspace.owner, &path).await.expect(200);
    }
    rename(&workspace.owner, &path).await.expect(429);
    workspace.owner.get(&path).await.expect(200);
}

/// Seed 004: "per user".
async fn the_limit_is_each_users_own(site: &Site) {
    let workspace = site.workspace().await;
    let admin = workspace.join("admin").await;
    let path = workspace
        .provider_key(&workspace.add_provider_key("openai", &fresh("sk-")).await.at("/id"));
    for _ in 1..LIMIT {
        rename(&workspace.owner, &path).await.expect(200);
    }
    rename(&workspace.owner, &path).await.expect(429);

    rename(&admin, &path).await.expect(200);
}

/// Seed 004: "per user", where an application manages keys: a gateway key is a user of its own.
async fn a_gateway_key_is_a_user_of_its_own(site: &Site) {
    let workspace = site.workspace().await;
    let path = byok_key(&workspace.project, "openai");
    let (one, two) = (workspace.tenant_key(json!({})).await, workspace.tenant_key(json!({})).await);
    let put = workspace.owner.put(&path, json!({ "api_key": fresh("sk-") })).await;
    assert!(put.status.is_success(), "{}", put.text());
    let toggle = || json!({ "is_active": true });

    for _ in 0..LIMIT {
        one.patch(&path, toggle()).await.expect(200);
    }
    assert_eq!(one.patch(&path, toggle()).await.expect(429).code(), "rate_limited");

    two.patch(&path, toggle()).await.expect(200);
    workspace.owner.patch(&path, toggle()).await.expect(200);
}
