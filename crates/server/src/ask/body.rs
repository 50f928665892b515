//! The body of a management request. What is said about it never repeats it: it may hold a key.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use http_body_util::LengthLimitError;
use model::{Code, Refusal};
use serde::de::DeserializeOwned;

/// Management bodies are small.
const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_READ_MAX: Duration = Duration::from_secs(30);

/// A body that has arrived whole.
pub struct Sent(Bytes);

impl Sent {
    pub async fn read(body: Body) -> Result<Self, Refusal> {
        let arrived = tokio::time::timeout(BODY_READ_MAX, to_bytes(body, BODY_BYTES_MAX)).await;
        match arrived {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_too_large(&error) => {
                let public = format!("the request body is larger than {BODY_BYTES_MAX} bytes");
                Err(Refusal::new(Code::RequestTooLarge, public))
            }
            Ok(Err(error)) => {
                let public = "the request body could not be read to its end";
                Err(Refusal::new(Code::InvalidRequest, public).because(error))
            }
            Err(_) => {
                let public = "the request body took too long to arrive";
                Err(Refusal::new(Code::InvalidRequest, public))
            }
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As what the operation takes.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        // Else its first item would be taken for the first field, and a key for a name.
        if self.0.trim_ascii_start().starts_with(b"[") {
            let public = "the request body cannot be read: it is a list and no object";
            return Err(Refusal::new(Code::InvalidRequest, public));
        }
        serde_json::from_slice(&self.0).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = match harmless(error.to_string()) {
                Some(said) => said,
                None if error.is_data() => {
                    format!("a field has the wrong type at line {line} column {column}")
                }
                None => format!("it is not JSON at line {line} column {column}"),
            };
            Refusal::new(Code::InvalidRequest, format!("the request body cannot be read: {what}"))
        })
    }

    /// The same where a body may be absent, which then is an empty object.
    pub fn json_or_nothing<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        if self.0.is_empty() { Self(Bytes::from_static(b"{}")).json() } else { self.json() }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    use std::error::Error as _;
    error.source().is_some_and(|cause| cause.is::<LengthLimitError>())
}

/// The parser's message, if it may be shown: of what was sent it repeats nothing but a mistyped name.
pub fn harmless(said: String) -> Option<String> {
    if said.starts_with("missing field") {
        return Some(said);
    }
    let around = [
        ("unknown field `", "`, expected"),
        ("unknown scope \"", "\": scopes"),
        ("unknown variant `", "`, expected"),
    ];
    around.into_iter().find_map(|(before, after)| {
        let (name, ours) = said.strip_prefix(before)?.rsplit_once(after)?;
        let name = if is_a_name(name) { name } else { "..." };
        Some(format!("{before}{name}{after}{ours}"))
    })
}

/// Anything else may be a key that was pasted into the wrong place.
fn is_a_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b':');
    text.len() <= NAME_BYTES_MAX && text.bytes().all(plain)
}

const NAME_BYTES_MAX: usize = 32;
