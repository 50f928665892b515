//! What the tests of every crate share: a provider we can script, a database to throw away, a
//! clock and a randomness set by hand. Panics where a test would; no product code uses it.

pub mod clock;
pub mod fake;
pub mod postgres;
pub mod random;
pub mod skip;
