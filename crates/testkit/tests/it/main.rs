//! The tests' tools, tested over real sockets and with the real PostgreSQL.

mod client;
mod dialects;
mod fake_answers;
mod fake_faults;
mod postgres;
mod values;

use std::time::Duration;

/// Long enough for a slow machine; reached only by a test that fails.
const SOON: Duration = Duration::from_secs(20);
