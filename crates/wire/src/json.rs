//! Looks into one JSON object without building a tree: the raw values of the members asked for. Knows no dialect.

use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What of an object's ambiguity is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Only the members asked for, each at most once: our own vocabulary.
    Closed,
    /// Unknown members are skipped, and of a repeated one the last counts: what providers send.
    Lenient,
    /// Unknown members are skipped, but none asked for may come twice: what we forward to others.
    Unambiguous,
}

/// Why a text is not the object that was wanted. Holds places and names, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    NotAnObject,
    NotJson { line: usize, column: usize },
    Trailing { line: usize, column: usize },
    Truncated,
    Twice(&'static str),
    Unknown(String),
}

/// Validates all of `text` and returns the raw value of each named member, in the order of `names`.
///
/// A member counts under its unescaped name, however it is spelled; a `null` is a value like any other.
pub fn members<'a, const N: usize>(
    text: &'a str,
    names: &[&'static str; N],
    reading: Reading,
) -> Result<[Option<&'a RawValue>; N], Flaw> {
    let mut found = Found { names, reading, values: [None; N], flaw: None };
    let mut json = serde_json::Deserializer::from_str(text);
    let visited = json.deserialize_map(&mut found);
    if let Some(flaw) = found.flaw {
        return Err(flaw);
    }
    visited.map_err(|error| Flaw::of(&error))?;
    json.end().map_err(|error| Flaw::Trailing { line: error.line(), column: error.column() })?;
    Ok(found.values)
}

/// Where `part`, which was borrowed from `whole`, lies in it.
pub fn range_in(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// Whether a value says anything: not `null`, `false`, `""`, `[]` or `{}`.
pub fn is_telling(value: &RawValue) -> bool {
    let text = value.get();
    let hollow = matches!(text, "null" | "false" | "\"\"")
        || (text.starts_with(['[', '{']) && is_hollow(text));
    !hollow
}

fn is_hollow(container: &str) -> bool {
    let inner = container.as_bytes().get(1..container.len().saturating_sub(1));
    inner.is_some_and(|inner| inner.iter().all(u8::is_ascii_whitespace))
}

/// A string's text, `None` for anything else.
pub fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

impl Flaw {
    pub fn of(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        match error.classify() {
            Category::Data => Self::NotAnObject,
            Category::Eof => Self::Truncated,
            Category::Io | Category::Syntax => {
                Self::NotJson { line: error.line(), column: error.column() }
            }
        }
    }
}

struct Found<'n, 'a, const N: usize> {
    names: &'n [&'static str; N],
    reading: Reading,
    values: [Option<&'a RawValue>; N],
    flaw: Option<Flaw>,
}

impl<'de, const N: usize> Visitor<'de> for &mut Found<'_, 'de, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(self.names, self.reading))? {
            let (name, slot) = match key {
                Named::Skipped => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Named::Stranger(name) => return Err(self.stop(Flaw::Unknown(name))),
                Named::Wanted(at) => match (self.names.get(at), self.values.get_mut(at)) {
                    (Some(name), Some(slot)) => (*name, slot),
                    _ => return Err(A::Error::custom("a member out of range")),
                },
            };
            let value = map.next_value::<&'de RawValue>()?;
            if slot.replace(value).is_some() && self.reading != Reading::Lenient {
                return Err(self.stop(Flaw::Twice(name)));
            }
        }
        Ok(())
    }
}

impl<const N: usize> Found<'_, '_, N> {
    fn stop<E: serde::de::Error>(&mut self, flaw: Flaw) -> E {
        self.flaw = Some(flaw);
        E::custom("stopped early")
    }
}

/// Recognises a member's name without keeping it.
struct Key<'n>(&'n [&'static str], Reading);

enum Named {
    Skipped,
    Stranger(String),
    Wanted(usize),
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Named;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Named, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Named, E> {
        let at = self.0.iter().position(|wanted| *wanted == name);
        Ok(match (at, self.1) {
            (Some(at), _) => Named::Wanted(at),
            (None, Reading::Closed) => Named::Stranger(name.chars().take(NAME_CHARS_MAX).collect()),
            (None, _) => Named::Skipped,
        })
    }
}

/// How much of an unknown member's name is repeated to whoever sent it.
const NAME_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests;
