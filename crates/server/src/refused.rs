//! How a refusal becomes an answer: the one place that renders errors, logs their sources and names the request.

mod unread;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt as _;
use gateway::dialect_of;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode, Uri};
use model::{Code, Dialect, Refusal, RequestId};
use percent_encoding::percent_decode_str;
use tracing::Instrument as _;
use wire::dialect::envelope;

use crate::shared::Shared;
use crate::trace::Trace;

use unread::{Reading, Watched, watch};

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

/// Around every request: its id, its errors, and what a panic leaves.
pub struct Passage {
    pub id: RequestId,
    uri: Uri,
    reading: Reading,
}

impl Passage {
    pub fn begin<B: http_body::Body>(
        request: http::Request<B>,
        shared: &Shared,
    ) -> (Self, http::Request<Watched<B>>) {
        let id = shared.request_ids.next(&*shared.clock);
        let uri = request.uri().clone();
        let (request, reading) = watch(request);
        (Self { id, uri, reading }, request)
    }

    /// What panics in here is this request's misfortune, and no other's.
    pub async fn guard<T>(
        &self,
        answer: impl Future<Output = Result<T, Arc<Refusal>>>,
    ) -> Result<T, Arc<Refusal>> {
        let answered = AssertUnwindSafe(answer).catch_unwind().await;
        answered.unwrap_or_else(|_panic| Err(Arc::new(Refusal::internal("a handler panicked"))))
    }

    pub fn refuse(&self, refusal: &Refusal) -> http::Response<Vec<u8>> {
        let dialect = dialect_of(self.uri.path());
        let mut response = self.span().in_scope(|| render(refusal, dialect, self.id));
        self.reading.end(&mut response);
        response
    }

    /// What lines of the log belong to.
    fn span(&self) -> tracing::Span {
        tracing::info_span!("request", request.id = %self.id)
    }

    pub fn name<B>(&self, mut response: http::Response<B>) -> http::Response<B> {
        if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(self.id.to_string())) {
            let headers = response.headers_mut();
            // Under the names that OpenAI's and Anthropic's SDKs show it by, too.
            for name in SDK_REQUEST_IDS {
                headers.insert(name, id.clone());
            }
            headers.insert(REQUEST_ID, id);
        }
        response
    }
}

/// The passage of what the framework routes.
pub async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = Route::of(&request);
    let (passage, request) = Passage::begin(request, &shared);
    let mut request = request.map(Body::new);
    let trace = Arc::new(Trace::default());
    request.extensions_mut().insert(passage.id);
    request.extensions_mut().insert(Arc::clone(&trace));
    if percent_decode_str(request.uri().path()).decode_utf8().is_err() {
        // The framework would answer this itself, in words of its own.
        let refused = render(&Refusal::not_found(), Dialect::Chat, passage.id);
        return passage.name(refused.map(Body::from));
    }
    let answer = async {
        let mut response = next.run(request).await;
        let Some(refusal) = response.extensions_mut().remove::<Arc<Refusal>>() else {
            return Ok(response);
        };
        if let Some(doer) = trace.doer() {
            let route = route.to_string();
            shared.control.note_refusal(doer, trace.workspace(), &route, &refusal).await;
        }
        Err(refusal)
    };
    let answered = passage.guard(answer).instrument(passage.span()).await;
    let refuse = |refusal: Arc<Refusal>| passage.refuse(&refusal).map(Body::from);
    passage.name(answered.unwrap_or_else(refuse))
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
fn render(refusal: &Refusal, dialect: Dialect, id: RequestId) -> http::Response<Vec<u8>> {
    log(refusal);
    let mut response = http::Response::new(envelope(dialect, refusal, Some(&id.to_string())));
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
