//! Seed 002, "Configuring via MCP": the tool `manage_secrets` over JSON-RPC at `/mcp`, without a session of the
//! protocol.

use serde_json::{Value, json};
use testkit::canary::Canaries;
use testkit::http::Whole;

use super::people::{Caller, items, only};
use super::site::{Asked, Site, fresh};

on_both! {
    the_tool_is_offered_with_its_actions
    create_registers_a_provider_key
    list_names_secrets_and_shows_no_value
    delete_removes_a_secret
    the_tool_obeys_the_keys_scopes
    a_key_its_provider_rejects_is_not_created
    a_plan_without_byok_has_none_here_either
}

/// One call of the protocol, as its clients make it.
async fn ask(site: &Site, caller: &Caller, method: &str, params: Value) -> Whole {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let call = site.api.post("/mcp", &body).bearer(caller.token());
    let call = call.header("accept", "application/json, text/event-stream");
    call.header("mcp-protocol-version", "2025-06-18").whole().await
}

/// The message, sent whole or as an event.
fn message(answer: &Whole) -> Value {
    assert!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
    let text = answer.text();
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    let json = data.rfind(|data| data.starts_with('{')).unwrap_or(&text);
    let message: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    assert_eq!(message["id"], 7, "{message}");
    message
}

/// What the tool said, and whether it calls it an error.
async fn manage(site: &Site, caller: &Caller, arguments: Value) -> (String, bool) {
    let params = json!({ "name": "manage_secrets", "arguments": arguments });
    let message = message(&ask(site, caller, "tools/call", params).await);
    let failed = message.get("error").is_some() || message["result"]["isError"] == true;
    (message.to_string(), failed)
}

/// Seed 002: "Use the manage_secrets tool".
async fn the_tool_is_offered_with_its_actions(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({})).await;
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "a test", "version": "1" },
    });

    let welcome = message(&ask(site, &caller, "initialize", hello).await);
    let offered = message(&ask(site, &caller, "tools/list", json!({})).await);

    assert!(welcome["result"]["serverInfo"].is_object(), "{welcome}");
    assert!(welcome["result"]["capabilities"]["tools"].is_object(), "{welcome}");
    let tools = offered["result"]["tools"].as_array().expect("tools").clone();
    let tool = only(&tools, "name", "manage_secrets");
    let schema = tool["inputSchema"].to_string();
    for word in ["action", "name", "value", "create", "list", "delete", "rotate"] {
        assert!(schema.contains(word), "no {word}: {schema}");
    }
    let nobody =
        site.api.post("/mcp", &json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" }));
    let nobody = nobody.header("accept", "application/json, text/event-stream");
    nobody.whole().await.expect(401);
}

/// Seed 002: "Action: create; Name: provider_key_openai; Value: sk-proj-your-key-here".
async fn create_registers_a_provider_key(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({})).await;
    let value = fresh("sk-proj-");

    let create = json!({ "action": "create", "name": "provider_key_openai", "value": value });
    let (said, failed) = manage(site, &caller, create).await;

    assert!(!failed, "{said}");
    let canaries = Canaries::new().any_part("the value", &value[8..]);
    assert_eq!(canaries.scan("the answer", said.as_bytes()), [""; 0]);
    let secrets = items(&workspace.tenant().get("/api/secrets").await.expect(200));
    assert_eq!(only(&secrets, "name", "provider_key_openai")["category"], "llm_provider");
    workspace.application(json!({})).await.chat("openai/gpt-4o").await.expect(200);
    assert_eq!(site.asked("openai", &value), Asked { probes: 1, calls: 1 });
}

/// Seed 002: values are "never exposed in ... API responses".
async fn list_names_secrets_and_shows_no_value(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({})).await;
    let value = fresh("value-");
    let create = json!({ "action": "create", "name": "resend", "value": value });
    let (said, failed) = manage(site, &caller, create).await;
    assert!(!failed, "{said}");

    let (said, failed) = manage(site, &caller, json!({ "action": "list" })).await;

    assert!(!failed, "{said}");
    assert!(said.contains("resend") && said.contains("api_key"), "{said}");
    let canaries = Canaries::new().any_part("the value", &value[6..]);
    assert_eq!(canaries.scan("the answer", said.as_bytes()), [""; 0]);
}

/// Seed 003: "replace, delete ... those keys whenever you want", here too.
async fn delete_removes_a_secret(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({})).await;
    let body = json!({ "name": "hook", "value": fresh(""), "category": "custom" });
    workspace.tenant().post("/api/secrets", body).await.expect(201);

    let (said, failed) = manage(site, &caller, json!({ "action": "delete", "name": "hook" })).await;

    assert!(!failed, "{said}");
    workspace.tenant().get("/api/secrets/hook").await.expect(404);
    let (said, failed) = manage(site, &caller, json!({ "action": "delete", "name": "hook" })).await;
    assert!(failed, "{said}");
}

/// Seed 001, on this face: a key has the scopes it carries, and the tool needs those of the routes behind it.
async fn the_tool_obeys_the_keys_scopes(site: &Site) {
    let workspace = site.workspace().await;
    let reader = workspace.tenant_key(json!({ "scopes": ["read:secrets"] })).await;
    let stranger = workspace.tenant_key(json!({ "scopes": ["inference"] })).await;
    let create = |name: &str| json!({ "action": "create", "name": name, "value": fresh("sk-") });

    let (said, failed) = manage(site, &reader, create("hook")).await;
    assert!(failed && said.contains("write:secrets"), "{said}");
    let (said, failed) = manage(site, &reader, json!({ "action": "list" })).await;
    assert!(!failed, "{said}");
    let (said, failed) = manage(site, &stranger, json!({ "action": "list" })).await;
    assert!(failed && said.contains("read:secrets"), "{said}");
    let writer = workspace.tenant_key(json!({ "scopes": ["write:secrets"] })).await;
    let (said, failed) = manage(site, &writer, create("provider_key_openai")).await;
    assert!(failed && said.contains("write:byok"), "{said}");

    let secrets = items(&workspace.tenant().get("/api/secrets").await.expect(200));
    assert_eq!(secrets, [Value::Null; 0]);
}

/// Seed 002: "Starter (free): No", on this face too.
async fn a_plan_without_byok_has_none_here_either(site: &Site) {
    let workspace = site.workspace().await;
    workspace.set_plan("starter").await;
    let caller = workspace.tenant_key(json!({})).await;
    let value = fresh("sk-");

    let create = json!({ "action": "create", "name": "provider_key_openai", "value": value });
    let (said, failed) = manage(site, &caller, create).await;

    assert!(failed && said.contains("plan"), "{said}");
    assert_eq!(site.asked("openai", &value), Asked::default());
    let general = json!({ "action": "create", "name": "resend", "value": fresh("re_") });
    let (said, failed) = manage(site, &caller, general).await;
    assert!(!failed, "{said}");
}

/// Seed 001, "No bad key gets persisted": the same probe stands behind every face.
async fn a_key_its_provider_rejects_is_not_created(site: &Site) {
    let workspace = site.workspace().await;
    let caller = workspace.tenant_key(json!({})).await;
    let bad = fresh("bad-");

    let create = json!({ "action": "create", "name": "provider_key_openai", "value": bad });
    let (said, failed) = manage(site, &caller, create).await;

    assert!(failed, "{said}");
    assert!(!said.contains(&bad[bad.len() - 12..]), "{said}");
    workspace.tenant().get("/api/secrets/provider_key_openai").await.expect(404);
}
