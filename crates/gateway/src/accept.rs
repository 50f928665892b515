//! Takes a request in by its head: which operation, which credential, not too large. The body stays unread.

mod headers;
mod route;

use http::header::{self, HeaderMap};
use model::{Refusal, RequestId};
use wire::Wishes;

use crate::{Body, Limits, Raw};

pub use headers::{credential, invalid_api_key, too_large, wishes};
pub use route::{Route, conversation_at, dialect_of};

use headers::{forwarded, refuse_encoded, refuse_oversized};

/// A request whose head is in order.
pub struct Head {
    pub(crate) id: RequestId,
    pub(crate) route: Route,
    pub(crate) method: http::Method,
    pub(crate) credential: Option<String>,
    /// What headers wish; the body may wish more.
    pub(crate) wishes: Wishes,
    /// What of the caller's headers a provider may see.
    pub(crate) forwarded: HeaderMap,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Body,
}

pub fn accept(limits: &Limits, raw: Raw) -> Result<Head, Refusal> {
    let route = Route::of(&raw.parts.method, &raw.parts.uri)?;
    let headers = &raw.parts.headers;
    let credential = credential(headers)?;
    let wishes = wishes(headers)?;
    refuse_encoded(headers)?;
    refuse_oversized(headers, limits)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(Head {
        id: raw.id,
        method: raw.parts.method,
        credential,
        wishes,
        forwarded: forwarded(headers, route.operation),
        content_type: content_type.map(str::to_owned),
        route,
        body: raw.body,
    })
}
