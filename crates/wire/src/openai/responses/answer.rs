//! Plain answers, looked at but never changed: what was used, and whether a 200 is an error in disguise.

use model::Usage;
use serde_json::value::RawValue;

use super::usage;
use crate::json::{self, Reading};
use crate::openai::answer::{self as chat, is_refusal};
use crate::provider_error::{self as error, UpstreamErrorBody};
use crate::reported;

pub fn usage(body: &[u8]) -> Option<Usage> {
    let text = std::str::from_utf8(body).ok()?;
    used(text)
}

/// What a response says was used, whole: its block, its tier, and what was looked up for it.
pub(super) fn used(response: &str) -> Option<Usage> {
    let [usage, tier, output] = json::members(response, &USED, Reading::Lenient).ok()?;
    let (tier, searches) = (tier.and_then(chat::tier), output.and_then(searches));
    Some(Usage { tier, searches, ..counted(usage?)? })
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
fn counted(block: &RawValue) -> Option<Usage> {
    let reported_pico_usd = reported::cost(block);
    let counted = usage::read(&serde_json::from_str(block.get()).ok()?)?;
    Some(Usage { reported_pico_usd, ..counted })
}

/// How often the provider searched the web. To open what was found, or to look into it, costs nothing.
fn searches(output: &RawValue) -> Option<u64> {
    let items: Vec<&RawValue> = serde_json::from_str(output.get()).ok()?;
    let count = items.into_iter().filter(|item| is_search(item)).count();
    u64::try_from(count).ok().filter(|count| *count > 0)
}

fn is_search(item: &RawValue) -> bool {
    let Ok([kind, action]) = json::members(item.get(), &["type", "action"], Reading::Lenient)
    else {
        return false;
    };
    let does = action.and_then(|action| {
        let [kind] = json::members(action.get(), &["type"], Reading::Lenient).ok()?;
        json::string(kind?)
    });
    kind.is_some_and(|kind| kind.get() == "\"web_search_call\"")
        && does.is_none_or(|does| does == "search")
}

/// The `error` of a response, and nothing else of it: the rest is the request, or the answer.
pub(super) fn told(error: Option<&RawValue>) -> UpstreamErrorBody {
    error.map(|error| error::parse(error.get().as_bytes())).unwrap_or_default()
}

const USED: [&str; 3] = ["usage", "service_tier", "output"];
const SIGNS: [&str; 3] = ["error", "status", "base_resp"];
const FAILED: [&str; 2] = ["\"failed\"", "\"cancelled\""];

#[cfg(test)]
mod tests;
