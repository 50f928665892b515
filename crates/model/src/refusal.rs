//! A request we do not serve: what the caller is told, and what only the log learns.

use std::error::Error;
use std::fmt;

/// Every error code of the API, with its status: the one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    Conflict,
    DataPolicyUnsatisfied,
    ForbiddenRole,
    Internal,
    InvalidApiKey,
    InvalidRequest,
    InvalidSession,
    JournalFull,
    MethodNotAllowed,
    MissingScope,
    ModelNotAllowed,
    ModelNotFound,
    NoProviderKey,
    NotFound,
    PlanForbids,
    ProviderRejectedKey,
    QuotaExceeded,
    RateLimited,
    RequestTooLarge,
    SpendCapExceeded,
    StorageUnavailable,
    UpstreamError,
    UpstreamKeyInvalid,
    UpstreamNoCredit,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
    VersionConflict,
}

impl Code {
    pub const fn status(self) -> u16 {
        self.row().0
    }

    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// OpenAI's coarse `type`, which its SDKs print.
    pub const fn kind(self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }

    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::Conflict => (409, "conflict"),
            Self::DataPolicyUnsatisfied => (403, "data_policy_unsatisfied"),
            Self::ForbiddenRole => (403, "forbidden_role"),
            Self::Internal => (500, "internal"),
            Self::InvalidApiKey => (401, "invalid_api_key"),
            Self::InvalidRequest => (400, "invalid_request"),
            Self::InvalidSession => (401, "invalid_session"),
            Self::JournalFull => (503, "journal_full"),
            Self::MethodNotAllowed => (405, "method_not_allowed"),
            Self::MissingScope => (403, "missing_scope"),
            Self::ModelNotAllowed => (403, "model_not_allowed"),
            Self::ModelNotFound => (404, "model_not_found"),
            Self::NoProviderKey => (403, "no_provider_key"),
            Self::NotFound => (404, "not_found"),
            Self::PlanForbids => (403, "plan_forbids"),
            Self::ProviderRejectedKey => (400, "provider_rejected_key"),
            Self::QuotaExceeded => (402, "quota_exceeded"),
            Self::RateLimited => (429, "rate_limited"),
            Self::RequestTooLarge => (413, "request_too_large"),
            Self::SpendCapExceeded => (402, "spend_cap_exceeded"),
            Self::StorageUnavailable => (503, "storage_unavailable"),
            Self::UpstreamError => (502, "upstream_error"),
            Self::UpstreamKeyInvalid => (424, "upstream_key_invalid"),
            Self::UpstreamNoCredit => (424, "upstream_no_credit"),
            Self::UpstreamRateLimited => (429, "upstream_rate_limited"),
            Self::UpstreamTimeout => (504, "upstream_timeout"),
            Self::UpstreamUnavailable => (503, "upstream_unavailable"),
            Self::VersionConflict => (412, "version_conflict"),
        }
    }
}

type Source = Box<dyn Error + Send + Sync>;

/// Two messages: `public` is written by us for the caller, `source` goes to the log only.
pub struct Refusal {
    pub code: Code,
    pub public: String,
    /// The field of the request that is to blame, where one is.
    pub param: Option<&'static str>,
    pub retry_after_seconds: Option<u64>,
    /// The provider's own status, where it is the answer: a 400 of theirs stays a 400.
    pub status: Option<u16>,
    pub source: Option<Source>,
}

impl Refusal {
    pub fn new(code: Code, public: impl Into<String>) -> Self {
        Self {
            code,
            public: public.into(),
            param: None,
            retry_after_seconds: None,
            status: None,
            source: None,
        }
    }

    pub fn invalid(param: &'static str, public: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(Code::InvalidRequest, public) }
    }

    /// The same words for what is foreign and what is absent.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing here that you may see")
    }

    /// Our own fault: the caller gets the request id and nothing else.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::new(Code::Internal, "something went wrong on our side; the log has the details")
            .because(source)
    }

    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn status(&self) -> u16 {
        self.status.unwrap_or(self.code.status())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal")
            .field("code", &self.code)
            .field("public", &self.public)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.public)
    }
}

impl Error for Refusal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
