//! What cannot be told, in words for the caller: of this dialect to another provider, or to a provider of this one.

use crate::InvalidBody;
use crate::members::param;

/// What only this dialect can say, and would change the answer.
pub(super) fn refused(place: &'static str, what: &str) -> InvalidBody {
    let message = format!(
        "{what} (`{place}`) cannot be had from this provider: leave it out, or choose a model whose \
         provider speaks OpenAI's chat completions"
    );
    InvalidBody::new(param(place), message)
}

/// What this dialect cannot say, or this provider.
pub(super) fn unsayable(place: &'static str, what: &str) -> InvalidBody {
    let message = format!(
        "{what} cannot be sent to this provider: leave it out, or choose a model of another one"
    );
    InvalidBody::new(param(place), message)
}
