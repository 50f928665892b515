//! What a failed call means: who is to blame, whether another key may help, and what the caller is told. Decided where
//! the failure is seen; everybody above obeys.

use std::borrow::Cow;

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
        }
    }

    pub fn ours(public: &str) -> Self {
        Self::new(Blame::Us, Retry::Next, Code::UpstreamError, public)
    }

    /// No connection, or one that broke before an answer. Only the former is sure not to have been billed.
    pub fn unreachable(error: &hyper_util::client::legacy::Error) -> Self {
        if error.is_connect() {
            let public = match judged(error) {
                Some(verdict) => format!("the provider's address may not be called: {verdict}"),
                None => "no connection to the provider could be made".to_owned(),
            };
            return Self::new(Blame::Provider, Retry::Next, Code::UpstreamUnavailable, public);
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
        let words = said.message.as_deref().map(|words| scrubbed(words, scrubber));
        let name = &provider.name;
        let says = |what: &str| match words.as_deref() {
            Some(words) if !words.is_empty() => format!("{name} {what}: {words}"),
            _ => format!("{name} {what} (status {status})"),
        };
        let error = match class {
            Class::BadRequest => {
                let error = Self::new(
                    Blame::Caller,
                    Retry::Never,
                    Code::InvalidRequest,
                    says("refused the request"),
                );
                Self { status: Some(status).filter(|s| (400..500).contains(s)), ..error }
            }
            Class::InvalidKey => Self::new(
                Blame::Key,
                Retry::Next,
                Code::UpstreamKeyInvalid,
                // The provider's words repeat parts of keys.
                format!("{name} refused the key (status {status})"),
            ),
            Class::ModelNotFound => Self::new(
                Blame::Key,
                Retry::Next,
                Code::ModelNotFound,
                says("knows no such model for this key"),
            ),
            Class::NoCredit => Self::new(
                Blame::Key,
                Retry::Next,
                Code::UpstreamNoCredit,
                says("says this key's account is out of money"),
            ),
            Class::Overloaded => Self::new(
                Blame::Provider,
                Retry::Next,
                Code::UpstreamUnavailable,
                says("is overloaded"),
            ),
            Class::RateLimited => Self::new(
                Blame::Key,
                Retry::Next,
                Code::UpstreamRateLimited,
                says("limits this key's rate"),
            ),
            Class::Redirect => Self::new(
                Blame::Provider,
                Retry::Next,
                Code::UpstreamError,
                format!("{name} answered with a redirect, and those are never followed"),
            ),
            Class::ServerError => {
                Self::new(Blame::Provider, Retry::Next, Code::UpstreamError, says("failed"))
            }
            Class::Timeout => Self::new(
                Blame::Provider,
                Retry::Next,
                Code::UpstreamTimeout,
                says("took too long"),
            ),
            Class::TooLarge => Self::new(
                Blame::Caller,
                Retry::Never,
                Code::RequestTooLarge,
                says("finds the request too large"),
            ),
        };
        Self { dispatched: true, ..error }
    }

    /// For the caller, naming the key that failed where that is the thing to mend.
    pub fn into_refusal(self, key: &str) -> Refusal {
        let public = match self.code {
            Code::UpstreamKeyInvalid => {
                format!("{}: replace provider key {key}", self.public)
            }
            Code::UpstreamNoCredit => {
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

enum Class {
    BadRequest,
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
        if any(&provider.no_credit) {
            return Self::NoCredit;
        }
        if any(&provider.rate_limited) {
            return Self::RateLimited;
        }
        if said.codes().any(|code| code == "model_not_found") {
            return Self::ModelNotFound;
        }
        match status {
            300..=399 => Self::Redirect,
            401 | 403 => Self::InvalidKey,
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

/// Whole or fractional seconds; anything else, or more than a day, is as good as not said.
fn seconds(text: &str) -> Option<u64> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    whole.parse().ok().filter(|seconds| *seconds <= 86_400)
}

fn scrubbed<'a>(words: &'a str, scrubber: Option<&Scrubber>) -> Cow<'a, str> {
    match scrubber.map(|scrubber| scrubber.scrub(words.as_bytes())) {
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
