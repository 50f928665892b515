//! Watches the events of a stream pass: what each one is, and what was used in the end. Changes nothing, and parses only
//! the few that its name does not settle.

use std::borrow::Cow;

use model::Usage;

use super::answer;
use crate::json::{self, Reading};
use crate::openai::answer::named;
use crate::provider_error as error;
use crate::{Seen, sse};

/// Follows one stream. Feed it every whole event, in order.
#[derive(Default)]
pub struct Meter {
    usage: Option<Usage>,
    model: Option<String>,
    finished: bool,
    content_events: u64,
}

impl Meter {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn see(&mut self, frame: &[u8]) -> Seen {
        let Some(data) = sse::data(frame) else {
            return Seen::Other;
        };
        let name = kind(frame, &data);
        let seen = match name.as_ref() {
            b"response.created" => {
                self.study(&data);
                Seen::Other
            }
            b"response.completed" | b"response.incomplete" => self.end(&data),
            b"response.failed" => Seen::Error(self.study(&data).unwrap_or_default()),
            b"error" => Seen::Error(error::parse(data.trim_ascii())),
            // Some providers break off with an error that has no name.
            b"" if is_an_error(&data) => Seen::Error(error::parse(data.trim_ascii())),
            b"response.output_item.added" if is_a_call(&data) => Seen::Content,
            name if name.starts_with(b"response.") && name.ends_with(b".delta") => Seen::Content,
            _ => Seen::Other,
        };
        if seen == Seen::Content {
            self.content_events = self.content_events.saturating_add(1);
        }
        seen
    }

    /// The provider's own count; without any, one token for each piece of the answer.
    pub fn usage(&self) -> Usage {
        self.usage.unwrap_or_else(|| Usage::counted(self.content_events))
    }

    /// The model that answers, as soon as an event has said it.
    pub fn answered_by(&self) -> Option<&str> {
        self.model.as_deref()
    }

    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Half an event ends nothing, whatever its name.
    fn end(&mut self, data: &[u8]) -> Seen {
        if self.study(data).is_none() {
            return Seen::Other;
        }
        self.finished = true;
        Seen::Done
    }

    /// The response in one of the last events: what was used, and what went wrong. `None` for what is no JSON object.
    fn study(&mut self, data: &[u8]) -> Option<error::UpstreamErrorBody> {
        let text = std::str::from_utf8(data).ok()?;
        let [response] = json::members(text, &["response"], Reading::Lenient).ok()?;
        let members = response.and_then(|response| {
            json::members(response.get(), &["model", "error"], Reading::Lenient).ok()
        });
        let [model, error] = members.unwrap_or_default();
        self.model = model.and_then(named).or(self.model.take());
        self.usage = response.and_then(|response| answer::used(response.get())).or(self.usage);
        Some(answer::told(error))
    }
}

/// An event's name: from its line, from where `type` usually stands, or from wherever it does stand.
fn kind<'a>(frame: &'a [u8], data: &'a [u8]) -> Cow<'a, [u8]> {
    let line = if frame.starts_with(b"data") { None } else { sse::event(frame) };
    if let Some(name) = line.filter(|name| *name == b"error" || name.starts_with(b"response.")) {
        return Cow::Borrowed(name);
    }
    let glance = data.trim_ascii_start().strip_prefix(FIRST_MEMBER);
    let quoted = glance.and_then(|rest| rest.split_at_checked(memchr::memchr(b'"', rest)?));
    match quoted {
        Some((name, _)) => Cow::Borrowed(name),
        None => Cow::Owned(member(data, "type").unwrap_or_default().into_bytes()),
    }
}

/// Of whichever sort of tool: what follows is the model's doing.
fn is_a_call(data: &[u8]) -> bool {
    let item = std::str::from_utf8(data).ok().and_then(|text| {
        let [item] = json::members(text, &["item"], Reading::Lenient).ok()?;
        member(item?.get().as_bytes(), "type")
    });
    item.is_some_and(|kind| kind.ends_with("_call"))
}

fn is_an_error(data: &[u8]) -> bool {
    let error = std::str::from_utf8(data).ok().and_then(|text| {
        let [error] = json::members(text, &["error"], Reading::Lenient).ok()?;
        error
    });
    error.is_some_and(json::is_telling)
}

fn member(object: &[u8], name: &'static str) -> Option<String> {
    let text = std::str::from_utf8(object).ok()?;
    let [value] = json::members(text, &[name], Reading::Lenient).ok()?;
    json::string(value?)
}

const FIRST_MEMBER: &[u8] = b"{\"type\":\"";

#[cfg(test)]
mod tests;
