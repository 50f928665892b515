//! The dialects, sans-I/O: bytes in, bytes out. Knows nothing of sockets, keys, tenants or prices.

pub mod account;
mod answer;
pub mod anthropic;
mod cache_control;
pub mod dialect;
mod excess;
pub mod foreign;
pub mod gemini;
pub mod hub;
mod invalid;
mod json;
mod members;
pub mod meter;
pub mod multipart;
pub mod openai;
pub mod provider_error;
mod reach;
pub mod receipt;
mod reported;
pub mod request;
mod seen;
pub mod sse;
pub mod translate;

pub use answer::Answer;
pub use excess::refuse_excess;
pub use invalid::InvalidBody;
pub use meter::Meter;
pub use provider_error::UpstreamErrorBody;
pub use reach::{Reach, SEARCHES_MAX};
pub use request::{OutputLimit, Request, Shape, Splice, Wishes};
pub use seen::Seen;
