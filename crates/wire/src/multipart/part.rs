//! One part of a form: its name, and where its content lies. Refuses every header that two readers could read differently.

use std::ops::Range;

use memchr::memmem;

use super::malformed;
use crate::InvalidBody;

/// A part whose headers are understood.
pub(super) struct Part {
    pub name: String,
    pub content: Range<usize>,
    /// A file, or a text in disguise.
    is_plain: bool,
}

impl Part {
    pub fn read(body: &[u8], within: Range<usize>) -> Result<Self, InvalidBody> {
        let part = body.get(within.clone()).unwrap_or_default();
        let end = memmem::find(part, BLANK_LINE)
            .filter(|end| *end <= HEAD_BYTES_MAX)
            .ok_or_else(|| malformed("has a part whose headers do not end"))?;
        // File names may be in any encoding, our names are in none but ASCII.
        let head = String::from_utf8_lossy(part.get(..end).unwrap_or_default());
        let (mut disposition, mut is_plain) = (None, true);
        for line in head.split("\r\n") {
            let (name, value) = header(line)?;
            if name.eq_ignore_ascii_case("content-disposition") {
                if disposition.replace(value).is_some() {
                    return Err(malformed("has a part with two names"));
                }
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                is_plain &=
                    ["7bit", "8bit", "binary"].iter().any(|it| value.eq_ignore_ascii_case(it));
            }
        }
        let parameters = disposition
            .and_then(|value| parameters(value, "form-data"))
            .ok_or_else(|| malformed("has a part without a name"))?;
        let mut name = None;
        for (parameter, value) in parameters {
            match parameter.as_str() {
                // Whether a backslash stands for itself, readers do not agree.
                "name" if name.is_none() && !value.contains('\\') => name = Some(value),
                name if name == "name" || name.starts_with("name*") => {
                    return Err(malformed("has a part whose name is not plain"));
                }
                "filename" | "filename*" => is_plain = false,
                _ => {}
            }
        }
        let start = within.start.saturating_add(end).saturating_add(BLANK_LINE.len());
        Ok(Self {
            name: name.ok_or_else(|| malformed("has a part without a name"))?,
            content: start..within.end,
            is_plain,
        })
    }

    /// The content of a part of ours.
    pub fn text<'b>(&self, body: &'b [u8], param: &'static str) -> Result<&'b str, InvalidBody> {
        let content = body.get(self.content.clone()).filter(|_| self.is_plain);
        content.and_then(|content| std::str::from_utf8(content).ok()).ok_or_else(|| {
            let message = format!("`{param}` must be a part of plain text, not a file");
            InvalidBody::new(Some(param), message)
        })
    }
}

/// The boundary that a `multipart/form-data` content type names.
pub(super) fn boundary(content_type: &str) -> Result<String, InvalidBody> {
    let parameters = parameters(content_type, "multipart/form-data").unwrap_or_default();
    let mut boundaries = parameters.into_iter().filter(|(name, _)| name == "boundary");
    match (boundaries.next(), boundaries.next()) {
        (Some((_, boundary)), None) if is_boundary(&boundary) => Ok(boundary),
        _ => {
            let message = "the content-type must be multipart/form-data with one good boundary";
            Err(InvalidBody::new(None, message))
        }
    }
}

/// RFC 2046's letters, but no spaces, which get lost.
fn is_boundary(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.bytes().all(letter)
}

/// One line: no folding, no space before the colon, no line ends of other kinds.
fn header(line: &str) -> Result<(&str, &str), InvalidBody> {
    line.split_once(':')
        .filter(|(name, value)| is_token(name) && !value.contains(['\r', '\n', '\0']))
        .map(|(name, value)| (name, value.trim_matches([' ', '\t'])))
        .ok_or_else(|| malformed("has a part with a header that is none"))
}

/// `kind; name=value; name="value"`, names in lower case; `None` for anything else.
fn parameters(value: &str, kind: &str) -> Option<Vec<(String, String)>> {
    let (found, mut rest) = value.split_at_checked(value.find(';').unwrap_or(value.len()))?;
    if !found.trim().eq_ignore_ascii_case(kind) {
        return None;
    }
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (name, text) = parameter.trim_start().split_once('=')?;
        let (value, behind) = match text.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (value, behind) =
                    text.split_at_checked(text.find(';').unwrap_or(text.len()))?;
                (value.trim_end(), behind)
            }
        };
        if !is_token(name) {
            return None;
        }
        parameters.push((name.to_ascii_lowercase(), value.to_owned()));
        rest = behind;
    }
    rest.trim().is_empty().then_some(parameters)
}

/// A quoted text up to its end, escapes as they are, and what follows.
fn unquoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let (inner, rest) = text.split_at_checked(end)?;
    Some((inner, rest.strip_prefix('"')?))
}

fn is_token(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(letter)
}

const BLANK_LINE: &[u8] = b"\r\n\r\n";
const HEAD_BYTES_MAX: usize = 8 * 1024;
const BOUNDARY_BYTES_MAX: usize = 70;
