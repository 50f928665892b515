//! Cuts a byte stream into whole events, wherever the network cut it. Knows not what an event says.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// An event longer than this is no event: nobody may make us hold more.
pub const EVENT_BYTES_MAX: usize = 1 << 20;

/// The next event is longer than the limit; the splitter stops here for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {limit_bytes} bytes")]
pub struct TooLong {
    pub limit_bytes: usize,
}

/// Chunks in, whole events out: each with its blank line, each exactly as received.
///
/// Push a chunk, then take events until there are none; `rest` at the end. What comes out, put together, is what went
/// in. An event that lies in one chunk is a slice of it; each byte is looked at once, however small the chunks are.
pub struct Frames {
    limit_bytes: usize,
    /// The begun event's bytes from chunks that are used up.
    held: BytesMut,
    /// The first one is being looked at.
    chunks: VecDeque<Bytes>,
    cursor: Cursor,
    gave_up: bool,
}

/// How far the begun event is known.
struct Cursor {
    /// So many bytes of the first chunk belong to it.
    bytes: usize,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    /// A line ended in CR; a line feed right behind it is the same line end.
    AfterCr,
    /// The event ended in CR; a line feed right behind it is still the event's.
    AfterLastCr,
    LineStart,
    MidLine,
}

impl Default for Frames {
    fn default() -> Self {
        Self::new(EVENT_BYTES_MAX)
    }
}

impl Frames {
    pub fn new(event_bytes_max: usize) -> Self {
        Self {
            limit_bytes: event_bytes_max,
            held: BytesMut::new(),
            chunks: VecDeque::new(),
            cursor: Cursor::START,
            gave_up: false,
        }
    }

    pub fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() && !self.gave_up {
            self.chunks.push_back(chunk);
        }
    }

    /// What never became a whole event, at the end of the stream or after `TooLong`.
    ///
    /// A stream that ends in a lone CR leaves its last event here: a line feed might have followed.
    pub fn rest(&mut self) -> Option<Bytes> {
        self.cursor = Cursor::START;
        if self.held.is_empty() && self.chunks.len() == 1 {
            return self.chunks.pop_front();
        }
        for chunk in self.chunks.drain(..) {
            self.held.extend_from_slice(&chunk);
        }
        let rest = self.held.split().freeze();
        (!rest.is_empty()).then_some(rest)
    }

    /// The begun event, which ends where we are.
    fn take(&mut self) -> Option<Bytes> {
        let chunk = self.chunks.front_mut()?;
        let tail = chunk.split_to(self.cursor.bytes.min(chunk.len()));
        self.cursor.bytes = 0;
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        if self.held.is_empty() {
            return Some(tail);
        }
        self.held.extend_from_slice(&tail);
        Some(self.held.split().freeze())
    }
}

impl Iterator for Frames {
    type Item = Result<Bytes, TooLong>;

    /// `None` until the next push, or for good after `TooLong`.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.gave_up {
            let chunk = self.chunks.front()?;
            let ended = self.cursor.finds_end_in(chunk);
            if self.held.len().saturating_add(self.cursor.bytes) > self.limit_bytes {
                self.gave_up = true;
                return Some(Err(TooLong { limit_bytes: self.limit_bytes }));
            }
            if ended {
                return self.take().map(Ok);
            }
            self.held.extend_from_slice(chunk);
            self.chunks.pop_front();
            self.cursor.bytes = 0;
        }
        None
    }
}

impl Cursor {
    const START: Self = Self { bytes: 0, place: Place::LineStart };

    /// Moves on through the chunk: to the end of the event, or to the end of the chunk.
    fn finds_end_in(&mut self, chunk: &[u8]) -> bool {
        loop {
            let Some(ahead) = chunk.get(self.bytes..).filter(|ahead| !ahead.is_empty()) else {
                return false;
            };
            let (step, place, ended) = match (self.place, ahead.first()) {
                (Place::AfterCr, Some(b'\n')) => (1, Place::LineStart, false),
                (Place::AfterCr, _) => (0, Place::LineStart, false),
                (Place::AfterLastCr, Some(b'\n')) => (1, Place::LineStart, true),
                (Place::AfterLastCr, _) => (0, Place::LineStart, true),
                (Place::LineStart, Some(b'\n')) => (1, Place::LineStart, true),
                (Place::LineStart, Some(b'\r')) => (1, Place::AfterLastCr, false),
                (Place::LineStart, _) => (0, Place::MidLine, false),
                (Place::MidLine, _) => match memchr::memchr2(b'\n', b'\r', ahead) {
                    Some(at) if ahead.get(at) == Some(&b'\r') => (at + 1, Place::AfterCr, false),
                    Some(at) => (at + 1, Place::LineStart, false),
                    None => (ahead.len(), Place::MidLine, false),
                },
            };
            self.bytes = self.bytes.saturating_add(step);
            self.place = place;
            if ended {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
