//! What is said about a provider key, beside its value.

use super::home::of_workspace;
use crate::cli::connection::Connection;
use crate::cli::fields::{self, Fields, Version};

#[derive(clap::Args)]
pub struct Update {
    /// The id of the key
    key: String,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// The only models it may be used for, with commas between
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    allowed_models: Option<Vec<String>>,
    /// What its account's contract says about data
    #[arg(long, value_name = "POLICY", value_parser = fields::DATA_POLICIES)]
    data_policy: Option<String>,
    /// Fields that get their default again, with commas between
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', value_parser = RESETTABLE)]
    reset: Vec<String>,
    #[command(flatten)]
    version: Version,
}

#[derive(clap::Args)]
pub struct Tier {
    /// The id of the key
    key: String,
    /// The provider's own name for it, as in tier-4
    #[arg(required_unless_present_any = ["enterprise", "detect"])]
    tier: Option<String>,
    /// The account is an enterprise one
    #[arg(long, conflicts_with_all = ["tier", "detect"])]
    enterprise: bool,
    /// Find out from the provider's answers again
    #[arg(long, conflicts_with = "tier")]
    detect: bool,
}

const RESETTABLE: [&str; 3] = ["label", "allowed_models", "data_policy"];

pub async fn update(to: &Connection, update: Update) -> anyhow::Result<()> {
    let mut fields = Fields::default();
    fields.set("label", update.label)?;
    fields.set("allowed_models", update.allowed_models)?;
    fields.set("data_policy", update.data_policy)?;
    fields.reset(&update.reset)?;
    let (path, body) = (of_workspace(to, &update.key).await?, fields.changes()?);
    to.show(&update.version.expect(to.client.patch(&path, &body)).send().await?)
}

pub async fn tier(to: &Connection, tier: Tier) -> anyhow::Result<()> {
    let mut fields = Fields::default();
    fields.set("tier", tier.tier)?;
    fields.set("is_enterprise", tier.enterprise.then_some(true))?;
    fields.set("tier", tier.detect.then_some(()))?;
    let path = format!("{}/tier", of_workspace(to, &tier.key).await?);
    to.show(&to.client.patch(&path, &fields.body()).send().await?)
}
