//! What goes back: JSON-RPC as the library made it, our own errors instead of its plain texts.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use model::{Code, Refusal};
use rmcp::model::{CallToolResult, ErrorCode};
use serde_json::{Value, json};

use super::hosts::forbidden;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The library's plain texts may quote the request, and are no answer of ours.
pub fn answered(mut answer: Response) -> Result<Response, Refusal> {
    let status = answer.status();
    if answer.headers().get(CONTENT_TYPE) != Some(&JSON) && status != StatusCode::ACCEPTED {
        return Err(match status {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => return Ok(invalid_request()),
            // It reads some spellings of an address more narrowly than we do.
            StatusCode::FORBIDDEN => forbidden("Host or Origin"),
            StatusCode::BAD_REQUEST => {
                let public = "the MCP-Protocol-Version header names no version that is spoken here";
                Refusal::new(Code::InvalidRequest, public)
            }
            _ => Refusal::internal(format!("the MCP library answered {status}")),
        });
    }
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// The body is no JSON.
pub fn parse_error() -> Response {
    error(ErrorCode::PARSE_ERROR, "the body is no JSON")
}

/// It is JSON, and no message of the protocol. A batch is none since version 2025-06-18.
fn invalid_request() -> Response {
    error(ErrorCode::INVALID_REQUEST, "the body is no single message of JSON-RPC 2.0 and MCP")
}

/// Nobody knows which request it answers.
fn error(code: ErrorCode, message: &str) -> Response {
    let error = json!({ "code": code.0, "message": message });
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": error });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// What a tool answers: a model can read an error of ours and mend what it asked for.
pub fn tool_answer(outcome: Result<Value, Refusal>) -> CallToolResult {
    match outcome {
        Ok(answer) => CallToolResult::structured(answer),
        Err(refusal) => {
            let error = json!({
                "code": refusal.code.as_str(),
                "message": refusal.public,
                "param": refusal.param,
                "retry_after_seconds": refusal.retry_after_seconds,
            });
            CallToolResult::structured_error(json!({ "error": error }))
        }
    }
}
