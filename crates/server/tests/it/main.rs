//! The gateway through its front door: the real router on a real socket, a real database, a provider that misbehaves.

// Lints that are off in tests look for this mark.
#![cfg(test)]
#![expect(
    clippy::string_slice,
    reason = "a test that slices wrongly fails, which is what it is for"
)]

mod chat;
mod cluster;
mod faults;
mod management;
