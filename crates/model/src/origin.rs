//! Where a key may be sent: base URLs, parsed once by the WHATWG rules, and the origins inside them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// Scheme, host and port: what a provider key is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `path` with its leading slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// What is sealed for our own use goes to no host at all.
    pub fn nowhere() -> Self {
        Self(String::new())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `https://host[:port][/path]`, canonical: no user, no query, no fragment, no trailing slash. Octal, hexadecimal
/// and short IPv4 hosts have become dotted quads here, so that later readers cannot disagree about them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    text: String,
    origin: Origin,
    host: String,
    port: u16,
    https: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    #[error("a base URL has no query and no fragment")]
    Extra,
    #[error("a base URL names a host")]
    NoHost,
    #[error("not a URL: {0}")]
    Parse(String),
    #[error("a base URL starts with https:// or http://")]
    Scheme,
    #[error("a base URL carries no user name or password")]
    User,
}

impl BaseUrl {
    pub fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text.trim()).map_err(|e| InvalidBaseUrl::Parse(e.to_string()))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(InvalidBaseUrl::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidBaseUrl::User);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::Extra);
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(InvalidBaseUrl::NoHost);
        };
        let origin = Origin(format!("{}://{host}:{port}", url.scheme()));
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { text, origin, host: host.to_owned(), port, https })
    }

    /// The URL of `path` (which starts with a slash) below this base.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// As in the URL: IPv6 addresses keep their brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    pub const fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for BaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

crate::schema::written_as_text!(BaseUrl, "An http or https URL", None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_parser_makes_every_spelling_of_a_host_the_same() {
        for text in [
            "http://127.0.0.1:80/v1/",
            "http://0x7f.1/v1",
            "http://2130706433/v1",
            "http://017700000001/v1",
            "http://127。0。0。1/v1",
        ] {
            let url = BaseUrl::parse(text).expect(text);

            assert_eq!(url.as_str(), "http://127.0.0.1/v1", "{text}");
            assert_eq!(url.origin().as_str(), "http://127.0.0.1:80");
        }
    }

    #[test]
    fn what_could_smuggle_something_is_refused() {
        for text in [
            "ftp://host/",
            "https://user@host/",
            "https://host/?a=1",
            "https://host/#x",
            "file:///etc/passwd",
            "host/v1",
            "https://[fe80::1%25eth0]/",
            "",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn joining_keeps_the_path() {
        let url = BaseUrl::parse("https://api.groq.com/openai/v1/").expect("valid");

        assert_eq!(url.join("/models"), "https://api.groq.com/openai/v1/models");
    }
}
