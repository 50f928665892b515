//! Looks for provider keys under the names that the providers' own programs give them.

use std::path::Path;

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::dotenv;
use crate::config::foreign;

/// By convention of the providers' own programs; of two names for one provider the first goes first.
const VARIABLES: [(&str, &str); 14] = [
    ("OPENAI_API_KEY", "openai"),
    ("ANTHROPIC_API_KEY", "anthropic"),
    ("GEMINI_API_KEY", "gemini"),
    ("GOOGLE_API_KEY", "gemini"),
    ("GROQ_API_KEY", "groq"),
    ("MISTRAL_API_KEY", "mistral"),
    ("TOGETHER_API_KEY", "together"),
    ("FIREWORKS_API_KEY", "fireworks"),
    ("XAI_API_KEY", "xai"),
    ("DEEPSEEK_API_KEY", "deepseek"),
    ("OPENROUTER_API_KEY", "openrouter"),
    ("ZAI_API_KEY", "zai"),
    ("MINIMAX_API_KEY", "minimax"),
    ("MOONSHOT_API_KEY", "moonshot"),
];
const DEFAULT_FILE: &str = ".env";

/// A key that was found.
pub struct Found {
    pub variable: &'static str,
    pub provider: &'static str,
    /// The environment, or the file.
    pub from: String,
    /// `None` where the file refers to something else.
    pub value: Option<Zeroizing<String>>,
}

pub fn find(file: Option<&Path>) -> anyhow::Result<Vec<Found>> {
    let names: Vec<_> = VARIABLES.iter().map(|(name, _)| *name).collect();
    let environment = foreign(&names)?;
    let text = read(file)?;
    let shown = file.unwrap_or(Path::new(DEFAULT_FILE)).display().to_string();
    let mut found = Vec::new();
    for (variable, provider) in VARIABLES {
        let mut add = |from: &str, value| {
            found.push(Found { variable, provider, from: from.to_owned(), value });
        };
        if let Some((_, value)) = environment.iter().find(|(name, _)| *name == variable) {
            add("environment", Some(Zeroizing::new(value.reveal().trim().to_owned())));
        }
        // Of several lines for one name the last holds, as in a shell.
        let line = dotenv::assignments(&text).filter(|line| line.name == variable).last();
        if let Some(line) = line.filter(|line| line.value.as_ref().is_none_or(|v| !v.is_empty())) {
            add(&shown, line.value);
        }
    }
    Ok(found)
}

/// A named file must be there; the default one may be.
fn read(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {
            Ok(Zeroizing::default())
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}
