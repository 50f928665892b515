//! `POST /v1/messages/count_tokens` for models whose provider does not count: an estimate, and said to be one.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use model::Operation;

use crate::Reply;
use crate::asked::{Asked, BYTES_PER_TOKEN};
use crate::plan::Plan;
use crate::stream::full;

/// `None` where a provider counts, or where there is something else in the way.
pub fn estimate(plan: &Plan<'_>, asked: &Asked<'_>) -> Option<Reply> {
    let is_ours = asked.operation == Operation::CountTokens && plan.is_unspoken();
    is_ours.then(|| token_count(asked.body_bytes))
}

fn token_count(body_bytes: usize) -> Reply {
    // Clients that plan by this are better served by too many than too few.
    let tokens = body_bytes.div_ceil(BYTES_PER_TOKEN).max(1);
    let mut reply =
        http::Response::new(full(Bytes::from(format!("{{\"input_tokens\":{tokens}}}"))));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let estimated = HeaderName::from_static("x-keystile-estimated");
    headers.insert(estimated, HeaderValue::from_static("true"));
    reply
}
