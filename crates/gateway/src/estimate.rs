//! Anthropic's `count_tokens` and Google's `countTokens` for models whose provider does not count: an estimate, and said to be one.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use model::Operation;

use crate::Reply;
use crate::asked::{Asked, BYTES_PER_TOKEN};
use crate::plan::Plan;
use crate::stream::full;

/// `None` where a provider counts, or where there is something else in the way.
pub fn estimate(plan: &Plan<'_>, asked: &Asked<'_>) -> Option<Reply> {
    if !plan.is_unspoken() {
        return None;
    }
    let name = match asked.operation {
        Operation::CountContentTokens => "totalTokens",
        Operation::CountTokens => "input_tokens",
        _ => return None,
    };
    // Clients that plan by this are better served by too many than too few.
    let tokens = asked.body_bytes.div_ceil(BYTES_PER_TOKEN).max(1);
    Some(token_count(name, tokens))
}

fn token_count(name: &str, tokens: usize) -> Reply {
    let mut reply = http::Response::new(full(Bytes::from(format!("{{\"{name}\":{tokens}}}"))));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let estimated = HeaderName::from_static("x-keystile-estimated");
    headers.insert(estimated, HeaderValue::from_static("true"));
    reply
}
