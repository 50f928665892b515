//! Flags that become fields of a request. Only what was given is sent: the gateway knows the defaults, and judges the rest.

use http::header::IF_MATCH;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::client::Call;
use super::failure::Failure;
use super::prompt::Source;

pub const DATA_POLICIES: [&str; 3] = ["none", "no_training", "zdr"];
const UNPRICED: [&str; 2] = ["allow", "refuse"];
const CAP_MODES: [&str; 2] = ["strict", "soft"];
const CAP_PERIODS: [&str; 5] = ["never", "hourly", "daily", "weekly", "monthly"];
const FALLBACK_CAUSES: [&str; 5] = ["none", "missing", "exhausted", "failed", "unavailable"];
const NO_CAUSE: &str = "none";
const RECHECKS: [&str; 3] = ["off", "hourly", "daily"];

/// The body of a request, as it grows.
#[derive(Default)]
pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn set(&mut self, name: &str, value: Option<impl Serialize>) -> anyhow::Result<()> {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), serde_json::to_value(value)?);
        }
        Ok(())
    }

    /// Null is the default again.
    pub fn reset(&mut self, names: &[String]) -> Result<(), Failure> {
        for name in names {
            if self.0.insert(name.clone(), Value::Null).is_some() {
                return Err(Failure::Usage(format!("{name} is both set and reset")));
            }
        }
        Ok(())
    }

    pub fn body(self) -> Value {
        Value::Object(self.0)
    }

    /// An update that changes nothing is a mistake in the command line.
    pub fn changes(self) -> Result<Value, Failure> {
        if self.0.is_empty() {
            return Err(Failure::Usage("nothing to change: see --help for the fields".to_owned()));
        }
        Ok(self.body())
    }
}

#[derive(clap::Args)]
pub struct Version {
    /// Change nothing unless this is still the version (`show` tells it)
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

impl Version {
    pub fn expect<'a>(&self, call: Call<'a>) -> Call<'a> {
        let tag = self.if_version.map(|version| format!("\"{version}\""));
        call.header(IF_MATCH, tag.as_deref())
    }
}

/// What workspaces, projects and gateway keys can all be held to.
#[derive(clap::Args)]
#[command(next_help_heading = "Policy")]
pub struct Policy {
    /// The only models that may be used, with commas between
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    allowed_models: Option<Vec<String>>,
    /// The model of requests that name none
    #[arg(long, value_name = "MODEL")]
    default_model: Option<String>,
    /// The models that are tried when the first fails, with commas between
    #[arg(long, value_name = "MODELS", value_delimiter = ',')]
    fallback_models: Option<Vec<String>>,
    /// The most that may be spent, in millionths of a US dollar (5000000 is 5 USD)
    #[arg(long, value_name = "MICRO_USD")]
    spend_cap_micro_usd: Option<u64>,
    /// When spending starts again at zero
    #[arg(long, value_name = "PERIOD", value_parser = CAP_PERIODS)]
    cap_period: Option<String>,
    /// Whether the cap also holds for requests in flight (strict) or only refuses the next (soft)
    #[arg(long, value_name = "MODE", value_parser = CAP_MODES)]
    cap_mode: Option<String>,
    /// Whether models without a known price may be used under a cap
    #[arg(long, value_name = "WHAT", value_parser = UNPRICED)]
    unpriced: Option<String>,
    /// Requests a minute
    #[arg(long, value_name = "COUNT")]
    rpm_limit: Option<u64>,
    /// Tokens a minute
    #[arg(long, value_name = "COUNT")]
    tpm_limit: Option<u64>,
    /// The causes for which a platform key may answer, with commas between
    #[arg(long, value_name = "CAUSES", value_delimiter = ',', value_parser = FALLBACK_CAUSES)]
    platform_fallback: Option<Vec<String>>,
}

impl Policy {
    pub fn fill(self, fields: &mut Fields) -> anyhow::Result<()> {
        let causes = self.platform_fallback.map(|mut causes| {
            causes.retain(|cause| cause != NO_CAUSE);
            causes
        });
        fields.set("allowed_models", self.allowed_models)?;
        fields.set("default_model", self.default_model)?;
        fields.set("fallback_models", self.fallback_models)?;
        fields.set("spend_cap_micro_usd", self.spend_cap_micro_usd)?;
        fields.set("cap_period", self.cap_period)?;
        fields.set("cap_mode", self.cap_mode)?;
        fields.set("unpriced", self.unpriced)?;
        fields.set("rpm_limit", self.rpm_limit)?;
        fields.set("tpm_limit", self.tpm_limit)?;
        fields.set("platform_fallback", causes)
    }
}

/// What workspaces and projects can be set to.
#[derive(clap::Args)]
pub struct Settings {
    /// A new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    policy: Policy,
    #[command(flatten)]
    more: MoreSettings,
    /// Fields that get their default again, with commas between, as in rpm_limit,webhook
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', help_heading = "Settings")]
    reset: Vec<String>,
    #[command(flatten)]
    version: Version,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Settings")]
struct MoreSettings {
    /// What providers must promise about data
    #[arg(long, value_name = "POLICY", value_parser = DATA_POLICIES)]
    data_policy: Option<String>,
    /// Whether an OpenRouter key serves models of providers without a key
    #[arg(long, value_name = "true|false")]
    openrouter_fallthrough: Option<bool>,
    /// Projects: whether calls may use the workspace's keys
    #[arg(long, value_name = "true|false")]
    use_workspace_keys: Option<bool>,
    /// Workspaces: whether members may make their own gateway keys
    #[arg(long, value_name = "true|false")]
    members_may_create_keys: Option<bool>,
    /// How often keys are probed in the background
    #[arg(long, value_name = "HOW_OFTEN", value_parser = RECHECKS)]
    health_recheck: Option<String>,
    /// Another name for a model; all aliases are replaced by those given
    #[arg(long, value_name = "ALIAS=MODEL", value_parser = pair)]
    model_alias: Vec<(String, String)>,
    /// Your own prices, by model
    #[arg(long, value_name = "JSON", value_parser = object)]
    price_overrides: Option<Value>,
    /// Where news is posted
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Which news, with commas between
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', requires = "webhook_url")]
    webhook_events: Option<Vec<String>>,
    /// At which shares of a cap to tell, in percent, with commas between
    #[arg(long, value_name = "PERCENTS", value_delimiter = ',', requires = "webhook_url")]
    webhook_cap_shares: Option<Vec<u8>>,
    /// Read what signs the news from standard input
    #[arg(long, requires = "webhook_url")]
    webhook_secret_stdin: bool,
}

impl Settings {
    /// The body of an update, and what it is held to.
    pub fn update(self) -> anyhow::Result<(Value, Version)> {
        let mut fields = Fields::default();
        fields.set("name", self.name)?;
        self.policy.fill(&mut fields)?;
        self.more.fill(&mut fields)?;
        fields.reset(&self.reset)?;
        Ok((fields.changes()?, self.version))
    }
}

impl MoreSettings {
    fn fill(self, fields: &mut Fields) -> anyhow::Result<()> {
        fields.set("data_policy", self.data_policy)?;
        fields.set("openrouter_fallthrough", self.openrouter_fallthrough)?;
        fields.set("use_workspace_keys", self.use_workspace_keys)?;
        fields.set("members_may_create_keys", self.members_may_create_keys)?;
        fields.set("health_recheck", self.health_recheck)?;
        fields.set("price_overrides", self.price_overrides)?;
        if !self.model_alias.is_empty() {
            let aliases = self.model_alias.into_iter().map(|(alias, model)| (alias, json!(model)));
            fields.set("model_aliases", Some(aliases.collect::<Map<_, _>>()))?;
        }
        let Some(url) = self.webhook_url else { return Ok(()) };
        let mut webhook = Fields::default();
        webhook.set("url", Some(url))?;
        webhook.set("events", self.webhook_events)?;
        webhook.set("cap_shares", self.webhook_cap_shares)?;
        if self.webhook_secret_stdin {
            let secret = Source::Stdin.secret("the webhook's secret", "--webhook-secret-stdin")?;
            webhook.set("secret", Some(secret.as_str()))?;
        }
        fields.set("webhook", Some(webhook.body()))
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let parts =
        text.split_once('=').filter(|(alias, model)| !alias.is_empty() && !model.is_empty());
    let (alias, model) = parts.ok_or("it is written ALIAS=MODEL")?;
    Ok((alias.to_owned(), model.to_owned()))
}

fn object(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("it is no JSON object".to_owned()) }
}
