//! OpenAI's chat-completions dialect and the many providers that nearly speak it. Knows no provider by name.

pub mod answer;
pub mod chat;
pub mod render;
pub mod responses;
pub mod stream;
pub mod usage;

mod json_mode;
mod schema;

pub use stream::ChatMeter;
