//! What an import would change, and the rows it would write. Reads and writes no file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::catalogue::{PriceRow, PriceRows};
use model::price::Price;
use model::{Catalogue, ProviderId, Timestamp};

use super::told::{Line, Told};

pub struct Diff {
    pub changes: Vec<Change>,
    /// Models whose price is what it was.
    pub same: usize,
    rows: Vec<(ProviderId, String, PriceRow)>,
}

pub struct Change {
    pub action: Action,
    /// As `provider/model`.
    pub model: String,
    pub what: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Added,
    Changed,
    /// No longer told, and left as it is.
    Gone,
    /// A person's own word, and left as it is.
    Kept,
    /// Told, and not believed.
    Refused,
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Kept => "kept",
            Self::Refused => "refused",
        }
    }
}

impl Diff {
    pub fn of(
        told: &Told,
        catalogue: &Catalogue,
        rows: &PriceRows,
        at: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut diff = Self { changes: Vec::new(), same: 0, rows: Vec::new() };
        for line in &told.models {
            diff.take(line, told.source, catalogue, rows, at)?;
        }
        diff.miss(told, catalogue, rows);
        diff.changes
            .sort_by(|one, other| (one.action, &one.model).cmp(&(other.action, &other.model)));
        Ok(diff)
    }

    pub fn writes(&self) -> bool {
        !self.rows.is_empty()
    }

    /// With all rows that were there.
    pub fn written(self, mut rows: PriceRows) -> PriceRows {
        for (provider, model, row) in self.rows {
            rows.models.entry(provider.to_string()).or_default().insert(model, row);
        }
        rows
    }

    fn take(
        &mut self,
        line: &Line,
        source: &str,
        catalogue: &Catalogue,
        rows: &PriceRows,
        at: Timestamp,
    ) -> anyhow::Result<()> {
        let Some(provider) = catalogue.provider(line.provider) else { return Ok(()) };
        let name = format!("{}/{}", provider.id, line.model);
        let price = match &line.price {
            Ok(price) => price.clone(),
            Err(reason) => {
                self.say(Action::Refused, name, vec![reason.clone()]);
                return Ok(());
            }
        };
        let known = catalogue.tariff(&provider.id, &line.model, at);
        let price = match &known {
            Some(known) => known.price().updated(price),
            None => price,
        };
        if known.as_ref().is_some_and(|known| *known.price() == price) {
            self.same += 1;
            return Ok(());
        }
        let what = changed(known.as_ref().map(|known| known.price()), &price);
        let own = row_of(rows, catalogue, &provider.id, &line.model);
        if own.is_some_and(|row| !SOURCES.contains(&row.source.as_str())) {
            self.say(Action::Kept, name, what);
            return Ok(());
        }
        let is_known = catalogue.model(&provider.id, &line.model).is_some();
        let row = PriceRow {
            kind: Some(line.kind).filter(|_| !is_known),
            context: line.context.filter(|_| !is_known),
            output: line.output.filter(|_| !is_known),
            price: Arc::new(price),
            source: source.to_owned(),
            as_of: today(at)?,
        };
        if let Err(error) = catalogue.priced(provider.id.as_str(), &line.model, &row) {
            self.say(Action::Refused, name, vec![error.to_string()]);
            return Ok(());
        }
        self.say(if is_known { Action::Changed } else { Action::Added }, name, what);
        self.rows.push((provider.id.clone(), line.model.clone(), row));
        Ok(())
    }

    /// Models that this very catalogue told of before.
    fn miss(&mut self, told: &Told, catalogue: &Catalogue, rows: &PriceRows) {
        let of_provider = |line: &Line| Some(&catalogue.provider(line.provider)?.id);
        let told_of: BTreeSet<_> = told
            .models
            .iter()
            .filter_map(|line| Some((of_provider(line)?, line.model.as_str())))
            .collect();
        let providers: BTreeSet<_> = told_of.iter().map(|(provider, _)| *provider).collect();
        for provider in providers {
            for (name, model) in catalogue.models(provider) {
                let row = row_of(rows, catalogue, provider, name);
                let was_told = row.map_or_else(
                    || catalogue.sources(model).any(|it| it.name.starts_with(told.source)),
                    |row| row.source == told.source,
                );
                if was_told && !told_of.contains(&(provider, name)) {
                    self.say(Action::Gone, format!("{provider}/{name}"), Vec::new());
                }
            }
        }
    }

    fn say(&mut self, action: Action, model: String, what: Vec<String>) {
        self.changes.push(Change { action, model, what });
    }
}

/// The rows that an import may write anew.
pub const SOURCES: [&str; 3] = ["LiteLLM", "genai-prices", "models.dev"];

/// A row may name its provider by any of its names.
fn row_of<'r>(
    rows: &'r PriceRows,
    catalogue: &Catalogue,
    provider: &ProviderId,
    model: &str,
) -> Option<&'r PriceRow> {
    let of_provider =
        |name: &String| catalogue.provider(name).is_some_and(|known| known.id == *provider);
    rows.models.iter().filter(|(name, _)| of_provider(name)).find_map(|(_, rows)| rows.get(model))
}

/// Part by part, `input 2 -> 3`.
fn changed(old: Option<&Price>, new: &Price) -> Vec<String> {
    let old: BTreeMap<_, _> = old.into_iter().flat_map(Price::parts).collect();
    let parts = new.parts();
    let gone = old.iter().filter(|(name, _)| !parts.iter().any(|(part, _)| part == *name));
    let gone: Vec<_> = gone.map(|(name, usd)| format!("{name} {usd} -> none")).collect();
    let told = parts.iter().filter_map(|(name, usd)| match old.get(name) {
        Some(old) if old == usd => None,
        Some(old) => Some(format!("{name} {old} -> {usd}")),
        None => Some(format!("{name} {usd}")),
    });
    told.chain(gone).collect()
}

/// In UTC, as everywhere.
fn today(at: Timestamp) -> anyhow::Result<toml::value::Date> {
    let text = at.to_string();
    let day = text.split('T').next().unwrap_or_default();
    let day: toml::value::Datetime = day.parse()?;
    day.date.ok_or_else(|| anyhow::anyhow!("the clock shows no date"))
}
