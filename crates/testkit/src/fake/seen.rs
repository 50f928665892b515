//! A request as it arrived.

use bytes::Bytes;
use http::{HeaderMap, Method, Version};

#[derive(Clone, Debug)]
pub struct SeenRequest {
    pub method: Method,
    pub version: Version,
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Which of the fake's connections it came on, counted from 1.
    pub connection: usize,
}

impl SeenRequest {
    /// None when absent; panics on a value that is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("a header of visible ASCII"))
    }

    /// The key after `Bearer `, if the request has one.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The key, in whichever of the three headers it came.
    pub fn key(&self) -> Option<&str> {
        let named = || ["x-api-key", "x-goog-api-key"].iter().find_map(|name| self.header(name));
        self.bearer().or_else(named)
    }

    /// Panics when the body is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a request with a JSON body")
    }

    pub fn path(&self) -> &str {
        let path = self.path_and_query.split('?').next();
        path.unwrap_or_default()
    }
}
