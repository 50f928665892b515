//! A client for tests: says what it is told, follows nothing, and shows each piece of an answer as it comes.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

#[derive(Clone)]
pub struct Client {
    base: String,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

/// A request being put together.
#[must_use = "nothing is sent before `send`"]
pub struct Call {
    client: Client,
    request: Request<Full<Bytes>>,
}

/// An answer whose body may still be on its way.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
}

/// An answer that has arrived.
#[derive(Debug)]
pub struct Whole {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub fn new(base: impl Into<String>) -> Self {
        Self::speaking(base, false)
    }

    /// Speaks HTTP/2 from the first byte, as proxies do to those behind them.
    pub fn http2(base: impl Into<String>) -> Self {
        Self::speaking(base, true)
    }

    #[expect(clippy::disallowed_methods, reason = "a test's client is not the gateway's way out")]
    fn speaking(base: impl Into<String>, http2_only: bool) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).http2_only(http2_only).build_http();
        Self { base: base.into(), pool }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .body(Full::default())
            .expect("a test's request is well formed");
        Call { client: self.clone(), request }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

impl Call {
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self.header("content-type", content_type)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = http::HeaderName::try_from(name).expect("a header name");
        self.request.headers_mut().append(name, value.parse().expect("a header value"));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Waits for the head only.
    pub async fn send(self) -> Answer {
        let answer = self.client.pool.request(self.request).await.expect("the gateway answers");
        let (parts, body) = answer.into_parts();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Waits for all of it.
    pub async fn whole(self) -> Whole {
        self.send().await.whole().await
    }

    /// The same from somebody who may be killed meanwhile.
    pub async fn try_whole(self) -> Result<Whole, String> {
        let answer = self.client.pool.request(self.request).await.map_err(|e| format!("{e:?}"))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
        Ok(Whole { status: parts.status, headers: parts.headers, body })
    }
}

impl Answer {
    /// The next piece of the body; `None` at its end; `Err` when the connection broke.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await? {
                Err(error) => return Some(Err(error)),
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
            }
        }
    }

    pub async fn whole(self) -> Whole {
        let body = self.body.collect().await.expect("a whole body").to_bytes();
        Whole { status: self.status, headers: self.headers, body }
    }
}

impl Whole {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("not JSON ({error}): {} {}", self.status, self.text());
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The code of an error, in whichever envelope.
    pub fn code(&self) -> String {
        let reason = self.json().pointer("/error/details/0/reason").cloned();
        match reason.as_ref().and_then(Value::as_str) {
            Some(google) => google.to_lowercase(),
            None => self.at("/error/code"),
        }
    }

    /// A text in the JSON, or a loud failure.
    pub fn at(&self, pointer: &str) -> String {
        let json = self.json();
        let found = json.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {pointer}: {} {json}", self.status)).to_owned()
    }

    /// The answer itself, if its status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}
