//! The binary: wiring and skins. A skin parses, calls one function of `control` or `gateway`, and renders.

pub mod boot;
pub mod cli;
pub mod config;
mod listener;
mod master_key;
mod proxy;
mod refused;
mod rest;
mod router;
mod shared;
mod telemetry;
mod upkeep;

pub use boot::App;
pub use config::Config;
