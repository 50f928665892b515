//! What happens in a stream, whatever dialect it came in.

use model::Usage;

use super::{Source, Stop};
use crate::provider_error::UpstreamErrorBody;

/// One step. Of each stream: `Start` first, `End` or `Error` last and once.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A piece of a tool call's arguments. `index` is the call's own number: 0, 1, ...
    Arguments {
        index: usize,
        json: String,
    },
    /// The provider came to a good end: its terminator, or its stream's end after a reason to stop.
    End,
    Error(UpstreamErrorBody),
    /// A picture, whole.
    Image(Source),
    /// A sign of life.
    Ping,
    Refusal(String),
    /// The proof of the thought that is open.
    Signature(String),
    Start {
        id: String,
        model: String,
    },
    /// The model stopped. Usage may still follow.
    Stop(Stop),
    Text(String),
    Thought(String),
    /// A thought nobody may read, whole.
    SealedThought(String),
    /// A call begins. Its arguments follow, perhaps between those of others.
    ToolCall {
        index: usize,
        id: Option<String>,
        name: String,
        signature: Option<String>,
    },
    /// All that is known up to now; the last one counts.
    Usage(Usage),
}
