//! The dialects, sans-I/O: bytes in, bytes out. Knows nothing of sockets, keys, tenants or prices.

pub mod account;
mod json;
pub mod openai;
pub mod sse;
