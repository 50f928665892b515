//! What is left of a key's rate limits: a trait here, wired to the data plane's memory at boot. What nobody has seen yet is
//! said by the tier alone.

use model::catalogue::{Counts, Per};
use model::{ProviderKeyId, Refusal, Tier, TierSource, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::providers::{LimitsInfo, limits};
use crate::{Control, Reader};

pub trait Headrooms: Send + Sync + 'static {
    /// By the models' names; empty where no answer has told of any yet.
    fn known(&self, key: ProviderKeyId, now: Timestamp) -> Vec<ModelHeadroom>;

    /// The key is another's now, or gone.
    fn forget(&self, key: ProviderKeyId);
}

#[derive(Serialize, ToSchema)]
pub struct HeadroomView {
    pub id: ProviderKeyId,
    pub tier: Option<Tier>,
    pub tier_source: Option<&'static str>,
    /// As the provider's last answers told.
    pub models: Vec<ModelHeadroom>,
    /// What the tier allows, as far as that is published: it bounds what no answer has told of.
    pub tier_limits: Vec<LimitsInfo>,
}

/// What is left for one model.
#[derive(Serialize, ToSchema)]
pub struct ModelHeadroom {
    pub model: String,
    pub read_at: Timestamp,
    pub windows: Vec<HeadroomWindow>,
}

/// One limit, and what is left of it until it starts anew.
#[derive(Serialize, ToSchema)]
pub struct HeadroomWindow {
    pub counts: Counts,
    pub per: Per,
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// Absent when that has passed: there is a full measure.
    pub resets_at: Option<Timestamp>,
}

impl Control {
    pub async fn headroom(&self, reader: &Reader, id: &str) -> Result<HeadroomView, Refusal> {
        let row = self.find_provider_key(reader, id).await?;
        let provider = self.catalogue.provider(&row.provider);
        let tier = row.tier;
        let known = provider.and_then(|provider| {
            let known = provider.tiers.iter().find(|one| Some(&one.name) == tier.as_ref())?;
            Some(limits(provider, known))
        });
        Ok(HeadroomView {
            id: row.id,
            tier_source: row.tier_source.map(TierSource::as_str),
            models: self.headrooms.known(row.id, self.clock.now()),
            tier_limits: known.unwrap_or_default(),
            tier,
        })
    }
}
