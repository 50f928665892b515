//! A model as callers write it: `openai/gpt-5`, `openai.gpt-5`, or bare `gpt-5`.

use std::fmt;

use crate::{Catalogue, ProviderId};

/// A model name, its provider split off where one was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub provider: Option<ProviderId>,
    /// As the provider knows it; everything after the first separator, further slashes included.
    pub model: String,
}

impl ModelRef {
    /// Splits at the first `/`, else at the first `.`, and only if what stands before it is a known
    /// provider: `gpt-4.1` stays whole, `groq/openai/gpt-oss-120b` keeps its inner slash.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Option<Self> {
        if !Self::is_well_formed(text) {
            return None;
        }
        for separator in ['/', '.'] {
            if let Some((prefix, model)) = text.split_once(separator)
                && let Some(provider) = catalogue.provider(prefix)
            {
                let named = Self { provider: Some(provider.id.clone()), model: model.to_owned() };
                return (!model.is_empty()).then_some(named);
            }
        }
        Some(Self { provider: None, model: text.to_owned() })
    }

    /// Whether it could be a model's name at all: short and printable, so that it may be written down and shown.
    pub fn is_well_formed(text: &str) -> bool {
        !text.is_empty()
            && text.len() <= MODEL_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

const MODEL_BYTES_MAX: usize = 256;

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider {
            Some(provider) => write!(f, "{provider}/{}", self.model),
            None => f.write_str(&self.model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_and_their_traps() {
        let catalogue = Catalogue::shipped().expect("the shipped catalogue is valid");
        let parse = |text: &str| ModelRef::parse(text, &catalogue).map(|m| m.to_string());

        for (text, want) in [
            ("openai/gpt-5.4-mini", "openai/gpt-5.4-mini"),
            ("openai.gpt-5.4-mini", "openai/gpt-5.4-mini"),
            ("gpt-5.4-mini", "gpt-5.4-mini"),
            ("google.gemini-2.5-pro", "gemini/gemini-2.5-pro"),
            ("grok.grok-3-mini", "xai/grok-3-mini"),
            ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
            ("openrouter/z-ai/glm-4.7", "openrouter/z-ai/glm-4.7"),
            ("unknown/model", "unknown/model"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(want));
        }
        for bad in ["", "openai/", "gpt 5", "gpt\n5", "gpt-é"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
