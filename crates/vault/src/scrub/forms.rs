//! The ways a key can be written in a body or a header. Knows nothing of searching.

use std::ops::ControlFlow::{self, Continue};

use zeroize::Zeroizing;

/// One way to write a key. It is written byte by byte, so that whoever looks for it needs no copy of the whole.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// The characters that the key alone decides, when so many bytes (modulo three) come before it.
    Base64 {
        bytes_before: usize,
        digits: &'static [u8; 64],
        in_json: bool,
    },
    Hex(Digits),
    Json(JsonRule),
    /// As in an echoed request, which is JSON inside of JSON.
    JsonInJson(JsonRule),
    Percent(Digits, Left),
    Plain,
}

type Digits = &'static [u8; 16];
type Enough = ControlFlow<()>;

/// Which characters become `\/`, and which `\u00..`, beside the quote and the backslash that always are escaped.
#[derive(Clone, Copy)]
pub(super) struct JsonRule {
    slash: bool,
    html: bool,
}

/// Which characters stay as they are when others become `%..`.
#[derive(Clone, Copy)]
pub(super) enum Left {
    /// What `encodeURIComponent` leaves.
    ByEcmascript,
    Nothing,
    /// RFC 3986.
    Unreserved,
}

/// None is shorter than the key.
pub(super) const ALL: [Form; 26] = [
    Form::Plain,
    Form::Json(JSON),
    Form::Json(JSON_HTML),
    Form::Json(JSON_HTML_SLASH),
    Form::Json(JSON_SLASH),
    Form::JsonInJson(JSON),
    Form::JsonInJson(JSON_HTML),
    Form::JsonInJson(JSON_HTML_SLASH),
    Form::JsonInJson(JSON_SLASH),
    Form::Base64 { bytes_before: 0, digits: STANDARD, in_json: false },
    Form::Base64 { bytes_before: 1, digits: STANDARD, in_json: false },
    Form::Base64 { bytes_before: 2, digits: STANDARD, in_json: false },
    Form::Base64 { bytes_before: 0, digits: STANDARD, in_json: true },
    Form::Base64 { bytes_before: 1, digits: STANDARD, in_json: true },
    Form::Base64 { bytes_before: 2, digits: STANDARD, in_json: true },
    Form::Base64 { bytes_before: 0, digits: URL_SAFE, in_json: false },
    Form::Base64 { bytes_before: 1, digits: URL_SAFE, in_json: false },
    Form::Base64 { bytes_before: 2, digits: URL_SAFE, in_json: false },
    Form::Hex(LOWER),
    Form::Hex(UPPER),
    Form::Percent(LOWER, Left::Nothing),
    Form::Percent(UPPER, Left::Nothing),
    Form::Percent(LOWER, Left::Unreserved),
    Form::Percent(UPPER, Left::Unreserved),
    Form::Percent(LOWER, Left::ByEcmascript),
    Form::Percent(UPPER, Left::ByEcmascript),
];

impl Form {
    /// Until `to` has had enough.
    pub fn write(self, key: &[u8], to: &mut impl FnMut(u8) -> Enough) -> Enough {
        match self {
            Self::Base64 { bytes_before, digits, in_json } => {
                base64_inside(key, bytes_before, &mut |at| {
                    let digit = digits.get(at).copied().unwrap_or(b'A');
                    if in_json && digit == b'/' {
                        to(b'\\')?;
                    }
                    to(digit)
                })
            }
            Self::Hex(digits) => key.iter().try_for_each(|byte| hex(*byte, digits, to)),
            Self::Json(rule) => key.iter().try_for_each(|byte| rule.write(*byte, to)),
            Self::JsonInJson(rule) => {
                let mut again = |byte| rule.write(byte, to);
                key.iter().try_for_each(|byte| rule.write(*byte, &mut again))
            }
            Self::Percent(digits, left) => key.iter().try_for_each(|byte| match left.has(*byte) {
                true => to(*byte),
                false => {
                    to(b'%')?;
                    hex(*byte, digits, to)
                }
            }),
            Self::Plain => key.iter().try_for_each(|byte| to(*byte)),
        }
    }

    pub fn bytes_of(self, key: &[u8]) -> usize {
        let mut bytes = 0_usize;
        let _never_enough = self.write(key, &mut |_| {
            bytes = bytes.saturating_add(1);
            Continue(())
        });
        bytes
    }

    /// The whole of it.
    pub fn text(self, key: &[u8]) -> Zeroizing<Vec<u8>> {
        // At the final size at once: growing would leave copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(self.bytes_of(key)));
        let _never_enough = self.write(key, &mut |byte| {
            text.push(byte);
            Continue(())
        });
        text
    }
}

/// Without repetitions, whole: most keys look the same escaped and unescaped.
pub(super) fn of(key: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut forms: Vec<_> = ALL.iter().map(|form| form.text(key)).collect();
    forms.sort_unstable_by(|a, b| a.as_slice().cmp(b));
    forms.dedup_by(|a, b| a.as_slice() == b.as_slice());
    forms
}

/// Which forms of a key differ from the key itself, as far as a glance at its characters tells.
#[derive(Default)]
pub(super) struct Traits {
    has_quote: bool,
    has_slash: bool,
    has_html: bool,
    has_reserved: bool,
    has_left: bool,
}

impl Traits {
    pub fn of(key: &[u8]) -> Self {
        let mut traits = Self::default();
        for &byte in key {
            traits.has_quote |= is_quote(byte);
            traits.has_slash |= byte == b'/';
            traits.has_html |= is_html(byte);
            traits.has_reserved |= !Left::Unreserved.has(byte);
            traits.has_left |= is_left_by_ecmascript(byte);
        }
        traits
    }

    /// Whether it is a form of its own, or written as another one that comes before it.
    pub fn need(&self, form: Form) -> bool {
        match form {
            Form::Json(rule) | Form::JsonInJson(rule) => {
                let is_plain = !rule.slash && !rule.html;
                (!is_plain || self.has_quote)
                    && (!rule.slash || self.has_slash)
                    && (!rule.html || self.has_html)
            }
            Form::Percent(_, Left::ByEcmascript) => self.has_left,
            Form::Percent(_, Left::Unreserved) => self.has_reserved,
            _ => true,
        }
    }
}

const JSON: JsonRule = JsonRule { slash: false, html: false };
const JSON_SLASH: JsonRule = JsonRule { slash: true, html: false };
const JSON_HTML: JsonRule = JsonRule { slash: false, html: true };
const JSON_HTML_SLASH: JsonRule = JsonRule { slash: true, html: true };

impl JsonRule {
    fn write(self, byte: u8, to: &mut impl FnMut(u8) -> Enough) -> Enough {
        if is_quote(byte) || (self.slash && byte == b'/') {
            to(b'\\')?;
            return to(byte);
        }
        if self.html && is_html(byte) {
            b"\\u00".iter().try_for_each(|byte| to(*byte))?;
            return hex(byte, LOWER, to);
        }
        to(byte)
    }
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\')
}

/// Go and Gson escape these so that a body can stand inside HTML.
const fn is_html(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'&' | b'\'' | b'=')
}

impl Left {
    const fn has(self, byte: u8) -> bool {
        let is_unreserved =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        match self {
            Self::ByEcmascript => is_unreserved || is_left_by_ecmascript(byte),
            Self::Nothing => false,
            Self::Unreserved => is_unreserved,
        }
    }
}

/// Beside what RFC 3986 has.
const fn is_left_by_ecmascript(byte: u8) -> bool {
    matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*')
}

/// The numbers of the digits. A digit whose bits are in part of what stands before or behind is not the key's.
fn base64_inside(key: &[u8], bytes_before: usize, to: &mut impl FnMut(usize) -> Enough) -> Enough {
    // Of the first digit that has bits of the key, so many are of what stands before.
    let foreign_bits = bytes_before * 8 % 6;
    let skipped_bits = if foreign_bits == 0 { 0 } else { 6 - foreign_bits };
    let (mut bits, mut count) = (0_usize, 0_usize);
    for (place, &byte) in key.iter().enumerate() {
        bits = ((bits << 8) | usize::from(byte)) & 0xffff;
        count += if place == 0 { 8 - skipped_bits } else { 8 };
        while count >= 6 {
            count -= 6;
            to((bits >> count) & 0x3f)?;
        }
    }
    Continue(())
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LOWER: Digits = b"0123456789abcdef";
const UPPER: Digits = b"0123456789ABCDEF";

fn hex(byte: u8, digits: Digits, to: &mut impl FnMut(u8) -> Enough) -> Enough {
    let digit = |at: u8| digits.get(usize::from(at)).copied().unwrap_or(b'0');
    to(digit(byte >> 4))?;
    to(digit(byte & 15))
}
