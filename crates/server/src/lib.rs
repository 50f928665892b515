//! The binary: wiring and skins. A skin parses, calls one function of `control` or `gateway`, and renders.

mod answer;
mod ask;
pub mod boot;
pub mod cli;
pub mod config;
mod csv;
mod keeper;
mod listener;
mod master_key;
mod mcp;
mod openapi;
mod proxy;
mod refused;
mod rest;
mod router;
mod shared;
pub mod telemetry;
mod trace;
mod upkeep;

pub use boot::App;
pub use config::Config;
