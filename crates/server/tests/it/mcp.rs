//! `/mcp` as its clients see it: what the protocol says over plain HTTP, who is let in, and what each tool does for whom.

mod secrets;
mod upload;

use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use testkit::app::{EMAIL, PASSWORD, SETUP_TOKEN};
use testkit::fake::FakeProvider;
use testkit::http::{Call, Client, Whole};
use testkit::process::Program;
use testkit::{Backend, Options, Owner, TestApp};

const PROVIDER_KEY: &str = "sk-good-1234567890";
const VERSION: &str = "2025-06-18";

/// A gateway that is set up, with a key for inference, and one fake behind it.
struct Site {
    app: TestApp,
    owner: Owner,
    key: String,
    fake: FakeProvider,
}

impl Site {
    async fn start() -> Self {
        Self::start_on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// `None` where the database's programs are missing, which has been said by then.
    async fn start_on(backend: Backend) -> Option<Self> {
        let fake = FakeProvider::start().await;
        let app = TestApp::start_on(backend, &fake).await?;
        let (owner, key) = app.ready(PROVIDER_KEY).await;
        Some(Self { app, owner, key, fake })
    }

    /// A gateway key of the workspace, with these scopes.
    async fn key_with(&self, scopes: &[&str]) -> String {
        let path = format!("/v1/workspaces/{}/api-keys", self.owner.workspace);
        let body = json!({ "name": "for MCP", "scopes": scopes });
        let made = self.app.api.post(&path, &body).bearer(&self.owner.session).whole().await;
        made.expect(201).at("/key")
    }

    fn ask(&self, token: &str, method: &str, params: Value) -> Call {
        self.app.api.post("/mcp", &request(method, params)).bearer(token)
    }

    /// What a tool answered, and whether it calls that an error.
    async fn tool(&self, token: &str, name: &str, arguments: Value) -> (Value, bool) {
        let params = json!({ "name": name, "arguments": arguments });
        let result = result(&self.ask(token, "tools/call", params).whole().await);
        (result["structuredContent"].clone(), result["isError"] == true)
    }

    async fn list_models(&self, token: &str) -> (Value, bool) {
        self.tool(token, "list_models", json!({})).await
    }
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

#[track_caller]
fn result(answer: &Whole) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let message = answer.json();
    assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(7)), "{message}");
    message["result"].clone()
}

#[tokio::test]
async fn a_route_is_explained_to_a_key_and_to_a_person_and_nobody_is_called() {
    let site = Site::start().await;
    let asked = json!({ "model": "openai/gpt-5-mini", "routing": { "only_byok": true } });

    for token in [&site.key, &site.owner.session] {
        let (said, failed) = site.tool(token, "route_explain", asked.clone()).await;
        assert!(!failed, "{said}");
        assert_eq!(said["candidates"][0]["provider"], "openai", "{said}");
        assert_eq!(said["candidates"][0]["payer"], "byok", "{said}");
    }
    let (said, failed) =
        site.tool(&site.key, "route_explain", json!({ "model": "groq/llama-3.3-70b" })).await;
    assert!(!failed && said["refusal"]["code"] == "no_provider_key", "{said}");
    let chats = site.fake.requests().into_iter().filter(|it| it.method == http::Method::POST);
    assert_eq!(chats.count(), 0);
}

#[tokio::test]
async fn a_client_is_welcomed_and_needs_no_session() {
    let site = Site::start().await;
    let hello = json!({
        "protocolVersion": VERSION, "capabilities": {},
        "clientInfo": { "name": "a test", "version": "1" },
    });

    let answer = site.ask(&site.key, "initialize", hello).whole().await;

    let welcome = result(&answer);
    assert_eq!(welcome["serverInfo"]["name"], "keystile");
    assert_eq!(welcome["protocolVersion"], VERSION);
    assert!(welcome["capabilities"]["tools"].is_object(), "{welcome}");
    assert_eq!(answer.header("mcp-session-id"), None);
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let ready = site.app.api.post("/mcp", &ready).bearer(&site.key);
    let ready = ready.header("mcp-protocol-version", VERSION).whole().await.expect(202);
    assert!(ready.body.is_empty());
    // Whoever calls a tool need not have said hello: another node may have been greeted.
    assert!(!site.list_models(&site.key).await.1);
}

#[tokio::test]
async fn every_caller_sees_all_tools_with_their_schemas() {
    let site = Site::start().await;
    let humble = site.key_with(&["read:usage"]).await;

    let offered = result(&site.ask(&humble, "tools/list", json!({})).whole().await);

    let tools = offered["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["list_models", "manage_secrets", "route_explain", "usage_summary"]);
    for tool in tools {
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
    }
    let arguments = &tools[1]["inputSchema"];
    assert_eq!(arguments["required"], json!(["action"]), "{arguments}");
    let actions = &arguments["properties"]["action"]["enum"];
    assert_eq!(actions, &json!(["create", "delete", "list", "rotate"]));
}

#[tokio::test]
async fn models_are_listed_as_far_as_the_callers_keys_reach() {
    let site = Site::start().await;
    let narrow = json!({ "name": "narrow", "allowed_models": ["openai/gpt-4o"] });
    let narrow = site.app.gateway_key(&site.owner, &narrow).await.expect(201).at("/key");
    let wide = site.key_with(&["inference"]).await;
    let gpt_4o = json!({ "id": "openai/gpt-4o", "provider": "openai" });

    for token in [&site.key, &wide, &site.owner.session] {
        let (answer, failed) = site.list_models(token).await;

        assert!(!failed, "{answer}");
        let models = answer["models"].as_array().expect("models");
        assert!(models.contains(&gpt_4o) && models.len() > 1, "{answer}");
        assert!(models.iter().all(|model| model["provider"] == "openai"), "{answer}");
    }
    let (answer, _) = site.list_models(&narrow).await;
    assert_eq!(answer["models"], json!([gpt_4o]));
}

#[tokio::test]
async fn a_person_of_several_workspaces_names_one() {
    let site = Site::start().await;
    let session = &site.owner.session;
    let other = site.app.api.post("/v1/workspaces", &json!({ "name": "other" })).bearer(session);
    let other = other.whole().await.expect(201).at("/id");
    let list = json!({ "name": "list_models", "arguments": {} });

    let (said, failed) = site.list_models(session).await;
    assert!(failed && said.to_string().contains("X-Tenant-Id"), "{said}");
    for (workspace, models) in [(&site.owner.workspace, true), (&other, false)] {
        let call = site.ask(session, "tools/call", list.clone()).header("x-tenant-id", workspace);
        let answer = result(&call.whole().await);
        let answer = answer["structuredContent"]["models"].as_array().expect("models").clone();
        assert_eq!(!answer.is_empty(), models, "{workspace}");
    }
    for foreign in ["ws_00000000000000000000000000", "other"] {
        let call = site.ask(session, "tools/call", list.clone()).header("x-tenant-id", foreign);
        let answer = result(&call.whole().await);
        assert_eq!(answer["structuredContent"]["error"]["code"], "not_found", "{foreign}");
    }
}

#[tokio::test]
async fn a_tool_names_the_scope_that_is_missing() {
    let site = Site::start().await;
    let humble = site.key_with(&["read:usage"]).await;

    let (said, failed) = site.list_models(&humble).await;

    assert!(failed, "{said}");
    assert_eq!(said["error"]["code"], "missing_scope");
    assert!(said["error"]["message"].as_str().is_some_and(|it| it.contains("\"inference\"")));
}

#[tokio::test]
async fn only_a_credential_that_is_alive_is_let_in() {
    let site = Site::start().await;
    let revoked = site.key_with(&["*"]).await;
    let path = format!("/v1/workspaces/{}/api-keys", site.owner.workspace);
    let list = site.app.api.get(&path).bearer(&site.owner.session).whole().await.expect(200).json();
    let keys = list["items"].as_array().expect("items");
    let id = keys.iter().find(|key| key["name"] == "for MCP").expect("the key")["id"].clone();
    let gone = format!("{path}/{}", id.as_str().expect("an id"));
    site.app.api.delete(&gone).bearer(&site.owner.session).whole().await.expect(204);
    let list = || site.app.api.post("/mcp", &request("tools/list", json!({})));

    let cases = [
        (list(), "invalid_api_key"),
        (list().bearer("ks_live_guessed"), "invalid_api_key"),
        (list().bearer(&revoked), "invalid_api_key"),
        (list().bearer("eyJ.guessed.token"), "invalid_session"),
        (list().header("cookie", &format!("session={}", site.owner.session)), "invalid_api_key"),
    ];

    for (call, code) in cases {
        let answer = call.whole().await.expect(401);
        assert_eq!(answer.code(), code);
        assert!(!answer.text().contains("guessed"), "{}", answer.text());
    }
    let twice = list().bearer(&site.key).header("x-api-key", PROVIDER_KEY);
    assert_eq!(twice.whole().await.expect(400).code(), "invalid_request");
    list().header("x-api-key", &site.key).whole().await.expect(200);
}

#[tokio::test]
async fn a_request_under_a_foreign_name_or_from_a_foreign_page_is_refused() {
    let site = Site::start().await;
    let port = site.app.address().port();
    let list = || site.ask(&site.key, "tools/list", json!({}));
    let own = |text: &str| text.replace("PORT", &port.to_string());

    for host in ["evil.example", "evil.example:PORT", "127.0.0.1.evil.example", "10.0.0.1"] {
        let nobody = site.app.api.post("/mcp", &request("tools/list", json!({})));
        for call in [list(), nobody] {
            let answer = call.header("host", &own(host)).whole().await.expect(403);
            assert_eq!(answer.code(), "invalid_request", "{host}");
        }
    }
    // What is no name may be refused by the server below, and a name in another spelling by the library.
    for host in ["", "a b", "user@127.0.0.1", "[0:0:0:0:0:0:0:1]", "127.1"] {
        let status = list().header("host", host).whole().await.status.as_u16();
        assert!(matches!(status, 400 | 403), "{host}: {status}");
    }
    for host in ["localhost", "localhost:8080", "LOCALHOST:PORT", "127.0.0.1", "[::1]:PORT"] {
        list().header("host", &own(host)).whole().await.expect(200);
    }
    let own_page = own("http://127.0.0.1:PORT");
    for origin in
        ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:PORT", "nonsense"]
    {
        let answer = list().header("origin", &own(origin)).whole().await.expect(403);
        assert_eq!(answer.code(), "invalid_request", "{origin}");
        let both = list().header("origin", &own_page).header("origin", &own(origin));
        both.whole().await.expect(403);
    }
    for origin in ["http://127.0.0.1:PORT", "http://localhost:PORT"] {
        list().header("origin", &own(origin)).whole().await.expect(200);
    }
}

#[tokio::test]
async fn the_public_url_is_a_name_of_ours() {
    let fake = FakeProvider::start().await;
    let layer = server::config::Layer {
        public_url: Some("https://keys.example.com/gateway".to_owned()),
        ..server::config::Layer::default()
    };
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { layer, providers, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite");
    let (_, key) = app.ready(PROVIDER_KEY).await;
    let call = |host: &str, origin: &str| {
        let call = app.api.post("/mcp", &request("tools/list", json!({}))).bearer(&key);
        call.header("host", host).header("origin", origin).whole()
    };

    call("keys.example.com", "https://keys.example.com").await.expect(200);
    call("keys.example.com:443", "https://keys.example.com:443").await.expect(200);
    call("keys.example.com", "http://keys.example.com").await.expect(403);
    call("keys.example.com", "https://example.com").await.expect(403);
    call("example.com", "https://keys.example.com").await.expect(403);
    call("other.keys.example.com", "https://keys.example.com").await.expect(403);
}

#[tokio::test]
async fn what_is_no_message_of_the_protocol_is_refused_without_being_repeated() {
    let site = Site::start().await;
    let secret = "sk-pasted-0123456789";
    let post = |body: String| {
        let call = site.app.api.call(Method::POST, "/mcp").bearer(&site.key);
        call.body("application/json", body).whole()
    };
    let batch = json!([request("tools/list", json!({}))]).to_string();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

    for (body, code) in [
        (format!("{{{secret}"), -32700),
        (String::new(), -32700),
        (deep, -32700),
        (format!("\"{secret}\""), -32600),
        (json!({ "jsonrpc": "1.0", "id": 1, "method": secret }).to_string(), -32600),
        (json!({ "value": secret }).to_string(), -32600),
        (batch, -32600),
    ] {
        let answer = post(body).await.expect(400);

        assert_eq!(answer.json()["error"]["code"], code, "{}", answer.text());
        assert_eq!(answer.json()["jsonrpc"], "2.0");
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
    let unknown = site.ask(&site.key, "tools/call", json!({ "name": secret })).whole().await;
    let unknown = unknown.expect(200);
    assert_eq!(unknown.json()["error"]["code"], -32602, "{}", unknown.text());
    assert!(!unknown.text().contains(secret), "{}", unknown.text());
    let unknown = site.ask(&site.key, secret, json!({})).whole().await.expect(200).json();
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let version =
        site.ask(&site.key, "tools/list", json!({})).header("mcp-protocol-version", secret);
    let version = version.whole().await.expect(400);
    assert!(!version.text().contains(secret), "{}", version.text());
}

#[tokio::test]
async fn arguments_that_a_tool_does_not_have_are_refused_without_being_repeated() {
    let site = Site::start().await;
    let secret = "sk-pasted-0123456789";

    for arguments in [
        json!({ "command": "touch /tmp/x", "args": [secret] }),
        json!({ secret: secret }),
        json!([secret]),
        json!(secret),
    ] {
        let (said, failed) = site.tool(&site.key, "list_models", arguments).await;

        assert!(failed, "{said}");
        assert_eq!(said["error"]["code"], "invalid_request", "{said}");
        assert!(!said.to_string().contains(secret), "{said}");
    }
}

#[tokio::test]
async fn only_a_post_of_json_of_bounded_size_is_read() {
    let site = Site::start().await;
    let body = request("tools/list", json!({})).to_string();
    let padded = |bytes: usize| format!("{body}{}", " ".repeat(bytes - body.len()));
    let post = |kind: &str, body: String| {
        site.app.api.call(Method::POST, "/mcp").bearer(&site.key).body(kind, body).whole()
    };

    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let answer = site.app.api.call(method, "/mcp").bearer(&site.key).whole().await.expect(405);
        assert_eq!(answer.code(), "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq"] {
        post(kind, body.clone()).await.expect(415);
    }
    post("application/json; charset=utf-8", padded(1 << 20)).await.expect(200);
    let large = post("application/json", padded((1 << 20) + 1)).await.expect(413);
    assert_eq!(large.code(), "request_too_large");
}

#[tokio::test]
async fn it_speaks_over_http_2_too() {
    let site = Site::start().await;
    let client = Client::http2(format!("http://{}", site.app.address()));
    let list = || client.post("/mcp", &request("tools/list", json!({}))).bearer(&site.key);

    result(&list().whole().await);
    list().header("host", "evil.example").whole().await.expect(403);
}

/// It would log whole requests; here it does not, not even when it is asked to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_says_nothing_at_any_level() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gateway = Program::new(env!("CARGO_BIN_EXE_keystile"), folder.path())
        .args(["--listen", "127.0.0.1:0"])
        .env("KEYSTILE_LOG", "trace,rmcp=trace,rmcp::service=trace")
        .env("KEYSTILE_SETUP_TOKEN", SETUP_TOKEN)
        .start();
    let api = Client::new(gateway.url());
    let body = json!({ "setup_token": SETUP_TOKEN, "email": EMAIL, "password": PASSWORD, "workspace": "acme" });
    let session = api.post("/v1/setup", &body).whole().await.expect(201).at("/token");
    let call = |arguments: Value| {
        let params = json!({ "name": "manage_secrets", "arguments": arguments });
        api.post("/mcp", &request("tools/call", params)).bearer(&session).whole()
    };

    let made = json!({ "action": "create", "name": "hook", "value": "s-given-0123456789abcdef" });
    assert_eq!(result(&call(made).await)["isError"], false);
    let link = json!({ "action": "create", "name": "other", "upload_link": true });
    let link = result(&call(link).await)["structuredContent"]["upload_link"].clone();
    let (_, token) = link.as_str().and_then(|it| it.split_once("/upload/")).expect("a link");
    let page = api.call(Method::POST, &format!("/upload/{token}"));
    let page = page.body("application/x-www-form-urlencoded", "value=s-pasted-0123456789abcdef");
    page.whole().await.expect(200);

    let said = gateway.stop().stderr;
    assert!(said.contains("DEBUG request{"), "{said}");
    for silent in ["rmcp", "0123456789abcdef", token] {
        assert!(!said.contains(silent), "{silent}: {said}");
    }
}

/// The official client for Python, with both ways of beginning that the protocol has had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_client_lists_and_calls_tools() {
    let Some(python) = super::sdk::python("mcp") else { return };
    let site = Site::start().await;
    let key = site.key_with(&["inference", "read:secrets", "write:secrets"]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/mcp_client.py");
    for mode in ["auto", "legacy"] {
        Program::new(&python, site.app.folder.path())
            .env("MCP_URL", format!("http://{}/mcp", site.app.address()))
            .env("API_KEY", &key)
            .env("MODE", mode)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(&script)
            .arg("lists_models_and_manages_secrets")
            .run("")
            .well();
    }
}
