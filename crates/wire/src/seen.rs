//! What an event of a stream is, in whatever dialect.

use crate::provider_error::UpstreamErrorBody;

/// What one event of a stream is. Of several things the first that applies, in the order error, done, content, usage,
/// finish: usage and finish are remembered either way.
#[derive(Debug, PartialEq)]
pub enum Seen {
    /// A piece of the answer: text, reasoning, a tool call, a refusal.
    Content,
    /// The terminator of the dialect: `[DONE]`, `message_stop`, `response.completed`. Gemini has none.
    Done,
    /// The provider gave up in the middle.
    Error(UpstreamErrorBody),
    /// A reason to stop, and nothing more of the answer.
    Finish,
    /// Comments, roles, empty deltas, what we do not know.
    Other,
    /// The event that exists because of `include_usage`, and for nothing else.
    UsageOnly,
}
