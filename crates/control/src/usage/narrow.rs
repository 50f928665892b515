//! By what sums and lists of usage are narrowed. A project's key is narrowed to its project, whatever it asks for.

use std::fmt::Display;
use std::str::FromStr;

use model::{Catalogue, GatewayKeyId, ProjectId, ProviderKeyId, Refusal};

use crate::Reader;

/// As it was written.
pub struct Narrow<'a> {
    pub gateway_key: Option<&'a str>,
    pub model: Option<&'a str>,
    pub payer: Option<&'a str>,
    pub project: Option<&'a str>,
    pub provider: Option<&'a str>,
    pub provider_key: Option<&'a str>,
}

/// As it was understood.
pub struct Narrowed {
    pub gateway_key: Option<GatewayKeyId>,
    pub model: Option<String>,
    pub payer: Option<String>,
    pub project: Option<ProjectId>,
    pub provider: Option<String>,
    pub provider_key: Option<ProviderKeyId>,
}

impl Narrow<'_> {
    pub fn read(&self, catalogue: &Catalogue, reader: &Reader) -> Result<Narrowed, Refusal> {
        let project: Option<ProjectId> = id("project", self.project)?;
        let project = match (reader.confined_to(), project) {
            (Some(own), Some(other)) if own != other => return Err(Refusal::not_found()),
            (own, project) => own.or(project),
        };
        let provider = self.provider.map(|name| {
            catalogue.provider(name).map_or_else(|| name.to_owned(), |known| known.id.to_string())
        });
        Ok(Narrowed {
            gateway_key: id("gateway_key", self.gateway_key)?,
            model: self.model.map(str::to_owned),
            payer: one_of("payer", self.payer, &["byok", "platform"])?,
            project,
            provider,
            provider_key: id("provider_key", self.provider_key)?,
        })
    }
}

fn id<Id>(param: &'static str, text: Option<&str>) -> Result<Option<Id>, Refusal>
where
    Id: FromStr<Err: Display>,
{
    let refused = |error: Id::Err| Refusal::invalid(param, format!("{param} is {error}"));
    text.map(|text| text.parse().map_err(refused)).transpose()
}

pub fn one_of(
    param: &'static str,
    text: Option<&str>,
    known: &[&str],
) -> Result<Option<String>, Refusal> {
    match text {
        Some(text) if !known.contains(&text) => {
            Err(Refusal::invalid(param, format!("{param} is one of {}", known.join(", "))))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
