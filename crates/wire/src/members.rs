//! Takes a request's object apart by name, so that what nobody took can be refused or told. Knows no dialect's names.

use serde_json::{Map, Number, Value};

use crate::InvalidBody;
use crate::hub::leave_out;
use crate::json::Flaw;

/// What is left of one object.
pub(crate) struct Members {
    /// How the caller knows it, `messages.content`; nothing for the body itself.
    place: &'static str,
    map: Map<String, Value>,
}

impl Members {
    pub fn of_body(body: &[u8]) -> Result<Self, InvalidBody> {
        let value = serde_json::from_slice(body)
            .map_err(|error| InvalidBody::flaw(None, Flaw::of(&error)))?;
        match value {
            Value::Object(map) => Ok(Self { place: "", map }),
            _ => Err(InvalidBody::flaw(None, Flaw::NotAnObject)),
        }
    }

    pub fn of(value: Value, place: &'static str) -> Result<Self, InvalidBody> {
        match value {
            Value::Object(map) => Ok(Self { place, map }),
            _ => Err(invalid(place, "an object")),
        }
    }

    /// Absent and `null` are the same.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>, InvalidBody> {
        self.take_as(name, "a string", |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    pub fn needed_text(&mut self, name: &'static str) -> Result<String, InvalidBody> {
        self.text(name)?.ok_or_else(|| self.invalid(name, "a string"))
    }

    pub fn yes(&mut self, name: &'static str) -> Result<Option<bool>, InvalidBody> {
        self.take_as(name, "true or false", |value| value.as_bool())
    }

    pub fn count(&mut self, name: &'static str) -> Result<Option<u64>, InvalidBody> {
        self.take_as(name, "a whole number", |value| value.as_u64())
    }

    pub fn integer(&mut self, name: &'static str) -> Result<Option<i64>, InvalidBody> {
        self.take_as(name, "a whole number", |value| value.as_i64())
    }

    pub fn number(&mut self, name: &'static str) -> Result<Option<Number>, InvalidBody> {
        self.take_as(name, "a number", |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        })
    }

    pub fn list(&mut self, name: &'static str) -> Result<Vec<Value>, InvalidBody> {
        let list = self.take_as(name, "a list", |value| match value {
            Value::Array(items) => Some(items),
            _ => None,
        });
        Ok(list?.unwrap_or_default())
    }

    /// An object inside this one, which the caller knows as `place`.
    pub fn inner(&mut self, name: &str, place: &'static str) -> Result<Option<Self>, InvalidBody> {
        self.take(name).map(|value| Self::of(value, place)).transpose()
    }

    fn take_as<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidBody> {
        let Some(value) = self.take(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.invalid(name, expected))
    }

    /// The names of what nobody took.
    pub fn rest(&self) -> impl Iterator<Item = &str> {
        let told = self.map.iter().filter(|(_, value)| !value.is_null());
        told.map(|(name, _)| name.as_str())
    }

    /// Nobody knows what is left: it is refused.
    pub fn end(self) -> Result<(), InvalidBody> {
        let Some(name) = self.rest().next() else { return Ok(()) };
        let what = match (is_a_name(name), self.place) {
            (true, "") => format!("`{name}`"),
            (true, place) => format!("`{place}.{name}`"),
            (false, "") => "a member of the body".to_owned(),
            (false, place) => format!("a member of `{place}`"),
        };
        let message = format!("{what} is not known here, so it cannot be translated: leave it out");
        Err(InvalidBody::new(param(self.place), message))
    }

    /// What is left can be done without, and is told.
    pub fn leave_out(self, left_out: &mut Vec<String>) {
        for name in self.rest() {
            let name = if is_a_name(name) { name } else { "?" };
            leave_out(left_out, &format!("{}.{name}", self.place));
        }
    }

    pub fn invalid(&self, name: &'static str, expected: &str) -> InvalidBody {
        if self.place.is_empty() {
            return invalid(name, expected);
        }
        let message = format!("`{}.{name}` must be {expected}", self.place);
        InvalidBody::new(param(self.place), message)
    }
}

pub(crate) fn invalid(place: &'static str, expected: &str) -> InvalidBody {
    InvalidBody::new(param(place), format!("`{place}` must be {expected}"))
}

/// The member of the body that a place lies in.
pub(crate) fn param(place: &'static str) -> Option<&'static str> {
    place.split('.').next().filter(|name| !name.is_empty())
}

/// A word of the caller's own, such as a type that has its date in it, where it is one.
pub(crate) fn quoted(word: &str) -> String {
    let plain: String = word.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    match is_a_name(&plain) && word.len() <= WORD_BYTES_MAX {
        true => format!("{word:?}"),
        false => "that is not known here".to_owned(),
    }
}

/// Anything else may be a key that was pasted into the wrong place.
fn is_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

const NAME_BYTES_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 48;
