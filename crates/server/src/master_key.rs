//! Where the master key comes from: the configuration, or a file in the data folder that only its owner may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use model::Random;
use vault::MasterKeys;
use zeroize::Zeroizing;

use crate::Config;

/// Where the keys were found.
pub enum Origin {
    Configured,
    File(PathBuf),
    Generated(PathBuf),
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
    write_new(&file, keys.to_file_text().as_bytes())
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
    let text = match fs::read_to_string(&file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if config.database_url.is_some() {
                bail!(
                    "with PostgreSQL the master key is never generated, because every node needs the same one: set \
                     KEYSTILE_MASTER_KEY or KEYSTILE_MASTER_KEY_FILE (32 random bytes, for example from \
                     `openssl rand -hex 32`)"
                );
            }
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", file.display()));
        }
    };
    refuse_readable_by_others(&file)?;
    let keys = MasterKeys::parse(&text)
        .with_context(|| format!("the master key in {}", file.display()))?;
    Ok(Some((keys, Origin::File(file))))
}

fn refuse_readable_by_others(file: &Path) -> anyhow::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} may be read by others (mode {:o}): run `chmod 600 {0}`, and consider the key known",
            file.display(),
            mode & 0o777
        );
    }
    Ok(())
}

/// Written whole under another name first: a crash leaves all of it or nothing.
fn write_new(file: &Path, text: &[u8]) -> io::Result<()> {
    let draft = file.with_extension("new");
    let mut opened =
        OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&draft)?;
    opened.set_permissions(fs::Permissions::from_mode(OWNER_ONLY))?;
    opened.write_all(text)?;
    opened.sync_all()?;
    // The data folder's lock is held, so that nobody else has written one meanwhile.
    fs::rename(&draft, file)?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
