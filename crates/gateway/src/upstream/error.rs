//! What a failed call means: who is to blame, whether another key may help, and what the caller is told. Decided where
//! the failure is seen; everybody above obeys.

use std::borrow::Cow;
use std::error::Error as _;

use http::header::RETRY_AFTER;
use http::response::Parts;
use model::{Code, Provider, Refusal};
use vault::Scrubber;
use wire::openai::error::{UpstreamErrorBody, parse};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The request itself: another key or provider would say the same.
    Caller,
    /// The key: refused, out of money, out of its limits.
    Key,
    Provider,
    Us,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Another attempt of the plan may succeed.
    Next,
}

#[derive(Debug)]
pub struct UpstreamError {
    pub blame: Blame,
    pub retry: Retry,
    pub code: Code,
    pub public: String,
    pub retry_after_seconds: Option<u64>,
    /// The provider's own 4xx, where the caller should see it.
    pub status: Option<u16>,
    /// Bytes of the request have gone out, so that the provider may bill it.
    pub dispatched: bool,
    /// A connection was at hand and closed before anything was sent on it.
    pub unsent: bool,
}

impl UpstreamError {
    pub fn new(blame: Blame, retry: Retry, code: Code, public: impl Into<String>) -> Self {
        Self {
            blame,
            retry,
            code,
            public: public.into(),
            retry_after_seconds: None,
            status: None,
            dispatched: false,
            unsent: false,
        }
    }

    pub fn ours(public: &str) -> Self {
        Self::new(Blame::Us, Retry::Next, Code::UpstreamError, public)
    }

    /// No connection, or one that broke before an answer. Only the former is sure not to have been billed.
    pub fn unreachable(provider: &Provider, error: &hyper_util::client::legacy::Error) -> Self {
        if error.is_connect() {
            let is_custom = provider.base_url.is_none();
            let public = match judged(error) {
                // One message for all, or a tenant could map the network behind us by asking.
                _ if is_custom => {
                    "no connection to the endpoint could be made, or its address is not allowed \
                     (the operator allows private ones with KEYSTILE_EGRESS_ALLOW)"
                        .to_owned()
                }
                Some(verdict) => format!("the provider's address may not be called: {verdict}"),
                None => "no connection to the provider could be made".to_owned(),
            };
            return Self::new(Blame::Provider, Retry::Next, Code::UpstreamUnavailable, public);
        }
        let canceled = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
        if canceled.is_some_and(hyper::Error::is_canceled) {
            let public = "the provider closed its connection before the request was sent";
            let next = Self::new(Blame::Provider, Retry::Next, Code::UpstreamUnavailable, public);
            return Self { unsent: true, ..next };
        }
        let public = "the connection to the provider broke before it answered";
        let broken = Self::new(Blame::Provider, Retry::Never, Code::UpstreamError, public);
        Self { dispatched: true, ..broken }
    }

    /// An answer that is no success.
    pub fn refused(
        provider: &Provider,
        parts: &Parts,
        body: &[u8],
        scrubber: Option<&Scrubber>,
    ) -> Self {
        let said = parse(body);
        let mut error = Self::told(provider, parts.status.as_u16(), &said, scrubber);
        if error.code == Code::UpstreamRateLimited {
            let after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            error.retry_after_seconds = Some(after.and_then(seconds).unwrap_or(1));
        }
        error
    }

    /// By the body's code first, then by the status: a 429 may mean "out of money", a 400 "bad key".
    pub fn told(
        provider: &Provider,
        status: u16,
        said: &UpstreamErrorBody,
        scrubber: Option<&Scrubber>,
    ) -> Self {
        let class = Class::of(provider, status, said);
        let (blame, retry, code, what) = class.verdict();
        let words = match class {
            Class::InvalidKey => None,
            _ => quotable(said, scrubber),
        };
        let name = &provider.name;
        let public = match words {
            Some(words) => format!("{name} {what}: {words}"),
            None => format!("{name} {what} (status {status})"),
        };
        let is_bad_request = matches!(class, Class::BadRequest) && (400..500).contains(&status);
        Self {
            status: is_bad_request.then_some(status),
            dispatched: true,
            ..Self::new(blame, retry, code, public)
        }
    }

    /// For the caller, naming the key that failed where that is the thing to mend.
    pub fn into_refusal(self, key: &str) -> Refusal {
        let public = match self.code {
            Code::UpstreamKeyInvalid if self.blame == Blame::Key => {
                format!("{}: replace provider key {key}", self.public)
            }
            Code::UpstreamKeyInvalid | Code::UpstreamNoCredit => {
                format!("{} (provider key {key})", self.public)
            }
            _ => self.public,
        };
        Refusal {
            status: self.status,
            retry_after_seconds: self.retry_after_seconds,
            ..Refusal::new(self.code, public)
        }
    }
}

#[derive(Clone, Copy)]
enum Class {
    BadRequest,
    /// The key is good, and may not do this: its scopes, its region, a guardrail.
    Forbidden,
    InvalidKey,
    ModelNotFound,
    NoCredit,
    Overloaded,
    RateLimited,
    Redirect,
    ServerError,
    Timeout,
    TooLarge,
}

impl Class {
    fn of(provider: &Provider, status: u16, said: &UpstreamErrorBody) -> Self {
        let any = |codes: &[String]| said.codes().any(|code| codes.iter().any(|c| c == code));
        if any(&provider.invalid_key) {
            return Self::InvalidKey;
        }
        let words = said.message.as_deref().unwrap_or_default().to_lowercase();
        if provider.invalid_key_words.iter().any(|bad| words.contains(bad.as_str())) {
            return Self::InvalidKey;
        }
        if any(&provider.no_credit) || provider.no_credit_status.contains(&status) {
            return Self::NoCredit;
        }
        if any(&provider.rate_limited) {
            return Self::RateLimited;
        }
        if said.codes().any(|code| code == "model_not_found") {
            return Self::ModelNotFound;
        }
        if provider.invalid_key_status.contains(&status) {
            return Self::InvalidKey;
        }
        if provider.bad_request_status.contains(&status) {
            return Self::BadRequest;
        }
        match status {
            300..=399 => Self::Redirect,
            401 => Self::InvalidKey,
            403 => Self::Forbidden,
            402 => Self::NoCredit,
            404 => Self::ModelNotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::BadRequest,
            _ => Self::ServerError,
        }
    }
}

impl Class {
    /// Who is to blame, whether another key may help, and what the caller is told.
    const fn verdict(self) -> (Blame, Retry, Code, &'static str) {
        use {Blame as B, Code as C, Retry as R};
        match self {
            Self::BadRequest => (B::Caller, R::Never, C::InvalidRequest, "refused the request"),
            // Nothing is wrong with the key itself: it need not be replaced.
            Self::Forbidden => (B::Provider, R::Next, C::UpstreamKeyInvalid, "forbids this"),
            Self::InvalidKey => (B::Key, R::Next, C::UpstreamKeyInvalid, "refused the key"),
            Self::ModelNotFound => {
                (B::Key, R::Next, C::ModelNotFound, "knows no such model for this key")
            }
            Self::NoCredit => {
                (B::Key, R::Next, C::UpstreamNoCredit, "says this key's account is out of money")
            }
            Self::Overloaded => (B::Provider, R::Next, C::UpstreamUnavailable, "is overloaded"),
            Self::RateLimited => {
                (B::Key, R::Next, C::UpstreamRateLimited, "limits this key's rate")
            }
            Self::Redirect => {
                (B::Provider, R::Next, C::UpstreamError, "answered with a redirect, never followed")
            }
            Self::ServerError => (B::Provider, R::Next, C::UpstreamError, "failed"),
            Self::Timeout => (B::Provider, R::Next, C::UpstreamTimeout, "took too long"),
            Self::TooLarge => {
                (B::Caller, R::Never, C::RequestTooLarge, "finds the request too large")
            }
        }
    }
}

/// Whole or fractional seconds; anything else, or more than a day, is as good as not said.
fn seconds(text: &str) -> Option<u64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok().filter(|seconds| *seconds <= 86_400)
}

fn speaks_of_keys(words: &str) -> bool {
    let words = words.to_lowercase();
    ["api key", "api-key", "api_key", "apikey"].iter().any(|name| words.contains(name))
}

/// What may be repeated of a provider's words: providers repeat parts of keys, masked in ways no scrubber knows.
pub fn quotable<'a>(
    said: &'a UpstreamErrorBody,
    scrubber: Option<&Scrubber>,
) -> Option<Cow<'a, str>> {
    let words = said.message.as_deref()?;
    (!words.is_empty() && !speaks_of_keys(words)).then(|| scrubbed(words, scrubber))
}

/// A provider's words come shortened, perhaps in the middle of a key.
fn scrubbed<'a>(words: &'a str, scrubber: Option<&Scrubber>) -> Cow<'a, str> {
    match scrubber.map(|scrubber| scrubber.scrub_words(words.as_bytes())) {
        Some(Cow::Owned(scrubbed)) => String::from_utf8_lossy(&scrubbed).into_owned().into(),
        Some(Cow::Borrowed(_)) | None => words.into(),
    }
}

/// Our own verdict on an address, wherever it sits in the chain of causes.
fn judged(error: &hyper_util::client::legacy::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(current) = cause {
        if let Some(verdict) = current.downcast_ref::<super::judge::Forbidden>() {
            return Some(verdict.to_string());
        }
        // `io::Error` hides what it wraps from `source`.
        let inner = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(verdict) = inner.and_then(|e| e.downcast_ref::<super::judge::Forbidden>()) {
            return Some(verdict.to_string());
        }
        cause = current.source();
    }
    None
}
