//! One file of the journal: its name, its header, its frames, and what to do with a torn end.
//! Knows nothing of what a body means.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;

use super::{JournalError, Position};

/// The segment being appended to.
pub(super) struct Segment {
    file: Arc<File>,
    path: PathBuf,
    sequence: u64,
    length: u64,
    /// A write failed half-way: there may be bytes past `length`.
    torn: bool,
}

/// A segment that may hold what the disk does not: forcing it there needs no pen, and holds up nobody who writes.
pub(super) struct Unsynced {
    file: Arc<File>,
    path: PathBuf,
}

impl Unsynced {
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::io(&self.path))
    }
}

impl Segment {
    /// Truncates what is there: only our own failed attempt can be, as the sequence is above all others.
    pub fn create(folder: &Path, sequence: u64) -> Result<Self, JournalError> {
        let path = folder.join(file_name(sequence));
        let create = || {
            let mut file =
                OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
            file.write_all(&header())?;
            file.sync_all()?;
            sync_folder(folder)?;
            Ok(Arc::new(file))
        };
        let file = create().map_err(JournalError::io(&path))?;
        Ok(Self { file, path, sequence, length: HEADER_BYTES, torn: false })
    }

    /// Whole frames in one write; `durable` forces them to the disk before they count.
    pub fn append(&mut self, frames: &[u8], durable: bool) -> Result<(), JournalError> {
        self.append_by(frames, |mut file, frames| {
            file.write_all(frames)?;
            if durable { file.sync_data() } else { Ok(()) }
        })
    }

    pub fn unsynced(&self) -> Unsynced {
        Unsynced { file: Arc::clone(&self.file), path: self.path.clone() }
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn is_empty(&self) -> bool {
        self.length == HEADER_BYTES
    }

    pub fn end(&self) -> Position {
        Position { segment: self.sequence, offset: self.length }
    }

    #[cfg(test)]
    pub fn refuse_writes(&mut self) {
        self.file = Arc::new(File::open(&self.path).expect("it is there"));
    }

    fn append_by(
        &mut self,
        frames: &[u8],
        write: impl FnOnce(&File, &[u8]) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        let (mut file, torn, length) = (&*self.file, &mut self.torn, self.length);
        let append = || {
            if *torn {
                file.set_len(length)?;
                file.seek(SeekFrom::Start(length))?;
            }
            *torn = true;
            write(file, frames)?;
            *torn = false;
            Ok(())
        };
        append().map_err(JournalError::io(&self.path))?;
        self.length = length.saturating_add(frames.len() as u64);
        Ok(())
    }
}

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Bad(&'static str),
    Short,
    Whole { body: &'a [u8], bytes: usize },
}

impl<'a> Frame<'a> {
    pub fn parse(bytes: &'a [u8]) -> Self {
        let Some((length, rest)) = bytes.split_first_chunk() else {
            return Self::Short;
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 || length > RECORD_BYTES_MAX {
            return Self::Bad("no record has this length");
        }
        let Some((sum, rest)) = rest.split_first_chunk() else {
            return Self::Short;
        };
        let Some(body) = rest.get(..length) else {
            return Self::Short;
        };
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Self::Bad("the checksum differs");
        }
        Self::Whole { body, bytes: length + FRAME_BYTES }
    }
}

/// Length, checksum, body. `false` leaves `into` as it was: no reader would take such a body.
pub(super) fn push_frame(body: &[u8], into: &mut Vec<u8>) -> bool {
    let Ok(length) = u32::try_from(body.len()) else {
        return false;
    };
    if body.is_empty() || body.len() > RECORD_BYTES_MAX {
        return false;
    }
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    into.extend_from_slice(body);
    true
}

/// Ends a dead process's last segment after its last whole record and returns its length.
pub(super) fn repair(folder: &Path, sequence: u64) -> Result<u64, JournalError> {
    let path = folder.join(file_name(sequence));
    let bytes = fs::read(&path).map_err(JournalError::io(&path))?;
    let keep = if bytes.len() as u64 >= HEADER_BYTES {
        check_header(&path, &bytes)?;
        whole_frames(&path, &bytes)?
    } else {
        0
    };
    if keep == bytes.len() as u64 {
        return Ok(keep);
    }
    warn!(
        file = %path.display(),
        offset = keep,
        bytes = bytes.len() as u64 - keep,
        "cut off the end of the journal, which a crash had left half-written"
    );
    let cut = || {
        let mut file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(keep)?;
        if keep == 0 {
            file.write_all(&header())?;
        }
        file.sync_all()
    };
    cut().map_err(JournalError::io(&path))?;
    Ok(keep.max(HEADER_BYTES))
}

/// A crash tears the end only: if anything whole follows, the file was damaged later.
pub(super) fn is_torn_end(bytes: &[u8]) -> bool {
    !(1..bytes.len()).any(|start| {
        bytes.get(start..).is_some_and(|rest| matches!(Frame::parse(rest), Frame::Whole { .. }))
    })
}

pub(super) fn open(folder: &Path, sequence: u64) -> Result<(File, PathBuf), JournalError> {
    let path = folder.join(file_name(sequence));
    let mut file = File::open(&path).map_err(JournalError::io(&path))?;
    let mut head = Vec::new();
    (&mut file).take(HEADER_BYTES).read_to_end(&mut head).map_err(JournalError::io(&path))?;
    // Shorter is a crash between creating the file and writing its header: it holds no record.
    if head.len() as u64 == HEADER_BYTES {
        check_header(&path, &head)?;
    }
    Ok((file, path))
}

/// The sequences of all segments, lowest first.
pub(super) fn list(folder: &Path) -> Result<Vec<u64>, JournalError> {
    let names = || -> io::Result<Vec<u64>> {
        let mut sequences = Vec::new();
        for entry in fs::read_dir(folder)? {
            sequences.extend(entry?.file_name().to_str().and_then(sequence));
        }
        sequences.sort_unstable();
        Ok(sequences)
    };
    names().map_err(JournalError::io(folder))
}

pub(super) fn file_name(sequence: u64) -> String {
    format!("journal-{sequence:020}.log")
}

/// A name is only durable once its folder is. Where folders cannot be opened, so be it.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn sequence(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("journal-")?.strip_suffix(".log")?;
    let sequence = digits.parse().ok()?;
    (file_name(sequence) == name).then_some(sequence)
}

fn whole_frames(path: &Path, bytes: &[u8]) -> Result<u64, JournalError> {
    let mut rest = bytes.get(HEADER_BYTES as usize..).unwrap_or_default();
    loop {
        match Frame::parse(rest) {
            Frame::Whole { bytes, .. } => rest = rest.get(bytes..).unwrap_or_default(),
            _ if is_torn_end(rest) => break,
            Frame::Bad(reason) => return Err(damaged(path, bytes.len() - rest.len(), reason)),
            Frame::Short => return Err(damaged(path, bytes.len() - rest.len(), CUT_OFF)),
        }
    }
    Ok((bytes.len() - rest.len()) as u64)
}

fn damaged(path: &Path, offset: usize, reason: &'static str) -> JournalError {
    JournalError::Damaged { file: path.to_owned(), offset: offset as u64, reason }
}

fn header() -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    let fields = MAGIC.iter().copied().chain(FORMAT.to_le_bytes());
    for (byte, field) in header.iter_mut().zip(fields) {
        *byte = field;
    }
    header
}

fn check_header(path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    if bytes.starts_with(&header()) {
        return Ok(());
    }
    Err(JournalError::UnknownFormat { file: path.to_owned() })
}

pub(super) const FORMAT: u32 = 1;
pub(super) const HEADER_BYTES: u64 = 16;
pub(super) const RECORD_BYTES_MAX: usize = 64 << 10;
pub(super) const CUT_OFF: &str = "the record is cut off";
const MAGIC: &[u8; 8] = b"KSTLJRNL";
const FRAME_BYTES: usize = 8;

#[cfg(test)]
mod tests;
