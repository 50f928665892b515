//! The tree on the disk, as text: the only file here that touches it.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;
use crate::source::Source;

/// The workspace this crate was built in.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

/// Every Rust file below `crates/`, in order of path.
pub fn sources() -> Result<Vec<Source>> {
    let crates = root().join("crates");
    let mut sources = Vec::new();
    collect(&crates, &crates, &mut sources)?;
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

pub fn manifests() -> Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for name in names(&root().join("crates"))? {
        let path = root().join("crates").join(&name).join("Cargo.toml");
        if path.exists() {
            manifests.push(Manifest::new(&name, read(&path)?));
        }
    }
    Ok(manifests)
}

pub fn migrations(database: &str) -> Result<Vec<String>> {
    names(&root().join("migrations").join(database))
}

pub fn lock() -> Result<String> {
    read(&root().join("Cargo.lock"))
}

fn collect(folder: &Path, crates: &Path, into: &mut Vec<Source>) -> Result<()> {
    for name in names(folder)? {
        let path = folder.join(&name);
        if path.is_dir() && name != "target" {
            collect(&path, crates, into)?;
        } else if name.ends_with(".rs") {
            let below = path.strip_prefix(crates).map_err(Error::other)?;
            into.push(Source::new(below.to_string_lossy().replace('\\', "/"), read(&path)?));
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &Error) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}
