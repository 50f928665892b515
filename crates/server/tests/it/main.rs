//! The gateway through its front door: the real router on a real socket, a real database, a provider that misbehaves.

// Lints that are off in tests look for this mark.
#![cfg(test)]
#![expect(
    clippy::string_slice,
    reason = "a test that slices wrongly fails, which is what it is for"
)]

mod audit;
mod authorization;
mod binary;
mod caps;
mod chat;
mod cli;
mod cli_manage;
mod cluster;
mod echo;
mod egress;
mod endless;
mod fault_matrix;
mod faults;
mod gateway_keys;
mod guides;
mod key_health;
mod leak;
mod limits;
mod management;
mod mcp;
mod models_cli;
mod openapi;
mod passthrough;
mod people;
mod probe;
mod provider_keys;
mod receipts;
mod refuses_to_start;
mod rotation;
mod routing;
mod rules;
mod schemathesis;
mod sdk;
mod secrets;
mod seeds;
mod settings;
mod smuggling;
mod translated;
mod usage;
