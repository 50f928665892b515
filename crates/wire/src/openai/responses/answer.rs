//! Plain answers, looked at but never changed: what was used, and whether a 200 is an error in disguise.

use model::Usage;
use serde_json::value::RawValue;

use super::usage;
use crate::Answer;
use crate::json::{self, Reading};
use crate::openai::answer::{self as chat, is_refusal, named};
use crate::provider_error::{self as error, UpstreamErrorBody};
use crate::reported;

/// All of it in one pass.
pub fn read(body: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(body).ok()?;
    let [error, status, base_resp, usage, tier, output, model] =
        json::members(text, &NAMES, Reading::Lenient).ok()?;
    let failed = error.is_some_and(json::is_telling)
        || status.is_some_and(|status| FAILED.contains(&status.get()));
    let error = match base_resp.is_some_and(is_refusal) {
        true => Some(error::parse(body)),
        false => failed.then(|| told(error)),
    };
    let usage = usage.and_then(|usage| whole(usage, tier, output));
    Some(Answer { error, usage, answered_by: model.and_then(named) })
}

pub fn usage(body: &[u8]) -> Option<Usage> {
    read(body)?.usage
}

/// The error inside an answer whose status says there is none.
pub fn embedded_error(body: &[u8]) -> Option<UpstreamErrorBody> {
    read(body)?.error
}

/// What a response says was used.
pub(super) fn used(response: &str) -> Option<Usage> {
    let [usage, tier, output] = json::members(response, &USED, Reading::Lenient).ok()?;
    whole(usage?, tier, output)
}

/// The block, the tier, and what was looked up for it.
fn whole(usage: &RawValue, tier: Option<&RawValue>, output: Option<&RawValue>) -> Option<Usage> {
    let counted = counted(usage)?;
    let (tier, searches) = (tier.and_then(chat::tier), output.and_then(searches));
    Some(Usage { tier, searches, ..counted })
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
const NAMES: [&str; 7] =
    ["error", "status", "base_resp", "usage", "service_tier", "output", "model"];
const FAILED: [&str; 2] = ["\"failed\"", "\"cancelled\""];

#[cfg(test)]
mod tests;
