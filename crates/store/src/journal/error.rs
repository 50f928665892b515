//! What can go wrong with the journal's files, in variants a caller can act on.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Not the torn end of a crash: records follow. Somebody must look, and may move the file away.
    #[error("the journal is damaged: {}, byte {offset}: {reason}", file.display())]
    Damaged { file: PathBuf, offset: u64, reason: &'static str },
    #[error("{}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("{} is not a journal segment of format {format}", file.display(), format = super::segment::FORMAT)]
    UnknownFormat { file: PathBuf },
    /// The segments are not those the position came from: somebody replaced the journal's folder.
    #[error("the journal ends before segment {segment}, byte {offset}, which was already drained")]
    UnknownPosition { segment: u64, offset: u64 },
}

impl JournalError {
    pub(super) fn io(file: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let file = file.to_owned();
        move |source| Self::Io { file, source }
    }
}

/// The journal stopped before the record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal stopped before the record was written")]
pub struct JournalLost;
