//! The master key and the suite change while everything runs: nothing fails, nothing is left behind, and the old key is
//! needed no more.

mod behaviour;
mod commands;
mod live;
mod node;
mod traffic;

use serde_json::Value;

/// Rows still sealed by this version of the master key.
fn rows_of(vault: &Value, version: u64) -> u64 {
    version_of(vault, version).map_or(0, |row| row["rows"].as_u64().expect("a number"))
}

fn state_of(vault: &Value, version: u64) -> &str {
    version_of(vault, version).and_then(|row| row["state"].as_str()).unwrap_or("absent")
}

fn version_of(vault: &Value, version: u64) -> Option<&Value> {
    vault["versions"].as_array().expect("versions").iter().find(|row| row["version"] == version)
}
