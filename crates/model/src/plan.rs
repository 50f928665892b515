//! What a workspace may have of the operator: keys of its own, and which models the operator's keys serve it. Knows no
//! workspace.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How dear a model is. Dearer is greater.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ModelTier {
    Economical,
    Premium,
    Flagship,
}

impl ModelTier {
    pub const ALL: [Self; 3] = [Self::Economical, Self::Premium, Self::Flagship];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Economical => "economical",
            Self::Flagship => "flagship",
            Self::Premium => "premium",
        }
    }
}

impl fmt::Display for ModelTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no tier of models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a model's tier is economical, premium or flagship")]
pub struct UnknownModelTier;

impl FromStr for ModelTier {
    type Err = UnknownModelTier;

    fn from_str(text: &str) -> Result<Self, UnknownModelTier> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or(UnknownModelTier)
    }
}

/// One's own keys need none of the rest: what they open and how much is between their owner and the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    pub name: String,
    /// Whether provider keys of one's own may be registered and used.
    pub byok: bool,
    /// The models that the operator's keys serve.
    pub pool_tiers: Vec<ModelTier>,
    /// For calls that the operator's keys pay; absent: without end.
    pub pool_tokens_per_month: Option<u64>,
}

impl Plan {
    pub fn serves(&self, tier: ModelTier) -> bool {
        self.pool_tiers.contains(&tier)
    }
}

/// Every plan there is. Invariant: the default is one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plans {
    plans: BTreeMap<String, Plan>,
    default: String,
}

/// A default plan that is not among the plans.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no plan of that name; plans are {0}")]
pub struct UnknownPlan(pub String);

const SELF_HOSTED: &str = "self_hosted";
const NAME_BYTES_MAX: usize = 32;

impl Plans {
    /// What comes with the binary. Everything is allowed until an operator decides otherwise.
    pub fn shipped() -> Self {
        use ModelTier::{Economical, Premium};
        let plan = |name: &str, byok, pool_tiers: &[ModelTier]| {
            let (name, pool_tiers) = (name.to_owned(), pool_tiers.to_vec());
            (name.clone(), Plan { name, byok, pool_tiers, pool_tokens_per_month: None })
        };
        let plans = [
            plan("starter", false, &[Economical]),
            plan("core", true, &[Economical, Premium]),
            plan("pro", true, &ModelTier::ALL),
            plan("business", true, &ModelTier::ALL),
            plan(SELF_HOSTED, true, &ModelTier::ALL),
        ];
        Self { plans: plans.into(), default: SELF_HOSTED.to_owned() }
    }

    /// Adds a plan, or puts it in the place of the one with its name.
    pub fn insert(&mut self, plan: Plan) {
        self.plans.insert(plan.name.clone(), plan);
    }

    pub fn set_default(&mut self, name: &str) -> Result<(), UnknownPlan> {
        if self.plans.contains_key(name) {
            name.clone_into(&mut self.default);
            return Ok(());
        }
        Err(UnknownPlan(self.names()))
    }

    /// `None` for a name that was once a plan's and is none any more: it allows nothing.
    pub fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.get(name)
    }

    /// The name of the plan that new workspaces get.
    pub fn default_name(&self) -> &str {
        &self.default
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.plans.values()
    }

    pub fn names(&self) -> String {
        let names: Vec<_> = self.plans.keys().map(String::as_str).collect();
        names.join(", ")
    }

    /// Whether a plan may be called this: it appears in messages and in the configuration's tables.
    pub fn is_name(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_plans_say_what_the_product_promises() {
        let plans = Plans::shipped();
        let says = |name: &str| {
            let plan = plans.plan(name).expect(name);
            let tiers: Vec<_> = plan.pool_tiers.iter().map(|tier| tier.as_str()).collect();
            (plan.byok, tiers.join(" "))
        };

        assert_eq!(says("starter"), (false, "economical".to_owned()));
        assert_eq!(says("core"), (true, "economical premium".to_owned()));
        for name in ["pro", "business", "self_hosted"] {
            assert_eq!(says(name), (true, "economical premium flagship".to_owned()), "{name}");
        }
        assert_eq!(plans.default_name(), "self_hosted");
    }

    #[test]
    fn the_default_is_always_a_plan() {
        let mut plans = Plans::shipped();

        assert!(plans.set_default("gold").is_err_and(|error| error.0.contains("starter")));
        assert_eq!(plans.default_name(), "self_hosted");
        let gold = Plan {
            name: "gold".to_owned(),
            byok: true,
            pool_tiers: Vec::new(),
            pool_tokens_per_month: None,
        };
        plans.insert(gold.clone());
        assert_eq!(plans.set_default("gold"), Ok(()));
        assert_eq!(plans.plan(plans.default_name()), Some(&gold));
        assert!(!gold.serves(ModelTier::Economical));
    }

    #[test]
    fn a_tier_survives_its_text_and_its_json() {
        for tier in ModelTier::ALL {
            assert_eq!(tier.to_string().parse(), Ok(tier));
            let json = serde_json::to_string(&tier).expect("text");
            assert_eq!(json, format!("\"{tier}\""));
        }
        assert!(ModelTier::Economical < ModelTier::Premium);
        assert!(ModelTier::Premium < ModelTier::Flagship);
        assert!("dear".parse::<ModelTier>().is_err());
    }

    #[test]
    fn names_are_plain() {
        for (text, is_name) in [
            ("self_hosted", true),
            ("gold_2", true),
            ("", false),
            ("gold-2", false),
            ("Gold", false),
            ("a b", false),
            ("a.b", false),
            ("a234567890123456789012345678901234567890", false),
        ] {
            assert_eq!(Plans::is_name(text), is_name, "{text}");
        }
    }
}
