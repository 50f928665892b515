//! The providers and models we know: facts read from `catalogue/*.toml`, never policy.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::BaseUrl;

/// A provider's canonical name. Only a catalogue makes one, from any of the provider's spellings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderId(Arc<str>);

impl ProviderId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    /// How the routes of a workspace spell it, where that differs from the id.
    #[serde(default)]
    pub workspace_name: Option<String>,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Absent where every key brings its own.
    #[serde(default)]
    pub base_url: Option<BaseUrl>,
    pub auth: AuthHeader,
    /// Absent where the provider does not speak OpenAI's chat completions.
    #[serde(default)]
    pub chat: Option<String>,
    #[serde(default)]
    pub include_usage: bool,
    pub probe: ProbeCall,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub invalid_key: Vec<String>,
    #[serde(default)]
    pub no_credit: Vec<String>,
    #[serde(default)]
    pub rate_limited: Vec<String>,
    #[serde(default)]
    pub key_url: Option<String>,
    /// What the provider says when a key is bad and neither code nor status does, in lower case.
    #[serde(default)]
    pub invalid_key_words: Vec<String>,
    /// Statuses that mean a bad key, beside 401.
    #[serde(default)]
    pub invalid_key_status: Vec<u16>,
    /// Statuses that mean the request itself is not wanted, whatever the key.
    #[serde(default)]
    pub bad_request_status: Vec<u16>,
    /// Statuses that mean the same as a listed `no_credit` code.
    #[serde(default)]
    pub no_credit_status: Vec<u16>,
    pub source: String,
}

impl Provider {
    /// As the routes of a workspace spell it.
    pub fn workspace_name(&self) -> &str {
        self.workspace_name.as_deref().unwrap_or(self.id.as_str())
    }

    fn answers_to(&self, name: &str) -> bool {
        self.id.as_str() == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// The header a key travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthHeader {
    Bearer,
    XApiKey,
    XGoogApiKey,
}

/// The cheapest call that tells a good key from a bad one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeCall {
    pub path: String,
    /// Where the probe's header differs from the calls'.
    #[serde(default)]
    pub auth: Option<AuthHeader>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    Audio,
    Chat,
    Embedding,
    Image,
    Moderation,
    Rerank,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub kind: ModelKind,
    #[serde(default)]
    pub context: Option<u64>,
    #[serde(default)]
    pub output: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("two providers are called \"{0}\"")]
    DuplicateName(String),
    #[error("the catalogue does not parse: {0}")]
    Parse(#[from] toml::de::Error),
    #[error("models are listed for \"{0}\", which is no provider")]
    UnknownProvider(String),
}

/// Providers in the order of the file, and the models of each.
#[derive(Clone, Debug)]
pub struct Catalogue {
    providers: Vec<Provider>,
    models: BTreeMap<ProviderId, BTreeMap<String, Model>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvidersFile {
    provider: Vec<Provider>,
}

impl Catalogue {
    /// What comes with the binary.
    pub fn shipped() -> Result<Self, CatalogueError> {
        Self::parse(
            include_str!("../../../catalogue/providers.toml"),
            include_str!("../../../catalogue/models.toml"),
        )
    }

    pub fn parse(providers: &str, models: &str) -> Result<Self, CatalogueError> {
        let ProvidersFile { provider: providers } = toml::from_str(providers)?;
        let mut names = std::collections::BTreeSet::new();
        for provider in &providers {
            let own = std::iter::once(provider.id.as_str());
            for name in own.chain(provider.aliases.iter().map(String::as_str)) {
                if !names.insert(name) {
                    return Err(CatalogueError::DuplicateName(name.to_owned()));
                }
            }
        }
        let models: BTreeMap<ProviderId, BTreeMap<String, Model>> = toml::from_str(models)?;
        let stranger = models.keys().find(|id| !providers.iter().any(|p| p.id == **id));
        if let Some(stranger) = stranger {
            return Err(CatalogueError::UnknownProvider(stranger.to_string()));
        }
        Ok(Self { providers, models })
    }

    /// Sends a provider's calls elsewhere: the operator's word. `false` if there is no such provider.
    pub fn override_base_url(&mut self, name: &str, base_url: BaseUrl) -> bool {
        let Some(provider) = self.providers.iter_mut().find(|p| p.answers_to(name)) else {
            return false;
        };
        provider.base_url = Some(base_url);
        true
    }

    /// By any of its spellings.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.answers_to(name))
    }

    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    pub fn models(&self, provider: &ProviderId) -> impl Iterator<Item = (&str, &Model)> {
        self.models.get(provider).into_iter().flatten().map(|(name, model)| (name.as_str(), model))
    }

    /// The providers that list a bare model name, in the order of the file.
    pub fn providers_of(&self, model: &str) -> Vec<&Provider> {
        let lists = |provider: &&Provider| {
            self.models.get(&provider.id).is_some_and(|models| models.contains_key(model))
        };
        self.providers.iter().filter(lists).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalogue_holds_together() {
        let catalogue = Catalogue::shipped().expect("valid");

        for provider in catalogue.providers() {
            let custom = provider.id.as_str() == "custom";
            assert_eq!(provider.base_url.is_none(), custom, "{}", provider.id);
            assert!(provider.base_url.as_ref().is_none_or(BaseUrl::is_https), "{}", provider.id);
            assert!(provider.probe.path.starts_with('/'), "{}", provider.id);
            assert!(provider.chat.as_ref().is_none_or(|path| path.starts_with('/')));
        }
    }

    #[test]
    fn every_spelling_of_the_seeds_is_known() {
        let catalogue = Catalogue::shipped().expect("valid");

        for (spelling, id) in [
            ("google", "gemini"),
            ("google_ai_studio", "gemini"),
            ("grok", "xai"),
            ("together_ai", "together"),
            ("fireworks_ai", "fireworks"),
            ("z_ai", "zai"),
            ("moonshot", "moonshot"),
            ("custom", "custom"),
        ] {
            let provider = catalogue.provider(spelling).expect(spelling);
            assert_eq!(provider.id.as_str(), id);
        }
    }

    #[test]
    fn a_name_taken_twice_is_refused() {
        let table = "[[provider]]\nid = \"a\"\nname = \"A\"\nauth = \"bearer\"\nprobe = { path = \"/\" }\nsource = \"-\"\n";

        let twice = Catalogue::parse(&table.repeat(2), "");

        assert!(matches!(twice, Err(CatalogueError::DuplicateName(name)) if name == "a"));
    }

    #[test]
    fn bare_models_are_found_by_their_provider() {
        let catalogue = Catalogue::shipped().expect("valid");

        let providers = catalogue.providers_of("gpt-4o");

        assert_eq!(providers.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["openai"]);
    }
}
