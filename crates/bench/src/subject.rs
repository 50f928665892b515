//! The gateway as it is measured: a process of its own over a provider that costs next to nothing, with everything on that costs
//! something: a key that is sealed, limits, a price, a cap, the journal and the ledger.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Common;
use crate::fast_provider::{Answers, FastProvider, MODEL};
use crate::gateway::{Database, Gateway, Owner, Price, Site};
use crate::volley::Target;

pub struct Subject {
    pub gateway: Gateway,
    pub key: String,
    pub key_id: String,
    pub owner: Owner,
    pub site: Site,
    pub provider: FastProvider,
    pub folder: TempDir,
}

impl Subject {
    /// `None` where something is not installed, which has been said by then.
    pub async fn start(
        database: Database,
        common: &Common,
        answers: Answers,
    ) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let provider = FastProvider::start(&folder, answers)?;
        let (binary, url) = (common.binary.clone(), provider.base_url());
        let Some(site) = Site::new(&folder, database, binary, url).await? else { return Ok(None) };
        let gateway = site.start()?;
        let owner = Owner::set_up(gateway.api(), &[MODEL.to_owned()], PRICE).await;
        let (key, key_id) = owner.gateway_key(&busy_key("bench")).await;
        Ok(Some(Self { gateway, key, key_id, owner, site, provider, folder }))
    }

    /// The same place, after a start anew.
    pub fn restart(self) -> anyhow::Result<Self> {
        self.gateway.stop()?;
        let gateway = self.site.start()?;
        Ok(Self { gateway, ..self })
    }

    /// For what the cap alone costs.
    pub async fn lift_the_cap(&self) {
        let change = json!({ "spend_cap_micro_usd": null });
        self.owner.patch_key(&self.key_id, &change).await;
    }

    pub fn target(&self) -> anyhow::Result<Target> {
        Target::new(&self.gateway.url, std::slice::from_ref(&self.key))
    }
}

/// All that a key can be told to keep to, and none of it in the way.
pub fn busy_key(name: &str) -> Value {
    json!({
        "name": name, "allowed_models": [format!("openai/{MODEL}")],
        "spend_cap_micro_usd": 1_000_000_000_000_u64, "cap_mode": "strict", "cap_period": "monthly",
        "rpm_limit": 1_000_000_000_u64, "tpm_limit": 1_000_000_000_000_u64,
    })
}

/// As of a middling model.
pub const PRICE: Price = Price { input: 2_500_000, output: 10_000_000 };
