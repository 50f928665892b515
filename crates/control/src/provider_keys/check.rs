//! Asks a provider about a key, and says what the answer means: kept or refused, and how well the key is.

use model::{BaseUrl, Code, Provider, Refusal, Tier, TierSource, Timestamp};
use store::workspace::{Health, Probe, ProviderKeyRow, Validation};
use vault::ProviderKey;

use super::input::NewValue;
use crate::{Control, Probed};

/// What is known of a value before it is kept.
pub(crate) struct Verdict {
    probe: Probe,
    /// Absent where nobody was asked.
    checked_at: Option<Timestamp>,
}

impl Verdict {
    /// A tier chosen by hand stays; else it is what this value's account shows.
    pub fn apply(&self, provider: &Provider, row: &mut ProviderKeyRow) {
        row.validation = self.probe.validation;
        row.health = self.probe.health;
        row.last_health_error.clone_from(&self.probe.error);
        row.last_health_check_at = self.checked_at;
        if row.tier_source != Some(TierSource::UserSpecified) {
            (row.tier, row.tier_source) = detected(provider, self.probe.tier.clone());
        }
    }
}

impl Control {
    /// Before a value is kept: one that its provider refuses is kept in no form, nor one that could not be asked about.
    pub(crate) async fn vouch(
        &self,
        provider: &Provider,
        base_url: &BaseUrl,
        value: &NewValue,
    ) -> Result<Verdict, Refusal> {
        if !value.validate {
            let probe = Probe {
                validation: Validation::Unknown,
                health: Health::Unknown,
                error: None,
                tier: None,
            };
            return Ok(Verdict { probe, checked_at: None });
        }
        let probed = self.probe.probe(provider, base_url, value.key.as_ref()).await;
        refuse_bad(provider, &probed)?;
        Ok(Verdict { probe: judged(probed), checked_at: Some(self.clock.now()) })
    }

    /// About a value that is kept whatever the answer.
    pub(super) async fn ask(
        &self,
        provider: &Provider,
        base_url: &BaseUrl,
        key: Option<&ProviderKey>,
    ) -> Probe {
        judged(self.probe.probe(provider, base_url, key).await)
    }
}

/// Without a choice made by hand.
pub(super) fn detected(
    provider: &Provider,
    tier: Option<Tier>,
) -> (Option<Tier>, Option<TierSource>) {
    match (tier, provider.default_tier()) {
        (Some(tier), _) => (Some(tier), Some(TierSource::AutoDetected)),
        (None, Some(tier)) => (Some(tier.clone()), Some(TierSource::Default)),
        (None, None) => (None, None),
    }
}

fn judged(probed: Probed) -> Probe {
    let Probed { validation, words, detected_tier } = probed;
    let (health, reason) = match validation {
        Validation::Restricted | Validation::Valid => (Health::Healthy, None),
        Validation::Invalid => (Health::Unhealthy, Some("the provider rejects the key")),
        Validation::Network => (Health::Unknown, Some("the provider could not be reached")),
        Validation::NoQuota => (Health::Unknown, Some("the account has no quota left")),
        Validation::Region => (Health::Unknown, Some("the provider does not serve this region")),
        Validation::Unknown => (Health::Unknown, Some("the provider could not say")),
    };
    let error = reason.map(|reason| words.unwrap_or_else(|| reason.to_owned()));
    Probe { validation, health, error, tier: detected_tier }
}

fn refuse_bad(provider: &Provider, probed: &Probed) -> Result<(), Refusal> {
    let words = probed.words.as_deref().unwrap_or("no further reason was given");
    match probed.validation {
        Validation::Invalid => {
            let public = format!("{} rejected this key (invalid): {words}", provider.name);
            let refusal = Refusal::new(Code::ProviderRejectedKey, public);
            Err(Refusal { param: Some("api_key"), ..refusal })
        }
        Validation::Network => {
            let public = format!(
                "{} could not be reached to check this key: {words}; send \
                 \"validate_before_save\": false to keep it unchecked",
                provider.name
            );
            let refusal = Refusal::new(Code::UpstreamUnavailable, public);
            Err(Refusal { status: Some(BAD_GATEWAY), ..refusal })
        }
        _ => Ok(()),
    }
}

const BAD_GATEWAY: u16 = 502;
