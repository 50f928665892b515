//! Posting news to an address that a tenant named: judged like any other, no redirects, and the answer's body unread.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::{SplicedBody, Upstream, reason};

impl Upstream {
    /// The status, or why there is none, in words that tell of no address inside.
    pub async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
        by: Instant,
    ) -> Result<StatusCode, String> {
        let request = Request::builder().method(Method::POST).uri(url);
        let mut request = request
            .body(SplicedBody::new(vec![body]))
            .map_err(|_| "the address is not usable".to_owned())?;
        *request.headers_mut() = headers;
        let ours = [
            (header::USER_AGENT, self.user_agent.clone()),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        request.headers_mut().extend(ours);
        match tokio::time::timeout_at(by, self.tenant.request(request)).await {
            Ok(Ok(answer)) => Ok(answer.status()),
            Ok(Err(error)) => Err(reason(&error)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}
