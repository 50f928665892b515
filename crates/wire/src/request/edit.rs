//! Bytes of a body that give way to others, while the rest stays where it is in memory.

use std::ops::Range;

use bytes::Bytes;

/// These bytes give way to this text.
#[derive(Clone)]
pub(crate) struct Edit {
    pub at: Range<usize>,
    pub text: Bytes,
}

impl Edit {
    pub fn insert(at: usize, text: impl Into<Bytes>) -> Self {
        Self::replace(at..at, text)
    }

    pub fn replace(at: Range<usize>, text: impl Into<Bytes>) -> Self {
        Self { at, text: text.into() }
    }

    pub const fn cut(at: Range<usize>) -> Self {
        Self { at, text: Bytes::new() }
    }
}

/// The body with these edits, which must lie in it and not overlap. Insertions at one place stay in their order, and stand
/// before a cut that begins there.
pub(crate) fn spliced(body: &Bytes, mut edits: Vec<Edit>) -> Vec<Bytes> {
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut slices = Vec::with_capacity(edits.len().saturating_mul(2).saturating_add(1));
    let mut from = 0;
    for Edit { at, text } in edits {
        slices.push(body.slice(from..at.start));
        slices.push(text);
        from = at.end;
    }
    slices.push(body.slice(from..));
    slices.retain(|slice| !slice.is_empty());
    slices
}
