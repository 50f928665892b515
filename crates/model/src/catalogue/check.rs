//! What a provider's table must be before anything relies on it. Says what is wrong; mends nothing.

use std::collections::BTreeSet;

use super::limits::{ALL_MODELS, RateWindow};
use super::provider::Provider;
use crate::{BaseUrl, Tier};

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
    require(https, || "key_url does not start with https://".into())
}

fn calls(provider: &Provider) -> Result<(), String> {
    let https = provider.base_url.as_ref().is_none_or(BaseUrl::is_https);
    require(https, || "base_url is not https".into())?;
    for path in provider.chat.iter().chain([&provider.probe.path]) {
        let usable = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        require(usable, || format!("\"{path}\" is no path below the base URL"))?;
    }
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
    Ok(())
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
mod tests {
    use crate::catalogue::{Catalogue, CatalogueError};

    const SOUND: &str = r#"
[[provider]]
id = "acme"
name = "Acme"
base_url = "https://api.acme.example/v1"
auth = "bearer"
chat = "/chat/completions"
probe = { path = "/models", invalid_if_true = ["data.blocked"] }
headers = { x-version = "1" }
no_credit_status = [412]
key_url = "https://acme.example/keys"
data_policy = "no_training"
windows = [{ counts = "tokens", per = "minute", limit = "x-limit", remaining = "x-left", reset = { header = "x-reset", as = "unix" } }]
families = [{ name = "small", models = ["s-*"] }]
tiers = [{ name = "free", limits = { small = { tpm = 5 } } }, { name = "tier-1", limits = { all = { tpm = 6 } } }]
tier_sign = { counts = "tokens", per = "minute" }
source = "-"
"#;

    #[test]
    fn a_sound_table_is_taken() {
        let catalogue = Catalogue::parse(SOUND, "").expect("sound");

        assert!(catalogue.provider("ACME").is_some());
    }

    #[test]
    fn bad_data_is_refused_with_the_provider_and_the_reason() {
        for (sound, bad, reason) in [
            ("id = \"acme\"", "id = \"Acme Inc\"", "the id has more"),
            ("name = \"Acme\"", "name = \"A/B\"", "no name that could be typed"),
            ("name = \"Acme\"", "name = \"Acme\"\naliases = [\"\"]", "no name that could be typed"),
            ("https://api", "http://api", "base_url is not https"),
            ("\"/chat/completions\"", "\"chat/completions\"", "no path below the base URL"),
            ("\"/models\"", "\"/mod els\"", "no path below the base URL"),
            ("\"data.blocked\"", "\"data..blocked\"", "no path to a field"),
            ("x-version = \"1\"", "X-Version = \"1\"", "is no header"),
            ("x-version = \"1\"", "x-version = \"1\\r\\nx: y\"", "is no header"),
            ("[412]", "[200]", "no status of an error"),
            ("https://acme.example/keys", "javascript:alert(1)", "key_url does not start"),
            ("\"x-left\"", "\"X Left\"", "no header in lower case"),
            ("limit = \"x-limit\", remaining = \"x-left\", ", "", "names neither the header"),
            ("limit = \"x-limit\", ", "", "no window has the limit"),
            ("limit = \"x-limit\", ", "steady = true, ", "a steady window names"),
            ("name = \"small\"", "name = \"all\"", "listed twice or taken"),
            ("[\"s-*\"]", "[]", "lists no model"),
            ("limits = { small", "limits = { smal", "is no family"),
            ("tpm = 5", "tpm = 0", "or one of zero"),
            ("{ tpm = 5 }", "{}", "has no limit"),
            ("\"tier-1\"", "\"free\"", "listed twice or taken"),
            ("\"tier-1\"", "\"enterprise\"", "listed twice or taken"),
            ("name = \"free\"", "name = \"free\", floor = 1", "all tiers have one or none"),
            ("sign = { counts = \"tokens\"", "sign = { counts = \"requests\"", "no window has"),
        ] {
            assert!(SOUND.contains(sound), "{sound}");
            let flawed = SOUND.replace(sound, bad);

            let error = Catalogue::parse(&flawed, "").expect_err(bad);

            assert!(matches!(error, CatalogueError::Flawed { .. }), "{bad}: {error}");
            let message = error.to_string();
            assert!(message.contains(reason) && message.contains("cme"), "{bad}: {message}");
        }
    }

    #[test]
    fn a_sign_without_an_answer_and_floors_without_a_sign_are_refused() {
        let nothing = SOUND.replace("tpm = 5", "rpm = 5").replace("tpm = 6", "rpm = 6");
        let unsigned = SOUND
            .replace("tier_sign = { counts = \"tokens\", per = \"minute\" }\n", "")
            .replace("name = \"free\"", "name = \"free\", floor = 1")
            .replace("name = \"tier-1\"", "name = \"tier-1\", floor = 2");
        let falling = SOUND
            .replace("name = \"free\"", "name = \"free\", floor = 2")
            .replace("name = \"tier-1\"", "name = \"tier-1\", floor = 2");

        for (flawed, reason) in [
            (nothing, "no tier has the limit"),
            (unsigned, "there is no tier_sign"),
            (falling, "floors must rise"),
        ] {
            let error = Catalogue::parse(&flawed, "").expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_the_types_do_not_know_is_refused_where_it_stands() {
        for (sound, bad) in [
            ("as = \"unix\"", "as = \"sometime\""),
            ("counts = \"tokens\"", "counts = \"words\""),
            ("\"no_training\"", "\"some\""),
            ("data_policy = \"no_training\"\n", ""),
            ("\"tier-1\"", "\"Tier 1\""),
            ("tpm = 5", "tpn = 5"),
            ("tpm = 5", "tpm = -5"),
            ("source", "sauce"),
        ] {
            let error = Catalogue::parse(&SOUND.replace(sound, bad), "").expect_err(bad);

            assert!(matches!(error, CatalogueError::Parse(_)), "{bad}: {error}");
        }
    }
}
