//! The OpenAPI document, made from the handlers, and the page that shows it without reaching for the network.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use gateway::dialect_of;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use model::Dialect;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::shared::Shared;

const DOCUMENT: &str = "/api/openapi.json";
const PAGE: &str = "/api/docs";
const METHODS: [&str; 5] = ["delete", "get", "patch", "post", "put"];

/// Names every operation, says how callers prove who they are and what an error looks like.
pub fn complete(document: &OpenApi) -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(document)?;
    put(&mut document, &["info"], info());
    put(&mut document, &["security"], json!([{ "bearer": [] }]));
    put(&mut document, &["components", "securitySchemes", "bearer"], bearer());
    for (name, schema) in error_schemas() {
        put(&mut document, &["components", "schemas", name], schema);
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                put(operation, &["operationId"], json!(operation_id(method, path)));
                put(operation, &["responses", "default"], refused(path));
                let is_creation = operation.pointer("/responses/201").is_some();
                let is_public = operation.get("security").is_some();
                if is_creation && !is_public {
                    let what =
                        "The same request sent again within a day is answered again and done once";
                    add_header(operation, "Idempotency-Key", what);
                }
                let has_version = !path.contains("/members/") && !path.contains("/users/");
                if has_version && matches!(method, "patch" | "put") {
                    add_header(operation, "If-Match", "The ETag that the update expects, or *");
                }
            }
        }
    }
    Ok(document)
}

fn add_header(operation: &mut Value, name: &str, description: &str) {
    let Some(operation) = operation.as_object_mut() else { return };
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return };
    let is_there = parameters.iter().any(|known| {
        let known = known.get("name").and_then(Value::as_str);
        known.is_some_and(|known| known.eq_ignore_ascii_case(name))
    });
    if !is_there {
        parameters.push(json!({
            "name": name,
            "in": "header",
            "description": description,
            "required": false,
            "schema": { "type": "string" },
        }));
    }
}

/// Sets what is at the end of a way through objects, which are made where they are missing.
fn put(object: &mut Value, way: &[&str], value: Value) {
    let Some((name, rest)) = way.split_first() else {
        *object = value;
        return;
    };
    if let Value::Object(fields) = object {
        let inner = fields.entry(*name).or_insert_with(|| json!({}));
        put(inner, rest, value);
    }
}

fn info() -> Value {
    json!({
        "title": "Keystile",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "The bring-your-own-key gateway: inference, and the management of keys, people and settings.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

fn bearer() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "description": "A session token from POST /v1/sessions, or a gateway key (ks_live_...)",
    })
}

/// In the shape that the SDKs of the route read.
fn refused(path: &str) -> Value {
    let schema = match dialect_of(path) {
        Dialect::Anthropic => "#/components/schemas/AnthropicError",
        Dialect::Gemini => "#/components/schemas/GoogleError",
        Dialect::Chat | Dialect::Responses => "#/components/schemas/Error",
    };
    json!({
        "description": "Refused: the message says why and what to do",
        "content": { "application/json": { "schema": { "$ref": schema } } },
    })
}

/// As in `get_v1_workspaces_workspace`: no two operations share a method and a path.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

fn error_schemas() -> [(&'static str, Value); 3] {
    let text = json!({ "type": "string" });
    let openai = json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "code", "param"],
                "properties": {
                    "message": text,
                    "type": text,
                    "code": text,
                    "param": { "type": ["string", "null"] },
                },
            },
            "request_id": text,
        },
    });
    let anthropic = json!({
        "type": "object",
        "required": ["type", "error"],
        "properties": {
            "type": { "const": "error" },
            "error": {
                "type": "object",
                "required": ["type", "message", "code"],
                "properties": { "type": text, "message": text, "code": text },
            },
            "request_id": text,
        },
    });
    let google = json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "status", "details"],
                "properties": {
                    "code": { "type": "integer" },
                    "message": text,
                    "status": text,
                    "details": { "type": "array", "items": { "type": "object" } },
                },
            },
        },
    });
    [("AnthropicError", anthropic), ("Error", openai), ("GoogleError", google)]
}

/// The document itself and the page that shows it.
pub fn routes(document: &Value) -> Router<Arc<Shared>> {
    let bytes = Bytes::from(document.to_string());
    let page = SwaggerUi::new(PAGE)
        .config(Config::new([DOCUMENT]).try_it_out_enabled(true).persist_authorization(false));
    Router::new()
        .route(DOCUMENT, get(move || std::future::ready(answer(bytes.clone()))))
        .merge(Router::from(page).layer(from_fn(confine)))
}

fn answer(bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The page is a library's: it may use what comes from here, and nothing else.
async fn confine(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONFINED));
    response
}

/// It styles itself inline.
const CONFINED: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                        img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                        form-action 'none'; frame-ancestors 'none'";
