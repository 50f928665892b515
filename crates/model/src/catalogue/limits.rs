//! Rate limits as providers publish them: by tier and family of models, and in which headers. Reads no header itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Tier;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    InputTokens,
    OutputTokens,
    Requests,
    Tokens,
}

/// How often a limit starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    Second,
    Minute,
    Day,
}

impl Per {
    pub const fn duration(self) -> Duration {
        match self {
            Self::Second => Duration::from_secs(1),
            Self::Minute => Duration::from_secs(60),
            Self::Day => Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The headers that tell of one limit. Their names are in lower case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateWindow {
    pub counts: Counts,
    pub per: Per,
    #[serde(default)]
    pub limit: Option<String>,
    #[serde(default)]
    pub remaining: Option<String>,
    #[serde(default)]
    pub reset: Option<ResetHeader>,
    /// Whether it comes back unit by unit and not all at once: the reset is when all of it is back.
    #[serde(default)]
    pub steady: bool,
}

/// The header that says when there is a full measure again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetHeader {
    pub header: String,
    #[serde(rename = "as")]
    pub form: ResetForm,
    /// As the provider sends it. A point in time is within the minute after 2026-03-20T10:00:00Z.
    pub example: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResetForm {
    /// As Go writes it: `6m0s`, `2m52.8s`, `17ms`.
    Duration,
    /// A point in time.
    Rfc3339,
    /// From now, whole or fractional.
    Seconds,
    /// A point in time, in seconds or milliseconds since 1970.
    Unix,
}

/// Models that share their limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFamily {
    pub name: String,
    /// Names in which `*` stands for any text.
    pub models: Vec<String>,
}

impl ModelFamily {
    pub fn has(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| matches(pattern, model))
    }
}

/// What a tier may do. An absent figure is not published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TierLimits {
    /// Requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Requests a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpd: Option<u64>,
    /// Tokens a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Tokens a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpd: Option<u64>,
    /// Input tokens a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itpm: Option<u64>,
    /// Output tokens a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otpm: Option<u64>,
}

impl TierLimits {
    pub const fn of(&self, counts: Counts, per: Per) -> Option<u64> {
        match (counts, per) {
            (Counts::Requests, Per::Minute) => self.rpm,
            (Counts::Requests, Per::Day) => self.rpd,
            (Counts::Tokens, Per::Minute) => self.tpm,
            (Counts::Tokens, Per::Day) => self.tpd,
            (Counts::InputTokens, Per::Minute) => self.itpm,
            (Counts::OutputTokens, Per::Minute) => self.otpm,
            _ => None,
        }
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = u64> {
        [self.rpm, self.rpd, self.tpm, self.tpd, self.itpm, self.otpm].into_iter().flatten()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderTier {
    pub name: Tier,
    /// By family of models, or under `all`.
    #[serde(default)]
    pub limits: BTreeMap<String, TierLimits>,
    /// The least that the limit in a header is in this tier, where that tells it.
    #[serde(default)]
    pub floor: Option<u64>,
}

/// The family of every model that is in no other.
pub const ALL_MODELS: &str = "all";

impl ProviderTier {
    pub(super) fn limits_of(&self, family: Option<&ModelFamily>) -> Option<&TierLimits> {
        let named = family.and_then(|family| self.limits.get(&family.name));
        named.or_else(|| self.limits.get(ALL_MODELS))
    }
}

/// The limit that tells a tier: by its floor where the tiers have one, else by being exactly the tier's own.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierSign {
    pub counts: Counts,
    pub per: Per,
}

fn matches(pattern: &str, model: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| model.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_does() {
        for (pattern, model, fits) in [
            ("gpt-5.2", "gpt-5.2", true),
            ("gpt-5.2", "gpt-5.2-pro", false),
            ("gpt-5*-mini*", "gpt-5.4-mini-2026-03-17", true),
            ("gpt-5*-mini*", "gpt-5-mini", true),
            ("gpt-5*-mini*", "gpt-4o-mini", false),
            ("*:free", "z-ai/glm-4.7:free", true),
            ("*:free", "z-ai/glm-4.7", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, model), fits, "{pattern} {model}");
        }
    }
}
