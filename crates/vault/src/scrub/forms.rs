//! The ways a key can be written in a body or a header. Knows nothing of searching.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

type Form = Zeroizing<Vec<u8>>;

/// Without repetitions: most keys look the same escaped and unescaped. No form is shorter than the key.
pub(super) fn of(key: &[u8]) -> Vec<Form> {
    let mut forms: Vec<Form> = vec![Zeroizing::new(key.to_vec())];
    for rule in [JSON, JSON_SLASH, JSON_HTML, JSON_HTML_SLASH] {
        let escaped = json(key, rule);
        // As in an echoed request, which is JSON inside of JSON.
        forms.push(json(&escaped, rule));
        forms.push(escaped);
    }
    for bytes_before in 0..3 {
        let standard = base64_inside(key, bytes_before, &STANDARD_NO_PAD);
        forms.push(json(&standard, JSON_SLASH));
        forms.push(standard);
        forms.push(base64_inside(key, bytes_before, &URL_SAFE_NO_PAD));
    }
    for digits in [LOWER, UPPER] {
        forms.push(hex(key, digits));
        forms.push(percent(key, digits, |_| false));
        forms.push(percent(key, digits, is_unreserved));
        forms.push(percent(key, digits, is_left_by_ecmascript));
    }
    forms.sort_unstable_by(|a, b| a.as_slice().cmp(b));
    forms.dedup_by(|a, b| a.as_slice() == b.as_slice());
    // All of them; said here because the search relies on it.
    forms.retain(|form| form.len() >= key.len());
    forms
}

/// Which characters become `\/`, and which `\u00..`, beside the quote and the backslash that always are escaped.
#[derive(Clone, Copy)]
struct JsonRule {
    slash: bool,
    html: bool,
}

const JSON: JsonRule = JsonRule { slash: false, html: false };
const JSON_SLASH: JsonRule = JsonRule { slash: true, html: false };
const JSON_HTML: JsonRule = JsonRule { slash: false, html: true };
const JSON_HTML_SLASH: JsonRule = JsonRule { slash: true, html: true };

fn json(key: &[u8], rule: JsonRule) -> Form {
    // At the final size at once, as everywhere here: growing would leave copies behind.
    let mut form = Zeroizing::new(Vec::with_capacity(key.len() * 6));
    for &byte in key {
        match byte {
            b'"' | b'\\' => form.extend([b'\\', byte]),
            b'/' if rule.slash => form.extend(*b"\\/"),
            // Go and Gson write these so that a body can stand inside HTML.
            b'<' | b'>' | b'&' | b'\'' | b'=' if rule.html => {
                form.extend(*b"\\u00");
                form.extend(pair(byte, LOWER));
            }
            _ => form.push(byte),
        }
    }
    form
}

/// The characters that the key alone decides, when so many bytes (modulo three) come before it.
fn base64_inside(key: &[u8], bytes_before: usize, engine: &impl Engine) -> Form {
    let mut bytes = Zeroizing::new(vec![0; bytes_before]);
    bytes.reserve_exact(key.len());
    bytes.extend_from_slice(key);
    let mut text = Zeroizing::new(vec![0; bytes.len() * 2]);
    let written = engine.encode_slice(bytes.as_slice(), &mut text).unwrap_or(0);
    let first = (bytes_before * 8).div_ceil(6);
    let whole = (bytes.len() * 8 / 6).min(written);
    Zeroizing::new(text.get(first..whole).unwrap_or_default().to_vec())
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn hex(key: &[u8], digits: &[u8; 16]) -> Form {
    let mut form = Zeroizing::new(Vec::with_capacity(key.len() * 2));
    form.extend(key.iter().flat_map(|byte| pair(*byte, digits)));
    form
}

fn percent(key: &[u8], digits: &[u8; 16], is_left: fn(u8) -> bool) -> Form {
    let mut form = Zeroizing::new(Vec::with_capacity(key.len() * 3));
    for &byte in key {
        if is_left(byte) {
            form.push(byte);
        } else {
            form.push(b'%');
            form.extend(pair(byte, digits));
        }
    }
    form
}

fn pair(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| digits.get(usize::from(digit)).copied().unwrap_or(b'0'))
}

/// RFC 3986.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What `encodeURIComponent` leaves.
fn is_left_by_ecmascript(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*')
}
