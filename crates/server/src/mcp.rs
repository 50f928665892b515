//! The MCP skin: `/mcp`, streamable HTTP without sessions. Lets requests in, and hands them to the library; what a tool does
//! lies in `control` and `gateway`. Starts no process, follows no redirect, keeps nothing between requests.

mod answer;
mod arguments;
mod hosts;
mod list_models;
mod manage_secrets;
mod principal;
mod route_explain;
mod tools;
pub mod upload;
mod usage_summary;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue, ORIGIN};
use http::{HeaderMap, StatusCode};
use model::{BaseUrl, Code, Refusal};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;
use tower_service::Service as _;

use crate::ask::{Ask, Sent};
use crate::refused::Refused;
use crate::shared::Shared;
use answer::{answered, parse_error};
use arguments::Arguments;
use hosts::Hosts;
use principal::{Principal, principal};
use tools::Tools;

/// Made once at boot.
pub struct Mcp {
    hosts: Hosts,
    library: StreamableHttpService<Tools, NeverSessionManager>,
}

impl Mcp {
    pub fn new(shared: &Arc<Shared>, public_url: &BaseUrl, listen: SocketAddr) -> Self {
        let hosts = Hosts::new(public_url, listen);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_allowed_hosts(hosts.names())
            .with_allowed_origins(hosts.origins())
            .enforce_origin_validation();
        let shared = Arc::clone(shared);
        let tools = move || Ok(Tools::new(Arc::clone(&shared)));
        let sessions = Arc::new(NeverSessionManager::default());
        Self { hosts, library: StreamableHttpService::new(tools, sessions, config) }
    }
}

/// What the tools need to know of a request, among its extensions.
struct Asked {
    principal: Principal,
    arguments: Arguments,
}

/// Whose page sent it comes first: a browser that was lured here learns not even whether its credential is good.
pub async fn serve(
    ask: Ask,
    Extension(mcp): Extension<Arc<Mcp>>,
    request: Request,
) -> Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();
    mcp.hosts.judge(&parts)?;
    let principal = principal(&ask, &parts.headers).await?;
    refuse_other_than_json(&parts.headers)?;
    let sent = Sent::read(body).await?;
    let Ok(mut message) = serde_json::from_slice::<Value>(sent.bytes()) else {
        return Ok(parse_error());
    };
    let arguments = Arguments::take(&mut message);
    hide_odd_method(&mut message);
    parts.headers = head_of_the_protocol(&parts.headers);
    parts.extensions.insert(Arc::new(Asked { principal, arguments }));
    let request = Request::from_parts(parts, Body::from(message.to_string()));
    let answer = match mcp.library.clone().call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    Ok(answered(answer.map(Body::new))?)
}

/// The library repeats a method that it does not know, and this may be anything that was pasted.
fn hide_odd_method(message: &mut Value) {
    if let Some(Value::String(method)) = message.get_mut("method")
        && !method.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'/')
    {
        "unknown".clone_into(method);
    }
}

/// The library hands the head on to the tools, and may log it: it gets what the protocol needs, and no credential.
fn head_of_the_protocol(headers: &HeaderMap) -> HeaderMap {
    let needed = |name: &HeaderName| name.as_str().starts_with("mcp-") || NEEDED.contains(name);
    let mut kept = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| needed(name)) {
        kept.append(name.clone(), value.clone());
    }
    // Every answer is JSON, and not every client says that it would take a stream as well.
    kept.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    kept
}

const NEEDED: [HeaderName; 3] = [CONTENT_TYPE, HOST, ORIGIN];

/// A page of another site can send anything else without being asked first.
fn refuse_other_than_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let public = "send JSON-RPC as Content-Type: application/json";
    Err(Refusal {
        status: Some(StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16()),
        ..Refusal::new(Code::InvalidRequest, public)
    })
}
