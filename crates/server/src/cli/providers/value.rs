//! Provider keys on their way in. Their values come from a prompt or from standard input.

use zeroize::Zeroizing;

use super::home::{Home, One, byok_keys, provider_keys};
use crate::cli::client::path;
use crate::cli::connection::Connection;
use crate::cli::fields::{self, Fields};
use crate::cli::output::provider_or_id;
use crate::cli::prompt::Source;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    keystile providers add anthropic\n  \
    pass show openai | keystile providers add openai --key-stdin --label Production\n  \
    keystile providers add custom --name my-ollama --base-url http://127.0.0.1:11434/v1 --no-key")]
pub struct Add {
    /// The provider, by any of its names (`keystile providers available` lists them)
    provider: String,
    #[command(flatten)]
    home: Home,
    #[command(flatten)]
    value: KeyValue,
    /// Store it without a key, where a self-hosted endpoint needs none
    #[arg(long, conflicts_with = "key_stdin")]
    no_key: bool,
    /// Store it without asking the provider whether it works
    #[arg(long)]
    no_validate: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// How models of a custom endpoint are addressed: NAME/model
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where a custom endpoint is
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The tier of the account, where the provider does not tell
    #[arg(long, value_name = "TIER")]
    selected_tier: Option<String>,
    /// The account is an enterprise one
    #[arg(long, conflicts_with = "selected_tier")]
    enterprise: bool,
    /// The only models it may be used for, with commas between
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    allowed_models: Option<Vec<String>>,
    /// What its account's contract says about data
    #[arg(long, value_name = "POLICY", value_parser = fields::DATA_POLICIES)]
    data_policy: Option<String>,
}

#[derive(clap::Args)]
pub struct KeyValue {
    /// Read the key from standard input instead of asking for it
    #[arg(long)]
    key_stdin: bool,
}

#[derive(clap::Args)]
pub struct Replace {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    value: KeyValue,
    /// Store it without asking the provider whether it works
    #[arg(long)]
    no_validate: bool,
}

pub async fn add(to: &Connection, add: Add) -> anyhow::Result<()> {
    let key = match add.no_key {
        true => None,
        false => Some(add.value.read(&add.provider)?),
    };
    let mut fields = Fields::default();
    fields.set("api_key", key.as_ref().map(|key| key.as_str()))?;
    fields.set("label", add.label)?;
    fields.set("name", add.name)?;
    fields.set("selected_tier", add.selected_tier)?;
    fields.set("is_enterprise", add.enterprise.then_some(true))?;
    fields.set("allowed_models", add.allowed_models)?;
    fields.set("data_policy", add.data_policy)?;
    fields.set("validate_before_save", add.no_validate.then_some(false))?;
    let project = match &add.home.project {
        Some(project) => Some(to.project(project).await?),
        None => None,
    };
    // A project's own endpoint is made where endpoints are made; its other keys have one place for each provider.
    if let (Some(project), None) = (&project, &add.base_url) {
        let path = format!("{}{}", byok_keys(project), path([&add.provider]));
        return to.show(&to.client.put(&path, &fields.body()).send().await?);
    }
    fields.set("provider", Some(add.provider))?;
    fields.set("base_url", add.base_url)?;
    fields.set("project_id", project)?;
    let path = provider_keys(&to.workspace().await?);
    to.show(&to.client.post(&path, &fields.body()).send().await?)
}

pub async fn replace(to: &Connection, replace: Replace) -> anyhow::Result<()> {
    let key = replace.value.read(&replace.one.key)?;
    let mut fields = Fields::default();
    fields.set("api_key", Some(key.as_str()))?;
    fields.set("validate_before_save", replace.no_validate.then_some(false))?;
    let path = replace.one.path(to).await?;
    let path = match replace.one.home.project {
        Some(_) => path,
        None => format!("{path}/secret"),
    };
    to.show(&to.client.put(&path, &fields.body()).send().await?)
}

impl KeyValue {
    fn read(&self, of: &str) -> anyhow::Result<Zeroizing<String>> {
        let what = format!("The key of {}", provider_or_id(of));
        let key = Source::stdin_if(self.key_stdin).secret(&what, "--key-stdin")?;
        // No provider's key has blanks around it; what pastes and files add is not part of it.
        Ok(Zeroizing::new(key.trim().to_owned()))
    }
}
