//! What the tests of every crate share: the real gateway on a real socket, a provider we can script, a database and a
//! Redis to throw away, a clock and a randomness set by hand. Panics where a test would; no product code uses it.

pub mod app;
pub mod canary;
pub mod clock;
pub mod fake;
pub mod http;
pub mod postgres;
pub mod process;
pub mod random;
pub mod redis;
pub mod skip;

pub use app::{Backend, Options, Owner, TestApp, hello};
