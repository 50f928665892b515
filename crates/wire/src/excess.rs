//! How deep and how long a body may be, seen in one pass over its bytes. Reads no JSON.

use crate::InvalidBody;

/// A text nested deeper or holding more than anybody honest sends is not looked at any further: it would cost a multiple of
/// its bytes wherever it is parsed.
pub fn refuse_excess(text: &str) -> Result<(), InvalidBody> {
    let mut rest = text.as_bytes();
    let (mut depth, mut values) = (0_usize, 0_usize);
    // Each turn is a stretch between two strings, and the string behind it.
    loop {
        let mut letters = rest.iter();
        // Known to end at the quote, or at the end of all.
        for letter in letters.by_ref() {
            match letter {
                b'"' => break,
                b'[' | b'{' => {
                    depth = depth.saturating_add(1);
                    values = values.saturating_add(1);
                    if depth > DEPTH_MAX {
                        let message = format!("the body is nested deeper than {DEPTH_MAX} levels");
                        return Err(InvalidBody::new(None, message));
                    }
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' => values = values.saturating_add(1),
                _ => {}
            }
        }
        if values > VALUES_MAX {
            let message = format!("the body holds more than {VALUES_MAX} values");
            return Err(InvalidBody::new(None, message));
        }
        rest = behind_string(letters.as_slice());
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// What follows the string that `text` begins within.
fn behind_string(mut text: &[u8]) -> &[u8] {
    loop {
        let Some(at) = memchr::memchr2(b'"', b'\\', text) else { return &[] };
        let Some((found, after)) = text.get(at..).and_then(<[u8]>::split_first) else { return &[] };
        if *found == b'"' {
            return after;
        }
        // Whatever is escaped, it is not the end.
        text = after.get(1..).unwrap_or_default();
    }
}

/// Of a whole body; providers' own limits lie well below.
const DEPTH_MAX: usize = 64;
/// Commas and openings outside of strings.
const VALUES_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests;
