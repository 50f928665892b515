//! The operator's own word on prices: a file of rows that go over the catalogue's. Reads and writes its text; opens nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use toml::value::Date;

use super::{Catalogue, CatalogueError, Model, ProviderId, check};
use crate::ModelKind;
use crate::price::Price;

/// By provider and model, as `[models.openai]` of the catalogue's own file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceRows {
    pub models: BTreeMap<String, BTreeMap<String, PriceRow>>,
}

/// What is absent is as the catalogue has it; of a model it does not have, unknown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRow {
    #[serde(default)]
    pub kind: Option<ModelKind>,
    #[serde(default)]
    pub context: Option<u64>,
    #[serde(default)]
    pub output: Option<u64>,
    pub price: Arc<Price>,
    /// Where it was read. An import changes only what an import has written.
    pub source: String,
    pub as_of: Date,
}

impl PriceRows {
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        Ok(toml::from_str(text)?)
    }
}

impl Catalogue {
    /// Puts the operator's prices over its own.
    pub fn with_prices(mut self, rows: &PriceRows) -> Result<Self, CatalogueError> {
        for (provider, rows) in &rows.models {
            for (name, row) in rows {
                let (id, model) = self.priced(provider, name, row)?;
                self.models.entry(id).or_default().insert(name.clone(), model);
            }
        }
        Ok(self)
    }

    /// A model as a row would have it, unless the row is flawed.
    pub fn priced(
        &self,
        provider: &str,
        name: &str,
        row: &PriceRow,
    ) -> Result<(ProviderId, Model), CatalogueError> {
        let known = self.provider(provider);
        let provider = known.ok_or_else(|| CatalogueError::UnknownProvider(provider.to_owned()))?;
        let model = row.over(self.model(&provider.id, name));
        let flawless = check::models::priced(provider, name, &model, row);
        flawless.map_err(|reason| {
            let (provider, model) = (provider.id.clone(), name.to_owned());
            CatalogueError::FlawedModel { provider, model, reason }
        })?;
        Ok((provider.id.clone(), model))
    }
}

impl PriceRow {
    fn over(&self, known: Option<&Model>) -> Model {
        let mut model = known.cloned().unwrap_or_else(|| Model::unknown(self.kind));
        model.context = self.context.or(model.context);
        model.output = self.output.or(model.output);
        model.price = Some(Arc::clone(&self.price));
        model.priced_by = Some(format!("operator@{}", self.as_of).into());
        model
    }
}

/// The whole file.
impl fmt::Display for PriceRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        for (provider, rows) in &self.models {
            writeln!(f, "\n[models.{provider:?}]")?;
            for (name, row) in rows {
                writeln!(f, "{name:?} = {row}")?;
            }
        }
        Ok(())
    }
}

/// Names and sources are plain text, which is written here as it is there.
impl fmt::Display for PriceRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        if let Some(kind) = self.kind {
            write!(f, "kind = \"{}\", ", kind.as_str())?;
        }
        for (name, tokens) in [("context", self.context), ("output", self.output)] {
            if let Some(tokens) = tokens {
                write!(f, "{name} = {tokens}, ")?;
            }
        }
        write!(f, "price = {}, source = {:?}, as_of = {} }}", self.price, self.source, self.as_of)
    }
}

const HEAD: &str = "# Prices that go over those of the catalogue, in the same shape: USD for a million tokens.
# `keystile models import FILE --apply` writes here. It leaves a row with any other source than its own as it is.
";

#[cfg(test)]
mod tests;
