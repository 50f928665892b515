//! The gateway through its front door: the real router on a real socket, a real database, a provider that misbehaves.

// Lints that are off in tests look for this mark.
#![cfg(test)]
#![expect(
    clippy::string_slice,
    reason = "a test that slices wrongly fails, which is what it is for"
)]

mod binary;
mod chat;
mod cli;
mod cluster;
mod echo;
mod egress;
mod faults;
mod leak;
mod management;
mod refuses_to_start;
mod sdk;
mod smuggling;
