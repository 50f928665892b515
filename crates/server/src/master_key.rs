//! Where the master key comes from: the configuration, or a file in the data folder that only its owner may read; and where
//! a rotation finds the next one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use control::MasterKeySource;
use model::{Code, KeyVersion, Random, Refusal};
use vault::MasterKeys;
use zeroize::Zeroizing;

use crate::Config;

/// Where the keys were found.
pub enum Origin {
    Configured,
    File(PathBuf),
    Generated(PathBuf),
}

/// Where they can be found again.
pub enum Source {
    /// In the environment or the configuration's file, which this process has read.
    Fixed,
    /// In a file that the operator writes, on every node.
    Operators(PathBuf),
    /// In the file that was generated here, by this process alone. Whoever adds a key reads and writes in one go.
    Ours(PathBuf, Mutex<()>),
}

const FILE: &str = "master.key";
/// The owner may read and write, nobody else anything.
const OWNER_ONLY: u32 = 0o600;

/// Generates a key only where nothing can have been sealed yet: `is_fresh` says whether the database has a key ring.
pub fn load(
    config: &Config,
    is_fresh: bool,
    random: &dyn Random,
) -> anyhow::Result<(MasterKeys, Origin)> {
    if let Some(keys) = read(config)? {
        return Ok(keys);
    }
    let file = config.data_dir.join(FILE);
    if !is_fresh {
        bail!(
            "the master key is missing: {} is gone, and the database holds values sealed with it. Restore the file, \
             or set KEYSTILE_MASTER_KEY",
            file.display()
        );
    }
    let keys = MasterKeys::generate(random);
    write_whole(&file, keys.to_file_text().as_bytes())
        .with_context(|| format!("the master key could not be written to {}", file.display()))?;
    Ok((keys, Origin::Generated(file)))
}

/// What is there already. `None`: nothing, and one may be generated.
pub fn read(config: &Config) -> anyhow::Result<Option<(MasterKeys, Origin)>> {
    if let Some(text) = &config.master_key {
        let keys = MasterKeys::parse(text.reveal()).context("the configured master key")?;
        return Ok(Some((keys, Origin::Configured)));
    }
    let file = config.data_dir.join(FILE);
    if !file.try_exists().with_context(|| format!("{} cannot be read", file.display()))? {
        if config.database_url.is_some() {
            bail!(
                "with PostgreSQL the master key is never generated, because every node needs the same one: set \
                 KEYSTILE_MASTER_KEY or KEYSTILE_MASTER_KEY_FILE (32 random bytes, for example from \
                 `openssl rand -hex 32`)"
            );
        }
        return Ok(None);
    }
    let keys = read_private(&file)?;
    Ok(Some((keys, Origin::File(file))))
}

impl Source {
    pub fn new(config: &Config, origin: &Origin) -> Self {
        match (origin, &config.master_key_file) {
            (Origin::Configured, Some(file)) => Self::Operators(file.clone()),
            (Origin::Configured, None) => Self::Fixed,
            // Another node could not read what this one writes.
            (Origin::File(file) | Origin::Generated(file), _) if config.database_url.is_some() => {
                Self::Operators(file.clone())
            }
            (Origin::File(file) | Origin::Generated(file), _) => {
                Self::Ours(file.clone(), Mutex::default())
            }
        }
    }

    fn keys(&self) -> anyhow::Result<Option<MasterKeys>> {
        match self {
            Self::Fixed => Ok(None),
            Self::Operators(file) => read_file(file).map(Some),
            Self::Ours(file, _) => read_private(file).map(Some),
        }
    }
}

impl MasterKeySource for Source {
    fn read(&self) -> Result<Option<MasterKeys>, Refusal> {
        self.keys().map_err(refused)
    }

    fn read_newer(
        &self,
        than: KeyVersion,
        random: &dyn Random,
    ) -> Result<Option<MasterKeys>, Refusal> {
        let Self::Ours(file, adding) = self else { return self.read() };
        let _alone = adding.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = read_private(file).map_err(refused)?;
        if keys.newest() > than {
            return Ok(Some(keys));
        }
        with_another(file, keys, random).map(Some).map_err(refused)
    }
}

/// The file holds it before anything can be sealed with it.
fn with_another(
    file: &Path,
    mut keys: MasterKeys,
    random: &dyn Random,
) -> anyhow::Result<MasterKeys> {
    keys.add_generated(random).with_context(|| {
        format!("{}: no key can be added; lines of retired versions may go", file.display())
    })?;
    write_whole(file, keys.to_file_text().as_bytes()).with_context(|| {
        format!("the new master key could not be written to {}", file.display())
    })?;
    Ok(keys)
}

/// The operator sees which file and why, which no one else does.
fn refused(error: anyhow::Error) -> Refusal {
    Refusal::new(Code::Conflict, format!("{error:#}"))
}

fn read_private(file: &Path) -> anyhow::Result<MasterKeys> {
    refuse_readable_by_others(file)?;
    read_file(file)
}

fn read_file(file: &Path) -> anyhow::Result<MasterKeys> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
    MasterKeys::parse(&Zeroizing::new(text))
        .with_context(|| format!("the master key in {}", file.display()))
}

fn refuse_readable_by_others(file: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(file)
        .with_context(|| format!("{} cannot be read", file.display()))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} may be read by others (mode {:o}): run `chmod 600 {0}`, and consider the key known",
            file.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Written whole under another name first: a crash leaves the file as it was or as it is to be. The data folder's lock is
/// held, so that nobody else writes it meanwhile.
fn write_whole(file: &Path, text: &[u8]) -> io::Result<()> {
    let draft = file.with_extension("new");
    let mut opened =
        OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&draft)?;
    opened.set_permissions(fs::Permissions::from_mode(OWNER_ONLY))?;
    opened.write_all(text)?;
    opened.sync_all()?;
    fs::rename(&draft, file)?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
