//! The OpenAPI document and its page: made from the handlers, kept in the repository, shown offline.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use testkit::TestApp;
use testkit::fake::FakeProvider;

pub async fn document(app: &TestApp) -> Value {
    app.api.get("/api/openapi.json").whole().await.expect(200).json()
}

/// Every method and path in it.
pub fn operations(document: &Value) -> Vec<(String, String)> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().expect("an item").keys().cloned().collect::<Vec<_>>();
        let path = path.clone();
        methods.into_iter().map(move |method| (method.to_uppercase(), path.clone()))
    };
    paths.iter().flat_map(of).collect()
}

#[expect(clippy::disallowed_methods, reason = "says what to do with a file of the repository")]
fn is_to_be_updated() -> bool {
    std::env::var_os("UPDATE_OPENAPI").is_some()
}

#[tokio::test]
async fn the_document_in_the_repository_is_the_one_that_is_served() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let mut served = serde_json::to_string_pretty(&document(&app).await).expect("text");
    served.push('\n');

    if is_to_be_updated() {
        std::fs::write(&file, &served).expect("written");
    }

    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == served,
        "docs/openapi.json is not what the handlers say: UPDATE_OPENAPI=1 cargo test -p server openapi"
    );
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_a_summary_and_an_error() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let document = document(&app).await;
    let mut names = BTreeSet::new();

    for (method, path) in operations(&document) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let name = operation["operationId"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{name} twice");
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{method} {path}");
        let error = &operation["responses"]["default"]["content"]["application/json"]["schema"];
        let schema = error["$ref"].as_str().and_then(|at| at.strip_prefix("#/components/schemas/"));
        assert!(
            matches!(schema, Some("AnthropicError" | "Error" | "GoogleError")),
            "{method} {path}"
        );
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            let parameters = operation["parameters"].as_array().expect("parameters");
            let named = parameters.iter().any(|p| p["name"] == name && p["in"] == "path");
            assert!(named, "{method} {path}: {{{name}}}");
        }
    }
    assert!(names.len() > 60, "{} operations", names.len());
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;
    let document = document(&app).await;

    let mut waiting = vec![&document];
    let mut followed = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = target.strip_prefix('#').expect("a reference within");
                    assert!(document.pointer(pointer).is_some(), "{target}");
                    followed += 1;
                }
                waiting.extend(fields.values());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(followed > 50);
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let fake = FakeProvider::start().await;
    let app = TestApp::start(&fake).await;

    let page = app.api.get("/api/docs/").whole().await.expect(200);
    let policy = page.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(&page.body[..]).read_to_string(&mut text).expect("gzip");
    assert!(!text.contains("http://") && !text.contains("https://"), "{text}");
    let sources = text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut scripts = 0;
    for source in sources {
        let path = format!("/api/docs/{}", source.trim_start_matches("./"));
        app.api.get(&path).whole().await.expect(200);
        scripts += 1;
    }
    assert!(scripts >= 2, "{scripts} scripts: {text}");
}
