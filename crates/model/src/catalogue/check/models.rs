//! What a model's line must be.

use std::collections::BTreeMap;

use super::require;
use crate::ServiceTier;
use crate::catalogue::{Model, PriceRow, Provider, Source, Status};
use crate::price::{Price, Ratio, Surcharges, TierPrice};

pub fn flawless(
    provider: &Provider,
    name: &str,
    model: &Model,
    sources: &BTreeMap<char, Source>,
) -> Result<(), String> {
    takeable(provider, name, model)?;
    ending(model)?;
    let known = model.sources.chars().all(|letter| sources.contains_key(&letter));
    require(known && !model.sources.is_empty(), || "it names no source, or one not listed".into())
}

/// The same of a row of the operator's.
pub fn priced(
    provider: &Provider,
    name: &str,
    model: &Model,
    row: &PriceRow,
) -> Result<(), String> {
    takeable(provider, name, model)?;
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    let named = !row.source.is_empty() && row.source.chars().all(plain);
    require(named, || "it names no source, or one that cannot be typed".into())
}

fn takeable(provider: &Provider, name: &str, model: &Model) -> Result<(), String> {
    let usable = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    require(usable, || "the name could not be typed".into())?;
    operations(provider, model)?;
    sizes(model)?;
    model.price.iter().try_for_each(|it| price(it))
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

pub fn price(price: &Price) -> Result<(), String> {
    thresholds(price)?;
    let tiers_long = price.tiers.values().any(|tier| tier.long_rates.is_some());
    require(price.long.is_some() || !tiers_long, || "a tier has a long price, and it none".into())?;
    price.tiers.iter().try_for_each(|(tier, cheap)| cheaper(*tier, cheap, price))?;
    let Some(next) = &price.next else { return Ok(()) };
    let later = next.price.next.as_ref().is_none_or(|after| after.from > next.from);
    require(later, || "its next prices are not in their order".into())?;
    self::price(&next.price)
}

/// Who waits does not pay for it. The worst that a call can cost counts on that.
fn cheaper(tier: ServiceTier, its: &TierPrice, price: &Price) -> Result<(), String> {
    let (its, usual) = (&its.rates, &price.rates);
    let dearer = its.dearest_input() > usual.dearest_input() || its.output > usual.output;
    let patient = matches!(tier, ServiceTier::Batch | ServiceTier::Flex);
    require(!patient || !dearer, || format!("its {tier} tier is dearer than it"))
}

fn thresholds(price: &Price) -> Result<(), String> {
    let Some(long) = &price.long else { return Ok(()) };
    require((LONG_MIN..=LONG_MAX).contains(&long.above), || {
        format!("{} is no threshold of a long input", long.above)
    })?;
    let (base, long) = (&price.rates, &long.rates);
    let dearer = long.input > base.input && long.output > base.output;
    require(dearer, || "its long price is not above its price".into())
}

pub fn surcharges(surcharges: &Surcharges) -> Result<(), String> {
    let more = |ratio: &Ratio| ratio.over > 0 && ratio.times > ratio.over && ratio.times <= MANY;
    require(surcharges.all().iter().all(more), || "a surcharge makes nothing dearer".into())?;
    require(!surcharges.source.is_empty(), || "a surcharge has no source".into())?;
    let mut hours = surcharges.peak.iter().flat_map(|peak| &peak.hours);
    let in_a_day = |[from, to]: &[u8; 2]| from < to && *to <= 24;
    require(hours.all(in_a_day), || "its peak hours are none".into())
}

pub fn picture(tokens: u64) -> Result<(), String> {
    require(tokens > 0, || "a picture is no token; leave it out".into())
}

/// A surcharge of more than that is a mistake.
const MANY: u32 = 1_000;

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
