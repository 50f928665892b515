//! A model as its provider's price list and three public catalogues describe it.

use std::sync::Arc;

use serde::Deserialize;
use toml::value::Date;

use super::Traits;
use crate::price::{Price, TokenPrice};
use crate::{ModelKind, ModelTier, Operation};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub kind: ModelKind,
    #[serde(default)]
    pub context: Option<u64>,
    #[serde(default)]
    pub output: Option<u64>,
    /// The operations it answers, where those are not all of its kind.
    #[serde(default)]
    pub only: Vec<Operation>,
    #[serde(default)]
    pub traits: Traits,
    /// Where its price does not say it.
    #[serde(default)]
    tier: Option<ModelTier>,
    /// Absent where it is unknown, which is not free.
    #[serde(default)]
    pub price: Option<Arc<Price>>,
    /// Where the operator's word on the price stands before the catalogue's.
    #[serde(skip)]
    pub(super) priced_by: Option<Arc<str>>,
    #[serde(default)]
    pub status: Status,
    /// The day it stops, or stopped, answering.
    #[serde(default)]
    pub ends: Option<Date>,
    /// The letters of the sources.
    pub(super) sources: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Current,
    Deprecated,
    /// Whether it still answers.
    Disputed,
    Retired,
    ShutdownAnnounced,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Deprecated => "deprecated",
            Self::Disputed => "disputed",
            Self::Retired => "retired",
            Self::ShutdownAnnounced => "shutdown_announced",
        }
    }
}

/// Where models were read of, and what day its facts are of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub name: String,
    pub as_of: Date,
}

/// Output for less is economical.
const PREMIUM: TokenPrice = TokenPrice(2_000_000);
/// Output for less is premium.
const FLAGSHIP: TokenPrice = TokenPrice(15_000_000);

impl Model {
    /// Of which nothing is known, not even that it is to be had.
    pub(super) fn unknown(kind: Option<ModelKind>) -> Self {
        Self {
            kind: kind.unwrap_or(ModelKind::Chat),
            context: None,
            output: None,
            only: Vec::new(),
            traits: Traits::default(),
            tier: None,
            price: None,
            priced_by: None,
            status: Status::Current,
            ends: None,
            sources: String::new(),
        }
    }

    /// `None` where neither the catalogue nor a price says it.
    pub fn tier(&self) -> Option<ModelTier> {
        let by_price = |price: &Price| match price.rates.output {
            output if output < PREMIUM => ModelTier::Economical,
            output if output < FLAGSHIP => ModelTier::Premium,
            _ => ModelTier::Flagship,
        };
        self.tier.or_else(|| self.price.as_deref().map(by_price))
    }
}
