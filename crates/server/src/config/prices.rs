//! The operator's price rows: a file in the data folder, read at start, written by `keystile models import`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use model::Catalogue;
use model::catalogue::PriceRows;

/// None where there is no such file.
pub fn read(data_dir: &Path) -> anyhow::Result<PriceRows> {
    let file = file(data_dir);
    let named = || format!("{}", file.display());
    match fs::read_to_string(&file) {
        Ok(text) => PriceRows::parse(&text).with_context(named),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(PriceRows::default()),
        Err(error) => Err(error).with_context(named),
    }
}

pub fn over(catalogue: Catalogue, data_dir: &Path) -> anyhow::Result<Catalogue> {
    let rows = read(data_dir)?;
    catalogue.with_prices(&rows).with_context(|| format!("{}", file(data_dir).display()))
}

/// Whole under another name first, so that a start meanwhile reads the old rows or the new.
pub fn write(data_dir: &Path, rows: &PriceRows) -> io::Result<()> {
    let file = file(data_dir);
    let draft = file.with_extension("new");
    let mut opened = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    opened.write_all(rows.to_string().as_bytes())?;
    opened.sync_all()?;
    fs::rename(&draft, file)
}

pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("prices.toml")
}
