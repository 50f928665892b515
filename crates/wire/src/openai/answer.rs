//! Plain answers, looked at but never changed: what was used, and whether a 200 is an error in disguise.

use model::{ServiceTier, Usage};
use serde_json::value::RawValue;

use super::usage::{UsageBlock, usage_of};
use crate::Answer;
use crate::json::{self, Reading};
use crate::provider_error::{self as error, UpstreamErrorBody};

/// All of it in one pass. Blank lines before it are some providers' way of keeping a connection.
pub fn read(body: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(body).ok()?;
    let [choices, error, object, base_resp, usage, x_groq, service_tier, model] =
        json::members(text, &NAMES, Reading::Lenient).ok()?;
    let answered = choices.is_some_and(json::is_telling);
    let failed = error.is_some_and(json::is_telling)
        || object.is_some_and(|object| object.get() == "\"error\"");
    let refused = base_resp.is_some_and(is_refusal);
    let used = reported(usage, x_groq);
    Some(Answer {
        error: (refused || (failed && !answered)).then(|| error::parse(body)),
        usage: used.map(|used| Usage { tier: service_tier.and_then(tier), ..used }),
        answered_by: model.and_then(named),
    })
}

/// What the answer says was used: at the top, or where Groq puts it.
pub fn usage(body: &[u8]) -> Option<Usage> {
    read(body)?.usage
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(body: &[u8]) -> Option<UpstreamErrorBody> {
    read(body)?.error
}

/// A usage block under either of its two names; the plain one counts, never both.
pub(super) fn reported(usage: Option<&RawValue>, x_groq: Option<&RawValue>) -> Option<Usage> {
    let groq = || {
        let [usage] = json::members(x_groq?.get(), &["usage"], Reading::Lenient).ok()?;
        UsageBlock::read(usage?)
    };
    usage.and_then(UsageBlock::read).or_else(groq).map(usage_of)
}

/// A service tier that has prices of its own.
pub(crate) fn tier(named: &RawValue) -> Option<ServiceTier> {
    json::string(named)?.parse().ok()
}

/// A model's name, unless it is none.
pub(crate) fn named(model: &RawValue) -> Option<String> {
    json::string(model).filter(|name| !name.is_empty())
}

/// MiniMax answers 200 to everything and means it only when this is 0.
pub(super) fn is_refusal(base_resp: &RawValue) -> bool {
    json::members(base_resp.get(), &["status_code"], Reading::Lenient)
        .ok()
        .and_then(|[code]| code)
        .is_some_and(|code| !matches!(code.get(), "0" | "null" | "\"0\""))
}

const NAMES: [&str; 8] =
    ["choices", "error", "object", "base_resp", "usage", "x_groq", "service_tier", "model"];

#[cfg(test)]
mod tests;
