//! Server-sent events as bytes: where one ends, and what it carries. Knows no dialect and changes nothing.

use std::borrow::Cow;

mod frames;

pub use frames::{EVENT_BYTES_MAX, Frames, TooLong};

/// The event's data lines, joined by line feeds; `None` if it has none, as comments and keep-alives.
pub fn data(frame: &[u8]) -> Option<Cow<'_, [u8]>> {
    // Most events are one line and nothing else.
    if let Some(line) = frame.strip_suffix(b"\n\n").and_then(|line| value(line, b"data"))
        && memchr::memchr2(b'\n', b'\r', line).is_none()
    {
        return Some(Cow::Borrowed(line));
    }
    let mut lines = lines(frame).filter_map(|line| value(line, b"data"));
    let mut data = Cow::Borrowed(lines.next()?);
    for line in lines {
        let joined = data.to_mut();
        joined.push(b'\n');
        joined.extend_from_slice(line);
    }
    Some(data)
}

/// The event's name, if it has one; of several the last counts.
pub fn event(frame: &[u8]) -> Option<&[u8]> {
    lines(frame).filter_map(|line| value(line, b"event")).last()
}

/// Nothing but comments and blank lines: a sign of life, no event.
pub fn is_comment_only(frame: &[u8]) -> bool {
    lines(frame).all(|line| line.is_empty() || line.starts_with(b":"))
}

/// The value of a line if its field is the one asked for. One space after the colon is not part of it.
fn value<'a>(line: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(field)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let rest = rest.strip_prefix(b":")?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// The lines between LF, CRLF and CR. A byte order mark is not part of the first one.
fn lines(frame: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frame.strip_prefix(BOM).unwrap_or(frame);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        let ending: &[u8] =
            if tail.starts_with(b"\r\n") { b"\r\n" } else { tail.get(..1).unwrap_or_default() };
        rest = tail.strip_prefix(ending).unwrap_or_default();
        Some(line)
    })
}

const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
