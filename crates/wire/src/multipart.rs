//! One scan of a form's body, and the same body cut for a provider: what `request` does for JSON. Strict, so that nobody
//! further on reads another model out of it; of files it knows only where they end.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use serde_json::value::RawValue;

use crate::excess::refuse_excess;
use crate::json::Flaw;
use crate::request::edit::{self, Edit};
use crate::{InvalidBody, Wishes};

mod part;

use part::Part;

/// A well-formed form that says nothing of ours twice, and whose bytes can be spliced.
pub struct MultipartRequest {
    /// As the client wrote it; absent where it leaves that to its settings.
    pub model: Option<String>,
    pub stream: bool,
    pub wishes: Wishes,
    /// Invariant: the places below lie in `body`, and do not overlap.
    body: Bytes,
    /// With the two dashes that stand before it in the body.
    boundary: String,
    /// Where the first part begins, with its boundary.
    first_at: usize,
    /// The value alone.
    model_at: Option<Range<usize>>,
    /// The whole part, from its boundary to the next.
    routing_at: Option<Range<usize>>,
}

impl MultipartRequest {
    /// `content_type` is the header's value, which names the boundary.
    pub fn parse(body: Bytes, content_type: &str) -> Result<Self, InvalidBody> {
        let boundary = format!("--{}", part::boundary(content_type)?);
        let marks = marks(&body, &boundary)?;
        let mut form = Self {
            model: None,
            stream: false,
            wishes: Wishes::default(),
            first_at: marks.first().copied().unwrap_or_default(),
            model_at: None,
            routing_at: None,
            boundary,
            body,
        };
        let mut has_stream = false;
        let body = form.body.clone();
        for (&mark, &next) in marks.iter().zip(marks.iter().skip(1)) {
            let part = Part::read(&body, form.within(mark, next))?;
            match part.name.as_str() {
                "model" => {
                    refuse_second(form.model_at.is_some(), "model")?;
                    form.model = Some(model_name(part.text(&body, "model")?)?);
                    form.model_at = Some(part.content);
                }
                "routing" => {
                    refuse_second(form.routing_at.is_some(), "routing")?;
                    form.wishes = wishes(part.text(&body, "routing")?)?;
                    form.routing_at = Some(mark..next);
                }
                "stream" => {
                    refuse_second(has_stream, "stream")?;
                    has_stream = true;
                    form.stream = is_stream(part.text(&body, "stream")?)?;
                }
                _ => {}
            }
        }
        Ok(form)
    }

    /// As it came.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body for a provider, as slices: `model` in place of the client's, and our own part cut out.
    pub fn splice(&self, model: &str) -> Vec<Bytes> {
        // Whatever would end its own part is no model's name; the provider will say so.
        let is_plain = !model.contains(char::is_control) && !model.contains(&self.boundary);
        let model = if is_plain { model } else { "" };
        let name = match &self.model_at {
            Some(at) => Edit::replace(at.clone(), model.to_owned()),
            None => Edit::insert(
                self.first_at,
                format!("{}\r\n{MODEL_HEAD}\r\n\r\n{model}\r\n", self.boundary),
            ),
        };
        let cut = self.routing_at.clone().map(Edit::cut);
        edit::spliced(&self.body, std::iter::once(name).chain(cut).collect())
    }

    /// What lies between two boundaries: without the line end behind the one and the one before the other.
    fn within(&self, mark: usize, next: usize) -> Range<usize> {
        let start = mark.saturating_add(self.boundary.len()).saturating_add(CRLF.len());
        start..next.saturating_sub(CRLF.len())
    }
}

/// Without the body: a file must not reach a log.
impl fmt::Debug for MultipartRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartRequest")
            .field("model", &self.model)
            .field("stream", &self.stream)
            .field("wishes", &self.wishes)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Where the boundary stands, the closing one last. It must stand nowhere but where a part ends or begins: others may be
/// less exact about lines, and read another form.
fn marks(body: &[u8], boundary: &str) -> Result<Vec<usize>, InvalidBody> {
    let mut marks = Vec::new();
    for at in memmem::find_iter(body, boundary) {
        let before = body.get(..at).unwrap_or_default();
        let after = body.get(at.saturating_add(boundary.len())..).unwrap_or_default();
        let begins_a_line = before.ends_with(CRLF) || before.is_empty();
        // Only a line end may come before all parts.
        if !begins_a_line || (marks.is_empty() && before.len() > CRLF.len()) {
            return Err(malformed("holds its boundary, or something else, where no part begins"));
        }
        marks.push(at);
        if marks.len() > PARTS_MAX {
            return Err(malformed("has too many parts"));
        }
        match after.strip_prefix(b"--") {
            Some(b"" | b"\r\n") => return Ok(marks),
            Some(_) => return Err(malformed("goes on after its last boundary")),
            None if after.starts_with(CRLF) => {}
            None => return Err(malformed("has a boundary that does not end its line")),
        }
    }
    Err(malformed(if marks.is_empty() { "does not hold its boundary" } else { "ends too early" }))
}

fn model_name(text: &str) -> Result<String, InvalidBody> {
    let what = match text {
        "" => "is empty",
        text if text.contains(char::is_control) => "must be a name in one line",
        text => return Ok(text.to_owned()),
    };
    Err(InvalidBody::new(Some("model"), format!("`model` {what}")))
}

fn is_stream(text: &str) -> Result<bool, InvalidBody> {
    match text {
        // As Python writes it.
        "true" | "True" => Ok(true),
        "false" | "False" => Ok(false),
        _ => Err(InvalidBody::new(Some("stream"), "`stream` must be true or false")),
    }
}

fn wishes(text: &str) -> Result<Wishes, InvalidBody> {
    refuse_excess(text)?;
    let routing: &RawValue = serde_json::from_str(text)
        .map_err(|error| InvalidBody::flaw(Some("routing"), Flaw::of(&error)))?;
    Wishes::read(routing)
}

fn refuse_second(is_second: bool, name: &'static str) -> Result<(), InvalidBody> {
    if is_second {
        return Err(InvalidBody::new(Some(name), format!("`{name}` is given twice")));
    }
    Ok(())
}

fn malformed(how: &str) -> InvalidBody {
    InvalidBody::new(None, format!("the form {how}"))
}

const CRLF: &[u8] = b"\r\n";
const MODEL_HEAD: &str = "Content-Disposition: form-data; name=\"model\"";
const PARTS_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
