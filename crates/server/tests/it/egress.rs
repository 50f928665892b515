//! Where the gateway goes and where it never goes: no redirect, no private address in any spelling, no proxy from the
//! environment, and no key to any host but the one it was given for.

mod addresses;
mod corpus;
mod destinations;
mod wires;

use serde_json::json;
use testkit::{Owner, TestApp};

const KEY: &str = "sk-good-1234567890";

async fn gateway_key(app: &TestApp, owner: &Owner) -> String {
    app.gateway_key(owner, &json!({ "name": "test" })).await.expect(201).at("/key")
}
