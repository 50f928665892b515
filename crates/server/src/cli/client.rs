//! An HTTP client of one gateway, which the person at this machine named. Follows no redirect and uses no ambient proxy, so
//! that a credential goes to that gateway and to nobody else; over plain http, only within this machine.

mod answer;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::BaseUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::output::printable;
use crate::config::Hidden;

pub use answer::Answer;

pub struct Client {
    base: BaseUrl,
    token: Option<Hidden>,
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Whether credentials may travel unencrypted through a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    Anywhere,
    LoopbackOnly,
}

/// A request being put together.
#[must_use = "nothing is sent before `send`"]
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Option<Bytes>,
}

const CONNECT_MAX: Duration = Duration::from_secs(10);
const WITHIN: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 32 << 20;

impl Client {
    pub fn new(base: BaseUrl, token: Option<Hidden>, plain: PlainHttp) -> Result<Self, Failure> {
        if !base.is_https() && plain == PlainHttp::LoopbackOnly && !is_loopback(base.host()) {
            let why = "would send credentials through the network unencrypted: use https, or add \
                       --insecure-http if nobody can listen in";
            return Err(Failure::Usage(format!("{base} {why}")));
        }
        Ok(Self { base, token, pool: pool() })
    }

    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// By its form, as the gateway itself tells them apart.
    pub fn is_gateway_key(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.reveal().starts_with(GATEWAY_KEY))
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// Without a body: the path says it all.
    pub fn press(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PUT, path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PATCH, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// `path` starts with a slash; what people typed into it has been through `path()`.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call { client: self, method, path: path.to_owned(), headers: Vec::new(), body: None }
    }
}

impl Call<'_> {
    pub fn json(self, body: &Value) -> Self {
        self.body(Bytes::from(body.to_string()))
    }

    /// JSON as somebody wrote it.
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self.header(CONTENT_TYPE, Some("application/json"))
    }

    pub fn header(mut self, name: HeaderName, value: Option<&str>) -> Self {
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// The answer, if it is a success.
    pub async fn send(self) -> Result<Answer, Failure> {
        let is_session = self.client.token.is_some() && !self.client.is_gateway_key();
        let answer = self.send_raw().await?;
        match answer.failure() {
            None => Ok(answer),
            Some(Failure::Refused { status: StatusCode::UNAUTHORIZED, message }) if is_session => {
                Err(Failure::SignedOut(format!("{message}: `keystile login` signs in again")))
            }
            Some(failure) => Err(failure),
        }
    }

    /// The answer, whatever it is.
    pub async fn send_raw(self) -> Result<Answer, Failure> {
        let client = self.client;
        let request = self.request()?;
        let answered = async {
            let (parts, body) = client.pool.request(request).await.map_err(reason)?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| format!("its answer broke off: {error}"))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        let answered = tokio::time::timeout(WITHIN, answered).await;
        let late = || Err(format!("no answer within {} s", WITHIN.as_secs()));
        answered.unwrap_or_else(|_| late()).map_err(|reason| {
            Failure::Unreachable(format!("{}: {reason} (is the gateway running?)", client.base))
        })
    }

    fn request(self) -> Result<Request<Full<Bytes>>, Failure> {
        let unusable =
            |_| Failure::Usage(format!("\"{}\" is no path of a URL", printable(&self.path)));
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.client.base.join(&self.path))
            .body(Full::new(self.body.unwrap_or_default()))
            .map_err(unusable)?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(NAME));
        for (name, value) in self.headers {
            let bad =
                |_| Failure::Usage(format!("what is meant for the header {name} does not fit one"));
            let value = HeaderValue::from_str(&value).map_err(bad)?;
            headers.insert(name, value);
        }
        if let Some(token) = &self.client.token {
            headers.insert(AUTHORIZATION, bearer(token)?);
        }
        Ok(request)
    }
}

/// A path of these parts, none of which can become more than one part.
pub fn path<const N: usize>(parts: [&str; N]) -> String {
    parts.iter().map(|part| format!("/{}", utf8_percent_encode(part, BEYOND_PART))).collect()
}

/// `?name=value` of those that have one.
pub fn query<const N: usize>(pairs: [(&str, Option<&str>); N]) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            let mark = if query.is_empty() { '?' } else { '&' };
            query.push_str(&format!("{mark}{name}={}", utf8_percent_encode(value, BEYOND_PART)));
        }
    }
    query
}

const BEYOND_PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const GATEWAY_KEY: &str = "ks_";
const NAME: &str = concat!("keystile-cli/", env!("CARGO_PKG_VERSION"));

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let named = bare == "localhost" || bare.ends_with(".localhost");
    named || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The error of a header value quotes nothing, and neither do we.
fn bearer(token: &Hidden) -> Result<HeaderValue, Failure> {
    let text = Zeroizing::new(format!("Bearer {}", token.reveal()));
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Failure::Usage("the token holds characters that no token of ours has".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn reason(error: hyper_util::client::legacy::Error) -> String {
    let mut reason: &dyn std::error::Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the person at this machine named the gateway, wherever it is: there is no tenant's address to judge"
)]
fn pool() -> Pool<HttpsConnector<HttpConnector>, Full<Bytes>> {
    // Fails only if a provider was installed before, which is then the same one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_MAX));
    let https = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Pool::builder(TokioExecutor::new()).build(https)
}
