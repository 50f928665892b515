//! The file with a person's sessions, by context: for its owner's eyes only, and replaced in one piece.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use model::BaseUrl;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::config::Hidden;

pub struct Credentials {
    file: PathBuf,
}

/// A session as it is kept.
#[derive(Serialize, Deserialize)]
pub struct Session {
    pub url: BaseUrl,
    pub email: String,
    pub expires_at: String,
    token: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Contents {
    contexts: BTreeMap<String, Session>,
}

const OWNER_ONLY: u32 = 0o600;
const OTHERS: u32 = 0o077;

impl Session {
    pub fn new(url: BaseUrl, email: String, expires_at: String, token: String) -> Self {
        Self { url, email, expires_at, token }
    }

    pub fn token(&self) -> Hidden {
        Hidden::new(self.token.clone())
    }
}

impl Credentials {
    pub fn new(config_folder: Option<&Path>) -> anyhow::Result<Self> {
        let folder = config_folder.ok_or_else(|| {
            Failure::Usage(
                "neither XDG_CONFIG_HOME nor HOME names a folder for credentials".to_owned(),
            )
        })?;
        Ok(Self { file: folder.join("keystile").join("credentials.json") })
    }

    pub fn session(&self, context: &str) -> anyhow::Result<Option<Session>> {
        Ok(self.read()?.contexts.remove(context))
    }

    pub fn contexts(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.read()?.contexts.into_keys().collect())
    }

    pub fn keep(&self, context: &str, session: Session) -> anyhow::Result<()> {
        let mut contents = self.read()?;
        contents.contexts.insert(context.to_owned(), session);
        self.write(&contents)
    }

    pub fn forget(&self, context: &str) -> anyhow::Result<()> {
        let mut contents = self.read()?;
        contents.contexts.remove(context);
        self.write(&contents)
    }

    fn read(&self) -> anyhow::Result<Contents> {
        let file = self.file.display();
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Contents::default());
            }
            Err(error) => return Err(error).with_context(|| format!("{file} cannot be read")),
        };
        let mode = fs::metadata(&self.file)?.permissions().mode();
        if mode & OTHERS != 0 {
            bail!("{file} is open to others, and so may be the sessions in it: `chmod 600` it");
        }
        // The parser's own words could quote a token.
        serde_json::from_str(&text).map_err(|error| {
            anyhow::anyhow!("{file}: line {} is damaged: delete it and sign in again", error.line())
        })
    }

    /// Never a moment with half a file, or with one that others can read.
    fn write(&self, contents: &Contents) -> anyhow::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let what = || format!("{} cannot be written", self.file.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(what)?;
        let text = Zeroizing::new(serde_json::to_string_pretty(contents)?);
        let fresh = folder.join(format!(".credentials.{}", std::process::id()));
        let written = replace(&self.file, &fresh, text.as_bytes());
        if written.is_err() {
            // The error that matters is the one before.
            drop(fs::remove_file(&fresh));
        }
        written.with_context(what)
    }
}

fn replace(file: &Path, fresh: &Path, text: &[u8]) -> std::io::Result<()> {
    // One that a killed process left would keep the mode it has.
    match fs::remove_file(fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(fresh)?;
    out.write_all(text)?;
    out.sync_all()?;
    fs::rename(fresh, file)
}
