//! From one dialect to another, through one description that all four are read into and written from. What a dialect
//! cannot say is refused in words for the caller, never dropped silently.

mod names;
mod stream;

use bytes::Bytes;
use model::Dialect;

use crate::InvalidBody;
use crate::hub::{Ask, Echo, Target};
use crate::openai::{chat, responses};
use crate::{anthropic, gemini};

use names::Names;
pub use stream::StreamTranslator;

/// What a caller asks, out of the dialect it was written in. For Gemini the model and whether to stream stand in the path
/// and are set by whoever read that.
pub fn read_ask(from: Dialect, body: &[u8]) -> Result<Ask, InvalidBody> {
    match from {
        Dialect::Anthropic => anthropic::ask::read(body),
        Dialect::Chat => chat::ask::read(body),
        Dialect::Gemini => gemini::ask::read(body),
        Dialect::Responses => responses::ask::read(body),
    }
}

/// The same for a provider. What it could not be told, and could do without, is added to `left_out`.
pub fn write_ask(
    ask: &Ask,
    to: Dialect,
    target: &Target<'_>,
    left_out: &mut Vec<String>,
) -> Result<Bytes, InvalidBody> {
    let ask = &*names::fitted(ask, to);
    let body = match to {
        Dialect::Anthropic => anthropic::ask::write(ask, target, left_out),
        Dialect::Chat => chat::ask::write(ask, target, left_out),
        Dialect::Gemini => gemini::ask::write(ask, target, left_out),
        Dialect::Responses => responses::ask::write(ask, target, left_out),
    };
    Ok(Bytes::from(body?))
}

/// A provider's plain answer for the caller; `None` if it is none in the provider's dialect.
pub fn reply(from: Dialect, to: Dialect, body: &[u8], echo: &Echo<'_>) -> Option<Bytes> {
    let reply = match from {
        Dialect::Anthropic => anthropic::reply::read(body),
        Dialect::Chat => chat::reply::read(body),
        Dialect::Gemini => gemini::reply::read(body),
        Dialect::Responses => responses::reply::read(body),
    };
    let mut reply = reply?;
    Names::told(echo.ask, from).restore_in(&mut reply);
    Some(Bytes::from(match to {
        Dialect::Anthropic => anthropic::reply::write(&reply, echo),
        Dialect::Chat => chat::reply::write(&reply, echo),
        Dialect::Gemini => gemini::reply::write(&reply, echo),
        Dialect::Responses => responses::reply::write(&reply, echo),
    }))
}
