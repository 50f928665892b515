//! The one description of a conversation that all dialects are read into and written from. Knows no dialect.

mod ask;
mod event;
mod left_out;
mod reply;

pub use ask::{
    Ask, CachePoint, Effort, Format, ImageDetail, Part, Reasoning, Source, Target, Text, Thought,
    Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
pub use event::Event;
pub(crate) use left_out::leave_out;
pub use reply::{Echo, Reply, Stop};
