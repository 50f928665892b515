//! Every operation of the OpenAPI document, with input that nobody would think of, by every kind of caller: no 5xx, no
//! answer that the document does not know, nothing for those who may nothing.

use std::path::PathBuf;

use serde_json::json;
use server::config::Layer;
use testkit::fake::FakeProvider;
use testkit::process::Program;
use testkit::{Options, TestApp};

use crate::sdk::python;

/// How long each kind of caller tries.
const SECONDS: &str = "20";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,ignored_auth,use_after_free";

/// What ends the run itself, or starts work that outlasts it.
const LEFT_OUT: [&str; 4] = [
    "delete_v1_sessions_current",
    "delete_v1_workspaces_workspace",
    "post_v1_operator_vault_rotate",
    "put_v1_users_current_password",
];

#[expect(
    clippy::disallowed_methods,
    reason = "says how long to try, and configures nothing of the gateway"
)]
fn seconds() -> String {
    std::env::var("KEYSTILE_FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.to_owned())
}

async fn try_as(who: &str) {
    let Some(python) = python("schemathesis") else { return };
    let fake = FakeProvider::start().await;
    let layer = Layer { key_operations_per_minute: Some(10_000), ..Layer::default() };
    let providers = vec![("openai".to_owned(), fake.base_url())];
    let options = Options { providers, layer, ..Options::default() };
    let app = TestApp::start_with(options).await.expect("SQLite is always there");
    let (owner, weak) = app.ready("sk-good-1234567890").await;
    let token = match who {
        "nobody" => None,
        "the owner" => Some(owner.session.clone()),
        "a gateway key with every scope" => {
            let body = json!({ "name": "strong", "scopes": ["*"] });
            Some(app.gateway_key(&owner, &body).await.expect(201).at("/key"))
        }
        "a gateway key for inference" => Some(weak),
        other => panic!("{other}"),
    };

    let program: PathBuf = python.with_file_name("schemathesis");
    let mut run = Program::new(&program, app.folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("run")
        .arg(format!("http://{}/api/openapi.json", app.address()))
        .args(["--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-time", &seconds()])
        .args(["--seed", "7", "--generation-database", "none", "--no-color", "--warnings", "off"])
        .args(["--request-timeout", "20", "--workers", "1"]);
    for name in LEFT_OUT {
        run = run.args(["--exclude-operation-id", name]);
    }
    if let Some(token) = &token {
        run = run.args(["-H", &format!("Authorization: Bearer {token}")]);
        run = run.args(["-H", &format!("X-Tenant-Id: {}", owner.workspace)]);
    }
    let ended = run.run("");

    assert!(ended.status.success(), "{who}: {}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("passed"), "{who}: {}", ended.stdout);
}

macro_rules! callers {
    ($($name:ident: $who:literal;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            try_as($who).await;
        }
    )+};
}

callers! {
    nobody_breaks_it: "nobody";
    the_owner_breaks_nothing: "the owner";
    a_strong_gateway_key_breaks_nothing: "a gateway key with every scope";
    a_weak_gateway_key_breaks_nothing: "a gateway key for inference";
}
