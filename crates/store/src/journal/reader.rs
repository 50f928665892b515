//! Reads records back, in order, from a position on. Whole records only; knows nothing of the database.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tokio::sync::watch;
use tracing::error;

use super::segment::{self, CUT_OFF, Frame, HEADER_BYTES};
use super::{JournalError, Position, Record};

pub struct Reader {
    folder: PathBuf,
    position: Position,
    file: Option<(File, PathBuf)>,
    /// The end of what is written, where a writer is at work.
    written: Option<watch::Receiver<Position>>,
}

impl Reader {
    /// Of a journal that nobody writes to; its torn end, if it has one, is its end.
    pub fn open(folder: &Path, from: Position) -> Result<Self, JournalError> {
        Self::new(folder, from, None)
    }

    pub(super) fn live(
        folder: &Path,
        from: Position,
        written: watch::Receiver<Position>,
    ) -> Result<Self, JournalError> {
        let end = *written.borrow();
        if from > end {
            return Err(unknown(from));
        }
        Self::new(folder, from, Some(written))
    }

    fn new(
        folder: &Path,
        from: Position,
        written: Option<watch::Receiver<Position>>,
    ) -> Result<Self, JournalError> {
        let mut reader = Self { folder: folder.to_owned(), position: from, file: None, written };
        let sequences = segment::list(folder)?;
        if sequences.contains(&from.segment) {
            reader.position.offset = from.offset.max(HEADER_BYTES);
        } else if !reader.turn_page()? && from != Position::START {
            return Err(unknown(from));
        }
        Ok(reader)
    }

    /// The next records, each with the position after it; some of them at a time, none at the end.
    /// What precedes damage is returned first.
    pub fn next_batch(
        &mut self,
        records_max: usize,
    ) -> Result<Vec<(Record, Position)>, JournalError> {
        loop {
            let Some((end, last)) = self.extent()? else {
                return Ok(Vec::new());
            };
            if self.position.offset < end {
                return self.read_records(records_max, end, last);
            }
            if last || !self.turn_page()? {
                return Ok(Vec::new());
            }
        }
    }

    /// After the last record returned.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How far the current segment may be read, and whether it is the last.
    fn extent(&mut self) -> Result<Option<(u64, bool)>, JournalError> {
        if self.position == Position::START && !self.turn_page()? {
            return Ok(None);
        }
        let segment = self.position.segment;
        let last = match &self.written {
            Some(written) => {
                let end = *written.borrow();
                if end.segment == segment {
                    return Ok(Some((end.offset, true)));
                }
                false
            }
            None => segment::list(&self.folder)?.last() == Some(&segment),
        };
        let (file, path) = self.file()?;
        let length = file.metadata().map_err(JournalError::io(path))?.len();
        Ok(Some((length, last)))
    }

    /// Goes to the start of the next segment there is.
    fn turn_page(&mut self) -> Result<bool, JournalError> {
        let current = self.position.segment;
        let sequences = segment::list(&self.folder)?;
        let Some(&next) = sequences.iter().find(|&&sequence| sequence > current) else {
            return Ok(false);
        };
        if self.position != Position::START && next != current.saturating_add(1) {
            error!(
                after = current,
                before = next,
                "journal segments are missing; what they held is not counted"
            );
        }
        self.position = Position { segment: next, offset: HEADER_BYTES };
        self.file = None;
        Ok(true)
    }

    fn read_records(
        &mut self,
        records_max: usize,
        end: u64,
        last: bool,
    ) -> Result<Vec<(Record, Position)>, JournalError> {
        let bytes = self.read(end.min(self.position.offset.saturating_add(CHUNK_BYTES)))?;
        let whole_rest = self.position.offset.saturating_add(bytes.len() as u64) >= end;
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while records.len() < records_max && !rest.is_empty() {
            let reason = match Frame::parse(rest) {
                Frame::Whole { body, bytes } => match Record::decode(body) {
                    Some(record) => {
                        rest = rest.get(bytes..).unwrap_or_default();
                        self.position.offset = self.position.offset.saturating_add(bytes as u64);
                        records.push((record, self.position));
                        continue;
                    }
                    None => "no record reads like this",
                },
                Frame::Short if !whole_rest && !records.is_empty() => break,
                Frame::Short => CUT_OFF,
                Frame::Bad(reason) => reason,
            };
            if records.is_empty() && !self.is_torn_end(end, last)? {
                return Err(self.damaged(reason));
            }
            break;
        }
        Ok(records)
    }

    /// Only a last segment that nobody writes to can end in the middle of a record.
    fn is_torn_end(&mut self, end: u64, last: bool) -> Result<bool, JournalError> {
        if !last || self.written.is_some() {
            return Ok(false);
        }
        Ok(segment::is_torn_end(&self.read(end)?))
    }

    fn read(&mut self, to: u64) -> Result<Vec<u8>, JournalError> {
        let from = self.position.offset;
        let (file, path) = self.file()?;
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(from))
            .and_then(|_| file.take(to.saturating_sub(from)).read_to_end(&mut bytes));
        read.map_err(JournalError::io(path))?;
        Ok(bytes)
    }

    fn file(&mut self) -> Result<(&mut File, &Path), JournalError> {
        let open = match self.file.take() {
            Some(open) => open,
            None => segment::open(&self.folder, self.position.segment)?,
        };
        let (file, path) = self.file.insert(open);
        Ok((file, path))
    }

    fn damaged(&self, reason: &'static str) -> JournalError {
        JournalError::Damaged {
            file: self.folder.join(segment::file_name(self.position.segment)),
            offset: self.position.offset,
            reason,
        }
    }
}

fn unknown(Position { segment, offset }: Position) -> JournalError {
    JournalError::UnknownPosition { segment, offset }
}

/// Many times the largest record, so that a whole one is always within reach.
const CHUNK_BYTES: u64 = 1 << 20;
