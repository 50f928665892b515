//! How a refusal becomes an answer: the one place that renders errors, logs their sources and names the request.

mod unread;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use gateway::dialect_of;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use model::{Code, Dialect, Refusal, RequestId};
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;
use wire::dialect::envelope;

use crate::shared::Shared;
use crate::trace::Trace;

use unread::watch;

/// What a handler returns instead of an answer.
pub struct Refused(Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// Carried to `observe` outside of the body, because only there the request's id is known.
impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(&self.0);
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-keystile-request-id");

const SDK_REQUEST_IDS: [HeaderName; 2] =
    [HeaderName::from_static("request-id"), HeaderName::from_static("x-request-id")];

/// Around every request: its id, its span in the log, its errors.
pub async fn observe(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::new(&*shared.clock, &*shared.random);
    request.extensions_mut().insert(id);
    let trace = Arc::new(Trace::default());
    request.extensions_mut().insert(Arc::clone(&trace));
    let route = Route::of(&request);
    let uri = request.uri().clone();
    let span = tracing::info_span!("request", request.id = %id);
    if percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        // The framework would answer this itself, in words of its own.
        return named(render(&Refusal::not_found(), Dialect::Chat, id), id);
    }
    let (request, reading) = watch(request);
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = answered
        .instrument(span.clone())
        .await
        .unwrap_or_else(|_panic| Refused(Refusal::internal("a handler panicked")).into_response());
    if let Some(refusal) = response.extensions_mut().remove::<Arc<Refusal>>() {
        if let Some(doer) = trace.doer() {
            let route = route.to_string();
            let noted = shared.control.note_refusal(doer, trace.workspace(), &route, &refusal);
            noted.instrument(span.clone()).await;
        }
        response = span.in_scope(|| render(&refusal, dialect_of(uri.path()), id));
        reading.end(&mut response);
    }
    named(response, id)
}

/// The method and the route's pattern, which holds nothing that was sent. Becomes text only where it is told.
struct Route {
    method: Method,
    pattern: Option<MatchedPath>,
}

impl Route {
    fn of(request: &Request) -> Self {
        let pattern = request.extensions().get::<MatchedPath>().cloned();
        Self { method: request.method().clone(), pattern }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.pattern.as_ref().map_or("", MatchedPath::as_str);
        write!(f, "{} {pattern}", self.method)
    }
}

fn named(mut response: Response, id: RequestId) -> Response {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        let headers = response.headers_mut();
        // Under the names that OpenAI's and Anthropic's SDKs show it by, too.
        for name in SDK_REQUEST_IDS {
            headers.insert(name, id.clone());
        }
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Once for each refusal, where it becomes an answer.
pub fn log(refusal: &Refusal) {
    match &refusal.source {
        Some(source) if refusal.status() >= 500 => {
            tracing::error!(error.code = refusal.code.as_str(), error = %source, "refused");
        }
        Some(source) => {
            tracing::info!(error.code = refusal.code.as_str(), error = %source, "refused");
        }
        None => tracing::debug!(error.code = refusal.code.as_str(), "refused"),
    }
}

/// In the shape that the SDK of the route reads.
fn render(refusal: &Refusal, dialect: Dialect, id: RequestId) -> Response {
    log(refusal);
    let body = envelope(dialect, refusal, Some(&id.to_string()));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status(refusal);
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // A 429 without a time to come back is an invitation to hammer.
    let after = refusal.retry_after_seconds.or((refusal.status() == 429).then_some(1));
    if let Some(seconds) = after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub async fn not_found() -> Refused {
    Refused(Refusal::new(Code::NotFound, "there is no such route"))
}

pub async fn method_not_allowed() -> Refused {
    Refused(Refusal::new(Code::MethodNotAllowed, "this route has no such method"))
}
