//! The way out: the only HTTP client of the system. No redirects, no ambient proxy, no resending behind our back, and
//! every address judged when it is dialled.

mod auth;
mod body;
mod connector;
mod error;
pub mod judge;
mod lanes;
mod post;
mod trust;
mod unreachable;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use model::catalogue::{AuthHeader, Endpoint};
use model::{BaseUrl, Provider};
use tokio::time::Instant;
use vault::ProviderKey;

use crate::authorize::Permit;

pub use body::{SplicedBody, read_answer};
pub use connector::{Resolve, SystemResolver};
pub use error::{Blame, Retry, UpstreamError, quotable};
pub use judge::{Egress, EgressRule};
pub use lanes::UpstreamBody;
pub use trust::{Trust, Untrusted};

use connector::JudgedConnector;
use judge::Judge;
use lanes::Lanes;

/// Two sets of connections: one that the operator's word allowed must never carry a tenant's call.
#[derive(Clone)]
pub struct Upstream {
    /// To providers of the catalogue, at their own addresses or where the operator moved them.
    catalogue: Lanes,
    /// To endpoints that tenants name.
    tenant: Lanes,
    user_agent: HeaderValue,
}

/// One call to a provider.
pub struct Outgoing<'a> {
    pub provider: &'a Provider,
    pub method: Method,
    pub url: String,
    pub auth: AuthHeader,
    pub key: Option<&'a ProviderKey>,
    pub body: Vec<Bytes>,
    /// Absent with a body that has none.
    pub content_type: Option<HeaderValue>,
    pub accept: &'static str,
    /// What of the caller's headers may go along.
    pub forwarded: &'a HeaderMap,
    /// When the answer's head must be there.
    pub headers_by: Instant,
}

impl Upstream {
    /// However `resolver` finds addresses, they are judged.
    pub fn new(
        egress: &Egress,
        trust: &Trust,
        connect_max: Duration,
        resolver: Arc<dyn Resolve>,
    ) -> Self {
        let lanes = |judge| {
            let connector = JudgedConnector::new(judge, Arc::clone(&resolver));
            Lanes::new(connector, trust.clone(), connect_max)
        };
        Self {
            catalogue: lanes(Judge::for_catalogue(egress)),
            tenant: lanes(Judge::for_tenants(egress)),
            user_agent: HeaderValue::from_static(concat!("keystile/", env!("CARGO_PKG_VERSION"))),
        }
    }

    pub async fn call(
        &self,
        _right: &Permit,
        call: Outgoing<'_>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        // A pooled connection may turn out to be closed before a byte was sent on it: that was no attempt.
        match self.call_once(&call).await {
            Err(error) if error.unsent => self.call_once(&call).await,
            answer => answer,
        }
    }

    async fn call_once(
        &self,
        call: &Outgoing<'_>,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let body = SplicedBody::new(call.body.clone());
        let mut request =
            self.request(call.method.clone(), call.provider, call.url.clone(), body)?;
        let headers = request.headers_mut();
        // The caller's version of the provider's API stands in place of ours.
        for name in call.forwarded.keys() {
            headers.remove(name);
        }
        for (name, value) in call.forwarded {
            headers.append(name, value.clone());
        }
        if let Some(kind) = &call.content_type {
            headers.insert(header::CONTENT_TYPE, kind.clone());
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static(call.accept));
        if let Some(key) = call.key {
            auth::insert(headers, call.auth, key)?;
        }
        self.send(call.provider, request, call.headers_by).await
    }

    /// The provider's cheapest call that tells a good key from a bad one.
    pub async fn probe(
        &self,
        provider: &Provider,
        base_url: &BaseUrl,
        key: Option<&ProviderKey>,
        by: Instant,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let url = base_url.join(&provider.probe.path);
        let mut request = self.request(Method::GET, provider, url, SplicedBody::new(Vec::new()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static(JSON));
        if let Some(key) = key {
            auth::insert(headers, provider.auth, key)?;
        }
        self.send(provider, request, by).await
    }

    fn request(
        &self,
        method: Method,
        provider: &Provider,
        url: String,
        body: SplicedBody,
    ) -> Result<Request<SplicedBody>, UpstreamError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .body(body)
            .map_err(|_| UpstreamError::ours("the provider's address is not usable"))?;
        let headers = request.headers_mut();
        headers.reserve(HEADERS_USUAL);
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &provider.headers {
            let header = (HeaderName::try_from(name), HeaderValue::from_str(value));
            let (Ok(name), Ok(value)) = header else {
                return Err(UpstreamError::ours("the catalogue holds an unusable header"));
            };
            headers.insert(name, value);
        }
        Ok(request)
    }

    async fn send(
        &self,
        provider: &Provider,
        request: Request<SplicedBody>,
        by: Instant,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let lanes = if provider.base_url.is_some() { &self.catalogue } else { &self.tenant };
        match tokio::time::timeout_at(by, lanes.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(UpstreamError::unreachable(provider, &error)),
            Err(_) => Err(UpstreamError::silent()),
        }
    }
}

/// Ours, and what the HTTP library adds.
const HEADERS_USUAL: usize = 12;
pub const JSON: &str = "application/json";
pub const EVENT_STREAM: &str = "text/event-stream";

/// Where an operation of a provider's is, for a model whose name may stand in the path.
pub fn url_of(base_url: &BaseUrl, endpoint: &Endpoint, model: &str, stream: bool) -> String {
    let mut path = endpoint.path.clone();
    if path.contains(MODEL) {
        let name = percent_encoding::utf8_percent_encode(model, NOT_IN_A_STEP).to_string();
        path = path.replace(MODEL, &name);
    }
    if stream && let Some(plain) = path.strip_suffix(GENERATE) {
        path = [plain, STREAM_GENERATE].concat();
    }
    if endpoint.from_origin { base_url.origin().join(&path) } else { base_url.join(&path) }
}

const MODEL: &str = "{model}";
const GENERATE: &str = ":generateContent";
/// Without `alt=sse` Google streams one long list.
const STREAM_GENERATE: &str = ":streamGenerateContent?alt=sse";
/// A model's name is one step of a path, whatever is in it.
const NOT_IN_A_STEP: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why there was no answer, in the words of the deepest cause.
fn reason(error: &hyper_util::client::legacy::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}
