//! OpenAI's chat-completions dialect and the many providers that nearly speak it. Knows no provider by name.

pub mod answer;
pub mod error;
pub mod render;
pub mod request;
pub mod stream;
pub mod usage;

pub use error::UpstreamErrorBody;
pub use request::{ChatRequest, InvalidBody, Wishes};
pub use stream::{ChatMeter, Seen};
