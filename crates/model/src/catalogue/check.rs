//! What a provider's table must be before anything relies on it. Says what is wrong; mends nothing.

pub(super) mod models;

use std::collections::BTreeSet;

use super::endpoint::Endpoint;
use super::limits::{ALL_MODELS, RateWindow, ResetForm, ResetHeader};
use super::provider::Provider;
use crate::{BaseUrl, Operation, Tier, Timestamp};

/// The first flaw, in words for whoever edits the catalogue.
pub(super) fn flawless(provider: &Provider) -> Result<(), String> {
    names(provider)?;
    calls(provider)?;
    provider.windows.iter().try_for_each(window)?;
    families(provider)?;
    tiers(provider)?;
    sign(provider)
}

fn names(provider: &Provider) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    require(provider.id.as_str().bytes().all(plain), || "the id has more than a-z and 0-9".into())?;
    for spelling in provider.spellings() {
        // A slash would end it in `provider/model`.
        let printable = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'/';
        let usable = !spelling.is_empty() && spelling.bytes().all(printable);
        require(usable, || format!("\"{spelling}\" is no name that could be typed"))?;
    }
    require(provider.key_format.as_deref() != Some(""), || "key_format is empty".into())?;
    let https = provider.key_url.as_ref().is_none_or(|url| url.starts_with("https://"));
    require(https, || "key_url does not start with https://".into())?;
    require(!provider.source.is_empty(), || "source is empty".into())
}

fn calls(provider: &Provider) -> Result<(), String> {
    let https = provider.base_url.as_ref().is_none_or(BaseUrl::is_https);
    require(https, || "base_url is not https".into())?;
    path(&provider.probe.path)?;
    provider.speaks.iter().try_for_each(|(operation, spoken)| endpoint(*operation, spoken))?;
    for (name, value) in &provider.headers {
        let usable = is_header(name) && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
        require(usable, || format!("\"{name}: {value}\" is no header, or not in lower case"))?;
    }
    let statuses = provider.invalid_key_status.iter().chain(&provider.bad_request_status);
    for status in statuses.chain(&provider.no_credit_status) {
        require((400..600).contains(status), || format!("{status} is no status of an error"))?;
    }
    for field in provider.probe.fields() {
        let usable = field.split('.').all(|step| !step.is_empty());
        require(usable, || format!("\"{field}\" is no path to a field"))?;
    }
    Ok(())
}

fn path(path: &str) -> Result<(), String> {
    let usable = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    require(usable, || format!("\"{path}\" is no path below the base URL"))
}

fn endpoint(operation: Operation, Endpoint { path, .. }: &Endpoint) -> Result<(), String> {
    self::path(path)?;
    require(operation != Operation::Passthrough, || "passthrough has no path of its own".into())?;
    let names_model = operation.names_model_in_path();
    let rest = path.replacen(MODEL, "", 1);
    require((rest != *path) == names_model, || {
        format!("{operation} {} {MODEL} in its path", if names_model { "needs" } else { "has no" })
    })?;
    // Its streaming twin is made of it.
    let ends = operation != Operation::GenerateContent || path.ends_with(":generateContent");
    require(ends, || format!("\"{path}\" does not end in :generateContent"))?;
    // The caller's own query is put behind it.
    let plain = rest.bytes().all(|byte| !b"{}?#".contains(&byte));
    require(plain, || format!("\"{path}\" has more in it than a path and {MODEL}"))
}

/// Where a path has the model's name.
const MODEL: &str = "{model}";

fn window(window: &RateWindow) -> Result<(), String> {
    require(window.limit.is_some() || window.remaining.is_some(), || {
        "a window names neither the header of its limit nor that of what remains".into()
    })?;
    require(window.limit.is_some() || !window.steady, || {
        "a steady window names the header of its limit, or nobody knows how fast it comes back"
            .into()
    })?;
    let reset = window.reset.as_ref().map(|reset| &reset.header);
    for name in window.limit.iter().chain(&window.remaining).chain(reset) {
        require(is_header(name), || format!("\"{name}\" is no header in lower case"))?;
    }
    window.reset.iter().try_for_each(example)
}

/// Roughly: whoever reads such headers holds the examples against the reader.
fn example(ResetHeader { form, example, .. }: &ResetHeader) -> Result<(), String> {
    let number =
        !example.is_empty() && example.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fits = match form {
        ResetForm::Duration => !number && example.starts_with(|c: char| c.is_ascii_digit()),
        ResetForm::Rfc3339 => example.parse::<Timestamp>().is_ok(),
        ResetForm::Seconds => number,
        ResetForm::Unix => number && example.len() >= "1774000800".len(),
    };
    require(fits, || format!("\"{example}\" is no example of what its header holds"))
}

fn families(provider: &Provider) -> Result<(), String> {
    let mut names = BTreeSet::from([ALL_MODELS]);
    for family in &provider.families {
        let name = &family.name;
        require(names.insert(name), || format!("the family \"{name}\" is listed twice or taken"))?;
        let usable = !family.models.is_empty()
            && family
                .models
                .iter()
                .all(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_graphic()));
        require(usable, || format!("the family \"{name}\" lists no model, or one without a name"))?;
    }
    for tier in &provider.tiers {
        for (family, limits) in &tier.limits {
            let of = || format!("\"{family}\" of tier \"{}\"", tier.name);
            require(names.contains(family.as_str()), || format!("{} is no family", of()))?;
            let usable = limits.figures().next().is_some() && limits.figures().all(|n| n > 0);
            require(usable, || format!("{} has no limit, or one of zero", of()))?;
        }
    }
    Ok(())
}

fn tiers(provider: &Provider) -> Result<(), String> {
    let mut names = BTreeSet::from([Tier::ENTERPRISE]);
    for tier in &provider.tiers {
        let name = tier.name.as_str();
        require(names.insert(name), || format!("the tier \"{name}\" is listed twice or taken"))?;
    }
    let floors: Vec<u64> = provider.tiers.iter().filter_map(|tier| tier.floor).collect();
    let all_or_none = floors.is_empty() || floors.len() == provider.tiers.len();
    let rising = floors.is_sorted_by(|one, next| one < next);
    require(all_or_none && rising, || {
        "floors must rise from tier to tier, and all tiers have one or none has".into()
    })
}

/// A sign that no header shows, or that no tier answers to, would silently never tell anything.
fn sign(provider: &Provider) -> Result<(), String> {
    let has_floors = provider.tiers.iter().any(|tier| tier.floor.is_some());
    let Some(sign) = provider.tier_sign else {
        return require(!has_floors, || "the tiers have floors, and there is no tier_sign".into());
    };
    let shown = provider.windows.iter().any(|window| {
        window.counts == sign.counts && window.per == sign.per && window.limit.is_some()
    });
    require(shown, || "no window has the limit that tier_sign names".into())?;
    let mut limits = provider.tiers.iter().flat_map(|tier| tier.limits.values());
    let answered = has_floors || limits.any(|limits| limits.of(sign.counts, sign.per).is_some());
    require(answered, || "no tier has the limit that tier_sign names".into())
}

fn is_header(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.bytes().all(plain)
}

fn require(holds: bool, flaw: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(flaw()) }
}

#[cfg(test)]
mod tests;
