//! Plain answers, looked at but never changed: what was used, and whether a 200 is an error in disguise.

use model::Usage;
use serde_json::value::RawValue;

use super::usage;
use crate::json::{self, Reading};
use crate::openai::answer::is_refusal;
use crate::provider_error::{self as error, UpstreamErrorBody};

pub fn usage(body: &[u8]) -> Option<Usage> {
    let text = std::str::from_utf8(body).ok()?;
    let [usage] = json::members(text, &["usage"], Reading::Lenient).ok()?;
    counted(usage?)
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(body: &[u8]) -> Option<UpstreamErrorBody> {
    let text = std::str::from_utf8(body).ok()?;
    let [error, status, base_resp] = json::members(text, &SIGNS, Reading::Lenient).ok()?;
    let failed = error.is_some_and(json::is_telling)
        || status.is_some_and(|status| FAILED.contains(&status.get()));
    if base_resp.is_some_and(is_refusal) {
        Some(error::parse(body))
    } else {
        failed.then(|| told(error))
    }
}

/// A usage block wherever it stands.
pub(super) fn counted(block: &RawValue) -> Option<Usage> {
    usage::read(&serde_json::from_str(block.get()).ok()?)
}

/// The `error` of a response, and nothing else of it: the rest is the request, or the answer.
pub(super) fn told(error: Option<&RawValue>) -> UpstreamErrorBody {
    error.map(|error| error::parse(error.get().as_bytes())).unwrap_or_default()
}

const SIGNS: [&str; 3] = ["error", "status", "base_resp"];
const FAILED: [&str; 2] = ["\"failed\"", "\"cancelled\""];

#[cfg(test)]
mod tests;
