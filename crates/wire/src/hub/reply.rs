//! What a model answered, whatever dialect it came in.

use model::Usage;

use super::Ask;
use super::ask::Part;

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// As the provider wrote it.
    pub id: String,
    pub model: String,
    /// Seconds since 1970, where it was told.
    pub created: Option<i64>,
    /// Thoughts, texts, refusals and tool calls, in their order.
    pub parts: Vec<Part>,
    pub stop: Stop,
    pub usage: Option<Usage>,
    pub service_tier: Option<String>,
}

/// Why the model stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    #[default]
    End,
    /// Somebody's filter stepped in, or the model refused.
    Filtered,
    /// The output limit, or the end of the context.
    Length,
    /// One of the texts it was told to stop at, where the dialect says which.
    Sequence(Option<String>),
    ToolCalls,
}

/// What an answer repeats of the request, or needs to know of it.
pub struct Echo<'a> {
    pub ask: &'a Ask,
    /// Of this request, for dialects whose answers need one where the provider gave none.
    pub request_id: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}
