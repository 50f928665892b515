//! The way out: the only HTTP client of the system. No redirects, no ambient proxy, no resending behind our back, and
//! every address judged when it is dialled.

mod auth;
mod body;
mod connector;
mod error;
pub mod judge;
mod post;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::{BaseUrl, Code, Provider};
use tokio::time::Instant;
use vault::ProviderKey;

use crate::authorize::Permit;

pub use body::{SplicedBody, read_answer};
pub use connector::{Resolve, SystemResolver};

pub use error::{Blame, Retry, UpstreamError, quotable};
pub use judge::{Egress, EgressRule};

use connector::{JudgedConnector, Within};
use judge::Judge;

type HttpClient = Client<Within<HttpsConnector<JudgedConnector>>, SplicedBody>;

/// Two clients with separate pools: a connection the operator's word allowed must never carry a tenant's call.
#[derive(Clone)]
pub struct Upstream {
    /// To providers of the catalogue, at their own addresses or where the operator moved them.
    catalogue: HttpClient,
    /// To endpoints that tenants name.
    tenant: HttpClient,
    user_agent: HeaderValue,
}

/// One call in OpenAI's chat dialect.
pub struct ChatCall<'a> {
    pub provider: &'a Provider,
    pub base_url: &'a BaseUrl,
    pub key: Option<&'a ProviderKey>,
    pub body: Vec<Bytes>,
    pub streamed: bool,
    /// When the answer's head must be there.
    pub headers_by: Instant,
}

const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(60);
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 256;

impl Upstream {
    /// However `resolver` finds addresses, they are judged.
    pub fn new(egress: &Egress, connect_max: Duration, resolver: Arc<dyn Resolve>) -> Self {
        let client =
            |judge| http_client(JudgedConnector::new(judge, Arc::clone(&resolver)), connect_max);
        Self {
            catalogue: client(Judge::for_catalogue(egress)),
            tenant: client(Judge::for_tenants(egress)),
            user_agent: HeaderValue::from_static(concat!("keystile/", env!("CARGO_PKG_VERSION"))),
        }
    }

    pub async fn chat(
        &self,
        _right: &Permit,
        call: ChatCall<'_>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        // A pooled connection may turn out to be closed before a byte was sent on it: that was no attempt.
        match self.chat_once(&call).await {
            Err(error) if error.unsent => self.chat_once(&call).await,
            answer => answer,
        }
    }

    async fn chat_once(&self, call: &ChatCall<'_>) -> Result<Response<Incoming>, UpstreamError> {
        let Some(path) = &call.provider.chat else {
            return Err(UpstreamError::ours("the provider does not speak this dialect"));
        };
        let accept = if call.streamed { "text/event-stream" } else { "application/json" };
        let mut request = self.request(
            Method::POST,
            call.provider,
            call.base_url.join(path),
            SplicedBody::new(call.body.clone()),
        )?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(key) = call.key {
            auth::insert(headers, call.provider.auth, key)?;
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
    ) -> Result<Response<Incoming>, UpstreamError> {
        let url = base_url.join(&provider.probe.path);
        let mut request = self.request(Method::GET, provider, url, SplicedBody::new(Vec::new()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            auth::insert(headers, provider.probe.auth.unwrap_or(provider.auth), key)?;
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
    ) -> Result<Response<Incoming>, UpstreamError> {
        let client = if provider.base_url.is_some() { &self.catalogue } else { &self.tenant };
        match tokio::time::timeout_at(by, client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(UpstreamError::unreachable(provider, &error)),
            Err(_) => {
                let public = "the provider did not begin to answer in time";
                let late = UpstreamError::new(
                    Blame::Provider,
                    Retry::Never,
                    Code::UpstreamTimeout,
                    public,
                );
                Err(UpstreamError { dispatched: true, ..late })
            }
        }
    }
}

fn reason(error: hyper_util::client::legacy::Error) -> String {
    let mut reason: &dyn std::error::Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// HTTP/1.1 only for now: one HTTP/2 connection per origin would queue streams silently.
#[expect(clippy::disallowed_methods, reason = "this is the way out everybody else is given")]
fn http_client(connector: JudgedConnector, connect_max: Duration) -> HttpClient {
    let https = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false)
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
        .build(Within::new(https, connect_max))
}
