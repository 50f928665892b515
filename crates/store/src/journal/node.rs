//! Who this node is and that it is alone: two small files in the data folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::{Clock, NodeId, Random};

use super::JournalError;
use super::segment::sync_folder;

/// Held for the life of the process; the operating system lets go of it when the process dies.
#[must_use = "the folder is free again when this is dropped"]
pub struct NodeLock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum Locked {
    #[error("the lock file {}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("another keystile is using the data folder {}", folder.display())]
    Taken { folder: PathBuf },
}

impl NodeLock {
    pub fn acquire(folder: &Path) -> Result<Self, Locked> {
        let path = folder.join("lock");
        let failed = |source| Locked::Io { file: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
            Err(TryLockError::WouldBlock) => Err(Locked::Taken { folder: folder.to_owned() }),
        }
    }
}

/// The id in the data folder, made at the first start. The caller holds the folder's [`NodeLock`].
pub fn node_id(
    folder: &Path,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<NodeId, JournalError> {
    let path = folder.join("node");
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| JournalError::Damaged {
            file: path,
            offset: 0,
            reason: "this is no node id",
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = NodeId::new(clock, random);
            write_whole(folder, &path, &format!("{id}\n")).map_err(JournalError::io(&path))?;
            Ok(id)
        }
        Err(source) => Err(JournalError::Io { file: path, source }),
    }
}

/// The same for somebody who only looks; `None` before the first start.
pub fn known_node_id(folder: &Path) -> Option<NodeId> {
    fs::read_to_string(folder.join("node")).ok()?.trim().parse().ok()
}

/// Under another name first, so that a crash leaves all of it or nothing.
fn write_whole(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(folder)
}
