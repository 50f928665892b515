//! What a gateway answered: what is in it, or what to tell people when it is a refusal.

use bytes::Bytes;
use http::header::{ETAG, HeaderName, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::output::printable;

/// An answer that has arrived.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-keystile-request-id");

impl Answer {
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let message = "the answer is no JSON: is this the address of a Keystile gateway?";
            Failure::Refused { status: self.status, message: message.to_owned() }
        })
    }

    /// A text that the contract promises.
    pub fn text(&self, pointer: &str) -> Result<String, Failure> {
        let found = self.json()?.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Failure::Refused {
            status: self.status,
            message: format!("the gateway's answer has no {pointer}"),
        })
    }

    /// What `--if-version` can name next time.
    pub fn version(&self) -> Option<&str> {
        self.header(&ETAG).map(|tag| tag.trim_matches('"'))
    }

    /// When to come back, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.header(&RETRY_AFTER)?.parse().ok()
    }

    pub fn failure(&self) -> Option<Failure> {
        if self.status.is_success() {
            return None;
        }
        Some(Failure::Refused { status: self.status, message: self.message() })
    }

    fn message(&self) -> String {
        let said: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let mut message = match said.pointer("/error/message").and_then(Value::as_str) {
            Some(message) => printable(message),
            None if self.status.is_redirection() => {
                format!("the answer is a redirect ({}), and none is followed", self.status)
            }
            None => format!("the answer is {}, without a reason", self.status),
        };
        if let Some(seconds) = self.header(&RETRY_AFTER) {
            message.push_str(&format!(" (try again in {} s)", printable(seconds)));
        }
        if self.status.is_server_error()
            && let Some(id) = self.header(&REQUEST_ID)
        {
            message.push_str(&format!(" (request {})", printable(id)));
        }
        message
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
