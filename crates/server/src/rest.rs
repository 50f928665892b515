//! The REST skin: one file per family of routes. Each handler parses, calls one operation, renders.

pub mod api_keys;
pub mod health;
pub mod me;
pub mod projects;
pub mod provider_keys;
pub mod sessions;
pub mod setup;
pub mod workspaces;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use control::Person;
use gateway::credential;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body_util::LengthLimitError;
use model::{Code, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::shared::Shared;

/// Management bodies are small.
const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_READ_MAX: Duration = Duration::from_secs(30);

/// The body as what the operation takes. Errors never repeat what was sent: it may hold a key.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let arrived = tokio::time::timeout(BODY_READ_MAX, to_bytes(body, BODY_BYTES_MAX)).await;
    let bytes = match arrived {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if is_too_large(&error) => {
            let public = format!("the request body is larger than {BODY_BYTES_MAX} bytes");
            return Err(Refusal::new(Code::RequestTooLarge, public));
        }
        Ok(Err(error)) => {
            let public = "the request body could not be read to its end";
            return Err(Refusal::new(Code::InvalidRequest, public).because(error));
        }
        Err(_) => {
            let public = "the request body took too long to arrive";
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match harmless(error.to_string()) {
            Some(said) => said,
            None if error.is_data() => {
                format!("a field has the wrong type at line {line} column {column}")
            }
            None => format!("it is not JSON at line {line} column {column}"),
        };
        Refusal::new(Code::InvalidRequest, format!("the request body cannot be read: {what}"))
    })
}

fn is_too_large(error: &axum::Error) -> bool {
    use std::error::Error as _;
    error.source().is_some_and(|cause| cause.is::<LengthLimitError>())
}

/// The parser's message, if it may be shown: of what was sent it repeats nothing but a mistyped name.
fn harmless(said: String) -> Option<String> {
    if said.starts_with("missing field") {
        return Some(said);
    }
    let around = [("unknown field `", "`, expected"), ("unknown scope \"", "\": scopes")];
    around.into_iter().find_map(|(before, after)| {
        let (name, ours) = said.strip_prefix(before)?.rsplit_once(after)?;
        let name = if is_a_name(name) { name } else { "..." };
        Some(format!("{before}{name}{after}{ours}"))
    })
}

/// Anything else may be a key that was pasted into the wrong place.
fn is_a_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':');
    text.len() <= NAME_BYTES_MAX && text.bytes().all(plain)
}

const NAME_BYTES_MAX: usize = 32;

fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value).map_err(Refusal::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Tokens and new keys pass here: no cache between us may keep them.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Lists are small so far: one page holds them.
#[derive(Serialize)]
struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

fn page<T: Serialize>(items: Vec<T>) -> Result<Response, Refusal> {
    json(StatusCode::OK, &Page { items, next_cursor: None })
}

/// Whoever calls a route of management: a person with a session.
async fn person(shared: &Shared, headers: &HeaderMap) -> Result<Person, Refusal> {
    shared.control.person(credential(headers)?.as_deref()).await
}
