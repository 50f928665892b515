//! Which segments there are and how much of them is not drained yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tracing::warn;

use super::segment::{self, HEADER_BYTES, Segment};
use super::{JournalError, Position};

pub(super) struct Shelf {
    lengths: BTreeMap<u64, u64>,
    drained: Position,
}

/// Always a fresh segment: a power cut may have taken records that the database already holds, and new
/// ones must not come to lie before the position the drainer goes on from.
pub(super) fn open(folder: &Path) -> Result<(Shelf, Segment), JournalError> {
    fs::create_dir_all(folder).map_err(JournalError::io(folder))?;
    let mut shelf = Shelf { lengths: BTreeMap::new(), drained: Position::START };
    let sequences = segment::list(folder)?;
    for &sequence in &sequences {
        let path = folder.join(segment::file_name(sequence));
        let length = fs::metadata(&path).map_err(JournalError::io(&path))?.len();
        shelf.lengths.insert(sequence, length);
    }
    let last = sequences.last().copied().unwrap_or(0);
    if last != 0 {
        shelf.lengths.insert(last, segment::repair(folder, last)?);
    }
    let segment = Segment::create(folder, last.saturating_add(1))?;
    shelf.grow(segment.end());
    Ok((shelf, segment))
}

/// What is there and not drained, as somebody sees it who only looks.
pub fn undrained_on_disk(folder: &Path, drained: Position) -> Result<u64, JournalError> {
    let mut lengths = BTreeMap::new();
    for sequence in segment::list(folder)? {
        // One that is gone by now was drained.
        if let Ok(file) = fs::metadata(folder.join(segment::file_name(sequence))) {
            lengths.insert(sequence, file.len());
        }
    }
    Ok(Shelf { lengths, drained }.undrained_bytes())
}

impl Shelf {
    pub fn grow(&mut self, end: Position) {
        self.lengths.insert(end.segment, end.offset);
    }

    /// Deletes the segments before the position; the one it is in stays, as a reader goes on there.
    pub fn drain(&mut self, folder: &Path, up_to: Position) {
        self.drained = self.drained.max(up_to);
        let drained = self.drained.segment;
        self.lengths.retain(|&sequence, _| {
            sequence >= drained || !removed(&folder.join(segment::file_name(sequence)))
        });
    }

    pub fn segments(&self) -> u64 {
        self.lengths.len() as u64
    }

    pub fn undrained_bytes(&self) -> u64 {
        let undrained = |(&sequence, &length): (&u64, &u64)| match sequence {
            _ if sequence < self.drained.segment => 0,
            _ if sequence == self.drained.segment => {
                length.saturating_sub(self.drained.offset.max(HEADER_BYTES))
            }
            _ => length.saturating_sub(HEADER_BYTES),
        };
        self.lengths.iter().map(undrained).sum()
    }
}

/// What cannot be deleted is tried again at the next draining.
fn removed(path: &Path) -> bool {
    match fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            warn!(file = %path.display(), %error, "could not delete a drained journal segment");
            false
        }
    }
}
