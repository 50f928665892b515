//! What a model's line must be.

use std::collections::BTreeMap;

use super::require;
use crate::catalogue::{Model, Provider, Source, Status};
use crate::price::Price;

pub fn flawless(
    provider: &Provider,
    name: &str,
    model: &Model,
    sources: &BTreeMap<char, Source>,
) -> Result<(), String> {
    let usable = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    require(usable, || "the name could not be typed".into())?;
    operations(provider, model)?;
    sizes(model)?;
    model.price.iter().try_for_each(price)?;
    ending(model)?;
    let known = model.sources.chars().all(|letter| sources.contains_key(&letter));
    require(known && !model.sources.is_empty(), || "it names no source, or one not listed".into())
}

/// A model that no call reaches would be listed in vain.
fn operations(provider: &Provider, model: &Model) -> Result<(), String> {
    let foreign = model.only.iter().find(|operation| {
        operation.kind() != Some(model.kind) || !provider.speaks.contains_key(operation)
    });
    require(foreign.is_none(), || "`only` names what its kind or its provider has not".into())?;
    let reached = provider.speaks.keys().any(|operation| operation.kind() == Some(model.kind));
    require(reached, || "its provider has no operation for its kind".into())
}

fn sizes(model: &Model) -> Result<(), String> {
    let mut sizes = model.context.into_iter().chain(model.output);
    require(sizes.all(|tokens| tokens > 0), || "a size is zero; leave it out".into())
}

fn price(price: &Price) -> Result<(), String> {
    let Some(long) = &price.long else { return Ok(()) };
    require((LONG_MIN..=LONG_MAX).contains(&long.above), || {
        format!("{} is no threshold of a long input", long.above)
    })?;
    let (base, long) = (&price.rates, &long.rates);
    let dearer = long.input > base.input && long.output > base.output;
    require(dearer, || "its long price is not above its price".into())
}

const LONG_MIN: u64 = 32_000;
const LONG_MAX: u64 = 2_000_000;

fn ending(model: &Model) -> Result<(), String> {
    let dated = match model.status {
        Status::ShutdownAnnounced | Status::Retired => model.ends.is_some(),
        Status::Deprecated | Status::Disputed => true,
        Status::Current => model.ends.is_none(),
    };
    require(dated, || "its status and the day it ends do not go together".into())
}
