//! What a provider may do with what is sent to it. Stricter is greater.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DataPolicy {
    #[default]
    None,
    NoTraining,
    /// Zero data retention.
    Zdr,
}

impl DataPolicy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoTraining => "no_training",
            Self::Zdr => "zdr",
        }
    }

    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for DataPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no data policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a data policy is none, no_training or zdr")]
pub struct UnknownDataPolicy;

impl FromStr for DataPolicy {
    type Err = UnknownDataPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownDataPolicy> {
        match text {
            "none" => Ok(Self::None),
            "no_training" => Ok(Self::NoTraining),
            "zdr" => Ok(Self::Zdr),
            _ => Err(UnknownDataPolicy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_wins_whoever_says_it() {
        use DataPolicy::{NoTraining, None, Zdr};
        for (one, other, strictest) in [
            (None, None, None),
            (None, NoTraining, NoTraining),
            (Zdr, NoTraining, Zdr),
            (None, Zdr, Zdr),
        ] {
            assert_eq!(DataPolicy::strictest(one, other), strictest);
            assert_eq!(DataPolicy::strictest(other, one), strictest);
        }
    }

    #[test]
    fn a_policy_survives_its_text_and_its_json() {
        for (policy, text) in [
            (DataPolicy::None, "none"),
            (DataPolicy::NoTraining, "no_training"),
            (DataPolicy::Zdr, "zdr"),
        ] {
            assert_eq!(policy.to_string(), text);
            assert_eq!(text.parse(), Ok(policy));
            let json = serde_json::to_string(&policy).expect("text");
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<DataPolicy>(&json).expect("read"), policy);
        }
        assert!("ZDR".parse::<DataPolicy>().is_err());
    }
}
