//! How a command can fail, and the exit code that tells a script which way it was. Holds no token and no key.

use http::StatusCode;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for by name is not there.
    #[error("{0}")]
    Absent(String),
    /// In the gateway's own words.
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    #[error("{0}")]
    SignedOut(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Usage(String),
}

pub const FAILED: u8 = 1;
pub const MISUSED: u8 = 2;
pub const NOT_ALLOWED: u8 = 3;
pub const NOT_FOUND: u8 = 4;
pub const IN_CONFLICT: u8 = 5;
pub const UNAVAILABLE: u8 = 6;

/// For what ended a command.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Failure>() {
        None => FAILED,
        Some(Failure::Absent(_)) => NOT_FOUND,
        Some(Failure::Refused { status, .. }) => exit_code_of(*status),
        Some(Failure::SignedOut(_)) => NOT_ALLOWED,
        Some(Failure::Unreachable(_)) => UNAVAILABLE,
        Some(Failure::Usage(_)) => MISUSED,
    }
}

fn exit_code_of(status: StatusCode) -> u8 {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NOT_ALLOWED,
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => IN_CONFLICT,
        StatusCode::TOO_MANY_REQUESTS => UNAVAILABLE,
        status if status.is_server_error() => UNAVAILABLE,
        _ => FAILED,
    }
}
