//! The plans that an operator offers: the shipped ones, changed and added to by the file.

use std::collections::BTreeMap;

use model::{ModelTier, Plan, Plans};
use serde::Deserialize;

use super::{ConfigError, bad, within};

/// What the file says of one plan; what it does not say stays as shipped.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanLayer {
    pub byok: Option<bool>,
    pub pool_tiers: Option<Vec<String>>,
    pub pool_tokens_per_month: Option<u64>,
}

pub fn plans(
    layers: BTreeMap<String, PlanLayer>,
    default: Option<&str>,
) -> Result<Plans, ConfigError> {
    let mut plans = Plans::shipped();
    for (name, layer) in layers {
        let plan = resolve(&plans, &name, layer)?;
        plans.insert(plan);
    }
    if let Some(name) = default {
        plans.set_default(name).map_err(|error| bad("default_plan", &error.to_string()))?;
    }
    Ok(plans)
}

/// A new plan says what it allows: forgetting a line must neither give everything nor take it away.
fn resolve(plans: &Plans, name: &str, layer: PlanLayer) -> Result<Plan, ConfigError> {
    if !Plans::is_name(name) {
        let reason = "has a name of other than lower-case letters, digits and _";
        return Err(bad("plans", reason));
    }
    let shipped = plans.plan(name);
    let setting = |field: &str| format!("plans.{name}.{field}");
    let missing = |field: &str| bad(&setting(field), "is missing: a new plan needs it");
    let pool_tiers = match layer.pool_tiers {
        Some(texts) => Some(tiers(&setting("pool_tiers"), &texts)?),
        None => shipped.map(|plan| plan.pool_tiers.clone()),
    };
    let tokens = layer.pool_tokens_per_month;
    let tokens = tokens.or_else(|| shipped.and_then(|plan| plan.pool_tokens_per_month));
    if let Some(tokens) = tokens {
        within(&setting("pool_tokens_per_month"), tokens, 0..=TOKENS_MAX)?;
    }
    Ok(Plan {
        name: name.to_owned(),
        byok: layer
            .byok
            .or_else(|| shipped.map(|plan| plan.byok))
            .ok_or_else(|| missing("byok"))?,
        pool_tiers: pool_tiers.ok_or_else(|| missing("pool_tiers"))?,
        pool_tokens_per_month: tokens,
    })
}

/// In order, each once.
fn tiers(setting: &str, texts: &[String]) -> Result<Vec<ModelTier>, ConfigError> {
    let read: Result<Vec<ModelTier>, _> = texts.iter().map(|text| text.parse()).collect();
    let mut tiers = read.map_err(|_| bad(setting, "takes economical, premium and flagship"))?;
    tiers.sort_unstable();
    tiers.dedup();
    Ok(tiers)
}

/// What the database can count.
const TOKENS_MAX: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layer};

    fn config(text: &str) -> Result<Plans, ConfigError> {
        let layer: Layer = toml::from_str(text).expect("TOML");
        Config::resolve(layer).map(|config| config.plans)
    }

    #[test]
    fn what_is_not_said_of_a_shipped_plan_stays() {
        let plans = config("[plans.starter]\npool_tokens_per_month = 5").expect("sound");

        let starter = plans.plan("starter").expect("shipped");
        assert_eq!((starter.byok, starter.pool_tokens_per_month), (false, Some(5)));
        assert_eq!(starter.pool_tiers, [ModelTier::Economical]);
    }

    #[test]
    fn a_new_plan_is_added_and_may_be_the_default() {
        let text = "default_plan = \"gold\"\n[plans.gold]\nbyok = true\n\
                    pool_tiers = [\"flagship\", \"economical\", \"flagship\"]";
        let plans = config(text).expect("sound");

        assert_eq!(plans.default_name(), "gold");
        let gold = plans.plan("gold").expect("added");
        assert_eq!(gold.pool_tiers, [ModelTier::Economical, ModelTier::Flagship]);
        assert!(plans.plan("business").is_some(), "the shipped ones stay");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, setting) in [
            ("[plans.gold]\npool_tiers = []", "plans.gold.byok"),
            ("[plans.gold]\nbyok = true", "plans.gold.pool_tiers"),
            ("[plans.core]\npool_tiers = [\"dear\"]", "plans.core.pool_tiers"),
            ("[plans.core]\npool_tokens_per_month = 9223372036854775807", "plans.core.pool_tokens"),
            ("[plans.Gold]\nbyok = true\npool_tiers = []", "plans"),
            ("default_plan = \"gold\"", "default_plan"),
        ] {
            let error = config(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with(setting), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back_as_the_same() {
        let text = "default_plan = \"gold\"\n[plans.gold]\nbyok = false\n\
                    pool_tiers = [\"premium\"]\npool_tokens_per_month = 7";
        let config = Config::resolve(toml::from_str(text).expect("TOML")).expect("sound");

        let shown: Layer = toml::from_str(&config.to_string()).expect("TOML again");

        assert_eq!(Config::resolve(shown).expect("sound").plans, config.plans);
    }
}
