//! What a failed call means: who is to blame, whether another key may help, and what the caller is told. Decided where
//! the failure is seen; everybody above obeys.

mod retry_after;

use std::borrow::Cow;

use http::header::{HeaderMap, RETRY_AFTER};
use http::response::Parts;
use model::settings::FallbackCause;
use model::{Code, Provider, Refusal, Timestamp};
use vault::Scrubber;
use wire::provider_error::{UpstreamErrorBody, parse};

use crate::used::Used;

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
    /// What the provider itself said about it.
    pub words: Option<String>,
    pub retry_after_seconds: Option<u64>,
    /// The provider's own 4xx, where the caller should see it.
    pub status: Option<u16>,
    /// Bytes of the request have gone out, so that the provider may bill it.
    pub dispatched: bool,
    /// A connection was at hand and closed before anything was sent on it.
    pub unsent: bool,
    /// The same key may be asked the same again: the provider said that it did nothing.
    pub again: bool,
    /// The field of the request that is to blame, where it is one.
    pub param: Option<&'static str>,
    /// For which cause a platform key may answer instead.
    pub cause: FallbackCause,
    /// For so long the key would only be refused again with this model.
    pub rest_seconds: Option<u64>,
    /// What the provider counted of an answer that was none.
    pub used: Option<Box<Used>>,
}

impl UpstreamError {
    pub fn new(blame: Blame, retry: Retry, code: Code, public: impl Into<String>) -> Self {
        Self {
            blame,
            retry,
            code,
            public: public.into(),
            words: None,
            retry_after_seconds: None,
            status: None,
            dispatched: false,
            unsent: false,
            again: false,
            param: None,
            cause: FallbackCause::Failed,
            rest_seconds: None,
            used: None,
        }
    }

    /// It was counted all the same, and will be billed.
    pub fn having(self, used: Used) -> Self {
        Self { used: Some(Box::new(used)), ..self }
    }

    /// Dispatched, and no answer in time. Never asked the same of the same key again: it may be at work.
    pub fn silent() -> Self {
        let public = "the provider did not begin to answer in time";
        let late = Self::new(Blame::Provider, Retry::Next, Code::UpstreamTimeout, public);
        Self { dispatched: true, ..late }
    }

    /// Whether it speaks against the provider's health, and not against a key or a request.
    pub fn is_outage(&self) -> bool {
        let outage = matches!(
            self.code,
            Code::UpstreamError | Code::UpstreamTimeout | Code::UpstreamUnavailable
        );
        self.blame == Blame::Provider && outage
    }

    pub fn ours(public: &str) -> Self {
        Self::new(Blame::Us, Retry::Next, Code::UpstreamError, public)
    }

    /// An answer that is no success.
    pub fn refused(
        provider: &Provider,
        parts: &Parts,
        body: &[u8],
        scrubber: Option<&Scrubber>,
    ) -> Self {
        Self::told(provider, parts.status.as_u16(), &parse(body), scrubber)
    }

    /// A key out of its limits, when it says until when.
    pub fn until(self, headers: &HeaderMap, now: Timestamp) -> Self {
        if self.code != Code::UpstreamRateLimited {
            return self;
        }
        let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|after| retry_after::seconds(after, now));
        let retry_after_seconds = Some(after.unwrap_or(1));
        Self { retry_after_seconds, rest_seconds: after, again: after.is_some(), ..self }
    }

    /// By the body's code first, then by the status: a 429 may mean "out of money", a 400 "bad key". An error inside a
    /// success tells its status itself, if anything does.
    pub fn told(
        provider: &Provider,
        status: u16,
        said: &UpstreamErrorBody,
        scrubber: Option<&Scrubber>,
    ) -> Self {
        let meant = if status == SUCCESS { status_in(said).unwrap_or(status) } else { status };
        let class = Class::of(provider, meant, said);
        let (blame, retry, code, what) = class.verdict();
        let words = match class {
            Class::InvalidKey => None,
            _ => quotable(said, scrubber).map(Cow::into_owned),
        };
        let name = &provider.name;
        let public = match &words {
            Some(_) => format!("{name} {what}"),
            None => format!("{name} {what} (status {status})"),
        };
        let is_bad_request = matches!(class, Class::BadRequest) && (400..500).contains(&meant);
        let is_limited = matches!(class, Class::RateLimited);
        Self {
            words,
            status: is_bad_request.then_some(meant),
            dispatched: true,
            again: matches!(class, Class::Overloaded | Class::ServerError),
            retry_after_seconds: is_limited.then_some(1),
            ..Self::new(blame, retry, code, public)
        }
    }

    /// Of a path that we do not know: what was done there may not be done twice, and what is not there is no model.
    pub fn passed_through(self, may_repeat: bool) -> Self {
        let is_final = self.dispatched && !may_repeat;
        let again = self.again && !is_final;
        let retry = if is_final { Retry::Never } else { self.retry };
        if self.code != Code::ModelNotFound {
            return Self { again, retry, ..self };
        }
        let public = "the provider finds nothing there for this key".to_owned();
        let code = Code::NotFound;
        Self { again, retry, code, public, status: Some(404), ..self }
    }

    /// For whoever brought the key.
    pub fn text(self) -> String {
        with_words(self.public, self.words)
    }

    /// For the caller, naming the key that failed where that is the thing to mend. `None` stands for the operator's: its
    /// account is nobody else's business, and neither is what the provider says to its owner.
    pub fn into_refusal(self, key: Option<&str>) -> Refusal {
        let is_of_account = matches!(self.code, Code::UpstreamKeyInvalid | Code::UpstreamNoCredit);
        let code = match key {
            None if is_of_account => Code::UpstreamUnavailable,
            _ => self.code,
        };
        let public = match (key, self.words) {
            (None, _) if is_of_account => {
                "the operator's account with this provider cannot be used at the moment".to_owned()
            }
            (None, _) => self.public,
            (Some(_), words) => with_words(self.public, words),
        };
        let public = match key {
            Some(key) if self.code == Code::UpstreamKeyInvalid && self.blame == Blame::Key => {
                format!("{public}: replace provider key {key}")
            }
            Some(key) if is_of_account => format!("{public} (provider key {key})"),
            _ => public,
        };
        Refusal {
            status: self.status,
            param: self.param,
            retry_after_seconds: self.retry_after_seconds,
            ..Refusal::new(code, public)
        }
    }
}

fn with_words(public: String, words: Option<String>) -> String {
    match words {
        Some(words) => format!("{public}: {words}"),
        None => public,
    }
}

const SUCCESS: u16 = 200;

/// The status that an error inside a success should have had.
fn status_in(said: &UpstreamErrorBody) -> Option<u16> {
    let numbered =
        said.codes().find_map(|code| code.parse().ok().filter(|n| (400..600).contains(n)));
    let named = || {
        said.codes().find_map(|code| {
            Some(match code {
                "invalid_request_error"
                | "INVALID_ARGUMENT"
                | "context_length_exceeded"
                | "invalid_prompt" => 400,
                "authentication_error" | "invalid_api_key" => 401,
                "permission_error" => 403,
                "not_found_error" => 404,
                "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => 429,
                "overloaded_error" | "server_is_overloaded" | "UNAVAILABLE" => 503,
                _ => return None,
            })
        })
    };
    numbered.or_else(named)
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
            // Some of them from something between us and the provider, which may be at work on it still.
            408 | 504 | 522 | 524 | 598 | 599 => Self::Timeout,
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

#[cfg(test)]
mod tests;
