//! What it means that there is no answer at all: whether anything was sent, whether asking again may help, and what is told of it.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use model::{Code, Provider};
use rustls::CertificateError;

use super::judge::Forbidden;
use super::{Blame, Retry, UpstreamError};

impl UpstreamError {
    /// No connection, or one that broke before an answer. Only the former is sure not to have been billed.
    pub fn unreachable(provider: &Provider, error: &legacy::Error) -> Self {
        if error.is_connect() {
            return unconnected(provider, error);
        }
        if is_canceled(error) {
            return unsent();
        }
        // HTTP/2 has words for "nothing was done with it" (RFC 9113, 8.7). Of a provider that goes away, they are for the
        // streams after the last one that it names: those before it are answered, or break without such words.
        if let Some(told) = cause::<h2::Error>(error).filter(|told| told.is_remote()) {
            if told.is_go_away() {
                return unsent();
            }
            if told.reason() == Some(h2::Reason::REFUSED_STREAM) {
                return refused();
            }
        }
        let public = "the connection to the provider broke before it answered";
        let broken = Self::new(Blame::Provider, Retry::Next, Code::UpstreamError, public);
        Self { dispatched: true, ..broken }
    }
}

fn unconnected(provider: &Provider, error: &legacy::Error) -> UpstreamError {
    let is_custom = provider.base_url.is_none();
    let forbidden = cause::<Forbidden>(error);
    let distrust = cause::<rustls::Error>(error).and_then(distrust);
    let public = match (forbidden, distrust) {
        // One message for all, or a tenant could map the network behind us by asking.
        _ if is_custom => "no connection to the endpoint could be made, or its address is not \
                           allowed (the operator allows private ones with KEYSTILE_EGRESS_ALLOW)"
            .to_owned(),
        (Some(forbidden), _) => format!("the provider's address may not be called: {forbidden}"),
        (None, Some(why)) => format!("the provider's certificate is not trusted: {why}"),
        (None, None) => "no connection to the provider could be made".to_owned(),
    };
    let next = UpstreamError::new(Blame::Provider, Retry::Next, Code::UpstreamUnavailable, public);
    // The next moment changes neither verdict; and of an endpoint of a tenant's, a second try would tell by its time what
    // the message does not.
    let is_final = forbidden.is_some() || distrust.is_some() || is_custom;
    UpstreamError { again: !is_final, ..next }
}

fn unsent() -> UpstreamError {
    let public = "the provider closed its connection before the request was sent";
    UpstreamError { unsent: true, ..refused_with(public) }
}

fn refused() -> UpstreamError {
    refused_with("the provider refused to take up another request on its connection")
}

fn refused_with(public: &str) -> UpstreamError {
    let next = UpstreamError::new(Blame::Provider, Retry::Next, Code::UpstreamUnavailable, public);
    UpstreamError { again: true, ..next }
}

fn is_canceled(error: &legacy::Error) -> bool {
    cause::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled)
}

/// Why nobody vouches for whoever answered there.
const fn distrust(error: &rustls::Error) -> Option<&'static str> {
    let rustls::Error::InvalidCertificate(why) = error else { return None };
    Some(match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host"
        }
        CertificateError::UnknownIssuer => {
            "no authority known here has signed it (the operator adds authorities with \
             KEYSTILE_UPSTREAM_CA_FILE)"
        }
        CertificateError::Revoked => "it was revoked",
        _ => "it is not valid",
    })
}

/// Wherever it sits in the chain of causes.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<T>() {
            return Some(found);
        }
        // `io::Error` hides what it wraps from `source`.
        next = match current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
    }
    None
}
