//! What handlers answer with: JSON or a table, never kept by anybody between us and the caller.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use model::Refusal;
use serde::Serialize;

use crate::refused::Refused;

/// What every handler returns.
pub type Answer = Result<Response, Refused>;

pub fn ok(value: &impl Serialize) -> Answer {
    Ok(json(StatusCode::OK, value)?)
}

pub fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(value).map_err(Refusal::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Tokens and new keys pass here: no cache between us may keep them.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Comma-separated values, as a file.
pub fn table(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
