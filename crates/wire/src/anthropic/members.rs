//! Takes a request's objects apart by name, so that what nobody took is left to be told. Knows no dialect's names.

use serde_json::{Map, Number, Value};

use crate::InvalidBody;
pub(super) use crate::hub::leave_out;

/// What is left of one object.
pub(super) struct Members {
    /// How it is called in words for the caller: `messages.content`, or nothing for the body itself.
    place: &'static str,
    map: Map<String, Value>,
}

impl Members {
    pub fn of_body(body: &[u8]) -> Result<Self, InvalidBody> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self { place: "", map }),
            Ok(_) => Err(InvalidBody::new(None, "the body must be a JSON object")),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let message = format!("the body is not valid JSON at line {line}, column {column}");
                Err(InvalidBody::new(None, message))
            }
        }
    }

    pub fn of(value: Value, place: &'static str) -> Result<Self, InvalidBody> {
        match value {
            Value::Object(map) => Ok(Self { place, map }),
            _ => Err(invalid(place, "an object")),
        }
    }

    /// Absent and `null` are the same.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
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

    pub fn number(&mut self, name: &'static str) -> Result<Option<Number>, InvalidBody> {
        self.take_as(name, "a number", |value| match value {
            Value::Number(number) => Some(number),
            _ => None,
        })
    }

    pub fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, InvalidBody> {
        self.take_as(name, "a list", |value| match value {
            Value::Array(items) => Some(items),
            _ => None,
        })
    }

    /// An object inside this one, which the caller knows as `place`.
    pub fn inner(
        &mut self,
        name: &'static str,
        place: &'static str,
    ) -> Result<Option<Self>, InvalidBody> {
        self.take(name).map(|value| Self::of(value, place)).transpose()
    }

    fn take_as<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidBody> {
        self.take(name)
            .map(|value| read(value).ok_or_else(|| self.invalid(name, expected)))
            .transpose()
    }

    pub fn invalid(&self, name: &'static str, expected: &str) -> InvalidBody {
        if self.place.is_empty() {
            return invalid(name, expected);
        }
        let message = format!("`{}.{name}` must be {expected}", self.place);
        InvalidBody::new(param(self.place), message)
    }

    /// The names of what nobody took.
    pub fn rest(self) -> impl Iterator<Item = String> {
        let told = self.map.into_iter().filter(|(_, value)| !value.is_null());
        told.map(|(name, _)| name)
    }

    /// What nobody took can be done without, and is told.
    pub fn leave_out(self, left_out: &mut Vec<String>) {
        let place = self.place;
        for name in self.rest() {
            let name = if is_a_name(&name) { &name } else { "?" };
            leave_out(left_out, &format!("{place}.{name}"));
        }
    }
}

pub(super) fn invalid(place: &'static str, expected: &str) -> InvalidBody {
    InvalidBody::new(param(place), format!("`{place}` must be {expected}"))
}

/// The field of the body that a place lies in.
pub(super) fn param(place: &'static str) -> Option<&'static str> {
    place.split('.').next()
}

/// The caller's own word where it is one; it may be a key that was pasted into the wrong place.
pub(super) fn quoted(word: &str) -> String {
    if is_a_name(word) { format!("{word:?}") } else { "that is not known here".to_owned() }
}

fn is_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

const NAME_BYTES_MAX: usize = 48;
