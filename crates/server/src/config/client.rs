//! What the environment tells the commands that call a running gateway: where it is, and as whom. Not the gateway's own
//! settings, which these commands never read.

use std::path::{Path, PathBuf};

use super::{ConfigError, Hidden, bad, secret};

/// Names that are no settings of the gateway, though they look like ones.
pub const NAMES: [&str; 7] = [
    "KEYSTILE_CONTEXT",
    "KEYSTILE_KEY",
    "KEYSTILE_KEY_FILE",
    "KEYSTILE_TOKEN",
    "KEYSTILE_TOKEN_FILE",
    "KEYSTILE_URL",
    "KEYSTILE_WORKSPACE",
];

pub struct ClientEnvironment {
    pub context: Option<String>,
    /// What applications are to send, not the commands themselves.
    pub key: Option<Hidden>,
    pub token: Option<Hidden>,
    pub url: Option<String>,
    pub workspace: Option<String>,
    /// Where this person's programs keep what they are told.
    pub config_folder: Option<PathBuf>,
}

impl ClientEnvironment {
    pub fn read() -> Result<Self, ConfigError> {
        let key_file = non_empty("KEYSTILE_KEY_FILE")?.map(PathBuf::from);
        let token_file = non_empty("KEYSTILE_TOKEN_FILE")?.map(PathBuf::from);
        Ok(Self {
            context: non_empty("KEYSTILE_CONTEXT")?,
            key: secret("KEYSTILE_KEY", variable("KEYSTILE_KEY")?, key_file)?,
            token: secret("KEYSTILE_TOKEN", variable("KEYSTILE_TOKEN")?, token_file)?,
            url: non_empty("KEYSTILE_URL")?,
            workspace: non_empty("KEYSTILE_WORKSPACE")?,
            config_folder: config_folder()?,
        })
    }
}

/// As other programs of this person find theirs. A relative path says nothing, as it would mean another folder each time.
fn config_folder() -> Result<Option<PathBuf>, ConfigError> {
    let absolute = |text: Option<String>| text.map(PathBuf::from).filter(|path| path.is_absolute());
    let named = absolute(variable("XDG_CONFIG_HOME")?);
    let home = absolute(variable("HOME")?);
    Ok(named.or_else(|| home.map(|home| Path::join(&home, ".config"))))
}

/// Of variables that hold other programs' secrets, those that are set.
pub fn foreign<'a>(names: &[&'a str]) -> Result<Vec<(&'a str, Hidden)>, ConfigError> {
    let mut found = Vec::new();
    for name in names {
        if let Some(value) = variable(name)?.filter(|value| !value.trim().is_empty()) {
            found.push((*name, Hidden::new(value)));
        }
    }
    Ok(found)
}

/// One that was meant to be set must not silently mean another gateway, or another person.
fn non_empty(name: &str) -> Result<Option<String>, ConfigError> {
    match variable(name)? {
        Some(text) if text.trim().is_empty() => {
            Err(bad(name, "is empty: give it a value or unset it"))
        }
        text => Ok(text),
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read in this module")]
fn variable(name: &str) -> Result<Option<String>, ConfigError> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    value.into_string().map(Some).map_err(|_| bad(name, "is not UTF-8"))
}
