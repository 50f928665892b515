//! Asks a provider whether a key works, at no cost: one call, no retries, no redirects. What answers for a host that a
//! tenant named is never repeated, nor is why there was no answer: the probe is no way to look at other networks.

mod repeat;

use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response};
use model::{BaseUrl, Code, Provider, Tier, Timestamp};
use store::workspace::Validation;
use tokio::time::Instant;
use vault::{ProviderKey, Scrubber};
use wire::account::Account;
use wire::openai::answer::embedded_error;
use wire::provider_error::{UpstreamErrorBody, parse};

use crate::Upstream;
use crate::body::{Bounds, Unread, read_whole};
use crate::headroom::{Reading, detect_tier};
use crate::upstream::{Blame, UpstreamBody, UpstreamError, quotable};

/// What the probe found, and in whose words.
#[derive(Debug)]
pub struct Finding {
    pub validation: Validation,
    /// Why the key is not simply good: the provider's words, scrubbed and capped, or ours.
    pub words: Option<String>,
    /// As the answer's rate-limit headers tell, where there are any.
    pub detected_tier: Option<Tier>,
}

/// From the first byte of the request to the last of the answer.
const PROBE_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub async fn probe(
    upstream: &Upstream,
    provider: &Provider,
    base_url: &BaseUrl,
    key: Option<&ProviderKey>,
) -> Finding {
    let deadline = Instant::now() + PROBE_MAX;
    let answer = match ask(upstream, provider, base_url, key, deadline).await {
        Ok(answer) => answer,
        Err(error) => return unanswered(provider, error),
    };
    let (parts, body) = answer.into_parts();
    let bounds = Bounds { bytes_max: ANSWER_BYTES_MAX, idle_max: PROBE_MAX, deadline };
    let body = read_whole(body, bounds).await;
    let scrubber = key.map(Scrubber::new);
    let (validation, words) = judge(provider, &parts, body, scrubber.as_ref());
    let words = match provider.needs_base_url() {
        true => own_words(validation, &parts, key.is_some()).map(str::to_owned),
        false => words,
    };
    Finding { validation, words, detected_tier: tier(provider, &parts.headers) }
}

async fn ask(
    upstream: &Upstream,
    provider: &Provider,
    base_url: &BaseUrl,
    key: Option<&ProviderKey>,
    deadline: Instant,
) -> Result<Response<UpstreamBody>, UpstreamError> {
    // A pooled connection may turn out to be closed before a byte was sent on it: that was no call.
    match upstream.probe(provider, base_url, key, deadline).await {
        Err(error) if error.unsent => upstream.probe(provider, base_url, key, deadline).await,
        answer => answer,
    }
}

/// Of a tenant's host it stays open whether there was nobody, nobody we may call, or somebody silent.
fn unanswered(provider: &Provider, error: UpstreamError) -> Finding {
    let words = match provider.needs_base_url() {
        true => UNANSWERED.to_owned(),
        false => error.text(),
    };
    Finding { validation: Validation::Network, words: Some(words), detected_tier: None }
}

const UNANSWERED: &str = "no answer came from the endpoint, or its address is not allowed (the operator allows private \
                          ones with KEYSTILE_EGRESS_ALLOW)";

type Verdict = (Validation, Option<String>);

fn judge<E>(
    provider: &Provider,
    parts: &Parts,
    body: Result<Bytes, Unread<E>>,
    scrubber: Option<&Scrubber>,
) -> Verdict {
    if !parts.status.is_success() {
        // The status has said enough where the words do not come.
        let body = body.unwrap_or_default();
        let error = UpstreamError::refused(provider, parts, &body, scrubber);
        return refused(provider, error, &parse(&body), scrubber);
    }
    match body {
        Ok(body) => succeeded(provider, &body, scrubber),
        // A refusal would be short.
        Err(Unread::TooLarge) => (Validation::Valid, None),
        Err(Unread::Broken(_) | Unread::TooSlow) => {
            let words = format!("{} began to answer and did not end", provider.name);
            (Validation::Unknown, Some(words))
        }
    }
}

/// Some say in the body of a success that it is none.
fn succeeded(provider: &Provider, body: &[u8], scrubber: Option<&Scrubber>) -> Verdict {
    if let Some(said) = embedded_error(body) {
        let error = UpstreamError::told(provider, SUCCESS, &said, scrubber);
        return refused(provider, error, &said, scrubber);
    }
    let (account, probe, name) = (Account::read(body), &provider.probe, &provider.name);
    if let Some(field) = probe.invalid_if_true.iter().find(|field| account.is_true(field)) {
        return (Validation::Invalid, Some(format!("{name} reports {field} for this key")));
    }
    let is_unavailable = probe.no_credit_if_false.iter().any(|field| account.is_false(field));
    if is_unavailable || probe.no_credit_if_spent.iter().any(|field| account.is_spent(field)) {
        let words = format!("{name} reports that this key has nothing left to spend");
        return (Validation::NoQuota, Some(words));
    }
    (Validation::Valid, None)
}

const SUCCESS: u16 = 200;

fn refused(
    provider: &Provider,
    error: UpstreamError,
    said: &UpstreamErrorBody,
    scrubber: Option<&Scrubber>,
) -> Verdict {
    let name = &provider.name;
    let message = said.message.as_deref().unwrap_or_default();
    let (validation, words) = match error.code {
        Code::UpstreamKeyInvalid if error.blame == Blame::Key => {
            let words = repeat::masked(message, scrubber);
            (Validation::Invalid, words.unwrap_or(error.text()))
        }
        Code::UpstreamKeyInvalid | Code::UpstreamNoCredit if speaks_of_places(message) => {
            let words = quotable(said, scrubber).unwrap_or_default();
            (Validation::Region, format!("{name} does not serve calls from here: {words}"))
        }
        Code::UpstreamKeyInvalid => (Validation::Restricted, error.text()),
        Code::UpstreamNoCredit => (Validation::NoQuota, error.text()),
        Code::ModelNotFound => {
            (Validation::Unknown, format!("{name} does not know the call that checks a key"))
        }
        _ => (Validation::Unknown, error.text()),
    };
    (validation, Some(words))
}

/// The key is good; the place it is used from is not.
fn speaks_of_places(words: &str) -> bool {
    let words = words.to_lowercase();
    ["country", "region", "territory", "location"].iter().any(|place| words.contains(place))
}

/// What a tenant's host said, without its words.
fn own_words(validation: Validation, parts: &Parts, has_key: bool) -> Option<&'static str> {
    Some(match validation {
        Validation::Valid => return None,
        Validation::Invalid if has_key => "the endpoint refused the key",
        Validation::Invalid => "the endpoint asks for a key, and none was given",
        Validation::NoQuota => "the endpoint says that the account is out of money",
        Validation::Region | Validation::Restricted => "the endpoint forbids this to the key",
        Validation::Network => UNANSWERED,
        Validation::Unknown if parts.status.is_redirection() => {
            "the endpoint answered with a redirect, never followed"
        }
        Validation::Unknown if NO_SUCH_CALL.contains(&parts.status.as_u16()) => {
            "the endpoint answers, but not to GET /models, so that nothing could be checked"
        }
        Validation::Unknown => "the endpoint answered, and neither accepted nor refused the key",
    })
}

const NO_SUCH_CALL: [u16; 3] = [404, 405, 501];

/// Only limits are looked at, which are the same at any time.
fn tier(provider: &Provider, headers: &HeaderMap) -> Option<Tier> {
    let reading = Reading::of(provider, headers, Timestamp::default())?;
    detect_tier(provider, None, &reading)
}

#[cfg(test)]
mod tests;
