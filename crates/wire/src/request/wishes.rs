//! What a client may ask of the gateway itself: in the body's `routing`, in OpenRouter's members, or in headers. Knows not
//! whether a wish is granted.

use model::DataPolicy;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::InvalidBody;
use crate::json::{self, Reading};

/// All of them, wherever they were said. Absent and `null` are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub only_byok: bool,
    pub only_platform: bool,
    /// The id of the provider key that must pay.
    pub provider_key: Option<String>,
    /// To be tried in their order when the model does not answer; replaces what the settings say.
    pub fallback_models: Option<Vec<String>>,
    pub data_policy: Option<DataPolicy>,
    pub receipt: bool,
    /// The id or the name of the project a workspace's key acts in.
    pub project: Option<String>,
    /// Which providers may answer, by any of their names.
    pub providers: Names,
    /// OpenRouter's `preset` is named: settings kept there, which may choose another model.
    pub names_preset: bool,
}

/// OpenRouter's `provider` object, as far as it names providers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// These first, in this order.
    pub order: Vec<String>,
    /// Nobody else.
    pub only: Option<Vec<String>>,
    pub ignore: Vec<String>,
    /// Nobody beside `order`, and no other model.
    pub no_fallbacks: bool,
}

impl Wishes {
    pub(crate) fn read(routing: &RawValue) -> Result<Self, InvalidBody> {
        if routing.get() == "null" {
            return Ok(Self::default());
        }
        let [
            only_byok,
            only_platform,
            provider_key,
            fallback_models,
            data_policy,
            receipt,
            project,
        ] = json::members(routing.get(), &FIELDS, Reading::Closed)
            .map_err(|flaw| InvalidBody::flaw(Some("routing"), flaw))?;
        let wishes = Self {
            only_byok: routed(only_byok, "only_byok", YES_OR_NO)?.unwrap_or_default(),
            only_platform: routed(only_platform, "only_platform", YES_OR_NO)?.unwrap_or_default(),
            provider_key: routed(provider_key, "provider_key", TEXT)?,
            fallback_models: few(
                routed(fallback_models, "fallback_models", TEXTS)?,
                "routing",
                "routing.fallback_models",
            )?,
            data_policy: routed(data_policy, "data_policy", POLICY)?,
            receipt: routed(receipt, "receipt", YES_OR_NO)?.unwrap_or_default(),
            project: routed(project, "project", TEXT)?,
            providers: Names::default(),
            names_preset: false,
        };
        wishes.refuse_contradiction()?;
        Ok(wishes)
    }

    /// `models: [...]` and `provider: {...}`. The first of the models is the one that is wanted where no other is named.
    pub(super) fn read_openrouter(
        models: Option<&RawValue>,
        provider: Option<&RawValue>,
    ) -> Result<Option<Self>, InvalidBody> {
        let (models, provider) = (models.filter(is_told), provider.filter(is_told));
        if models.is_none() && provider.is_none() {
            return Ok(None);
        }
        let mut wishes = Self { fallback_models: listed(models)?, ..Self::default() };
        let Some(provider) = provider else { return Ok(Some(wishes)) };
        let [order, only, ignore, allow_fallbacks, data_collection, zdr] =
            json::members(provider.get(), &PROVIDER, Reading::Closed)
                .map_err(|flaw| InvalidBody::flaw(Some("provider"), flaw))?;
        let of = |name| ("provider", name);
        let names = |value, name| match member::<Vec<String>>(value, of(name), TEXTS)? {
            Some(names) if names.len() > NAMES_MAX => {
                let message = format!("`provider.{name}` may hold at most {NAMES_MAX} names");
                Err(InvalidBody::new(Some("provider"), message))
            }
            names => Ok(names),
        };
        let yes = |value, name| member::<bool>(value, of(name), YES_OR_NO);
        wishes.providers = Names {
            order: names(order, "order")?.unwrap_or_default(),
            only: names(only, "only")?,
            ignore: names(ignore, "ignore")?.unwrap_or_default(),
            no_fallbacks: yes(allow_fallbacks, "allow_fallbacks")? == Some(false),
        };
        let collection: Option<String> = member(data_collection, of("data_collection"), TEXT)?;
        let collection = match collection.as_deref() {
            Some("deny") => Some(DataPolicy::NoTraining),
            Some("allow") | None => None,
            Some(_) => {
                let message = "`provider.data_collection` must be \"allow\" or \"deny\"";
                return Err(InvalidBody::new(Some("provider"), message));
            }
        };
        let zdr = yes(zdr, "zdr")?.unwrap_or_default();
        wishes.data_policy = if zdr { Some(DataPolicy::Zdr) } else { collection };
        Ok(Some(wishes))
    }

    /// The same where `provider` is left to OpenRouter: of it only what is wished for the data is read, as it also binds
    /// whoever may be asked instead.
    pub(super) fn read_at_openrouter(
        models: Option<&RawValue>,
        provider: Option<&RawValue>,
    ) -> Result<Option<Self>, InvalidBody> {
        let (models, provider) = (models.filter(is_told), provider.filter(is_told));
        if models.is_none() && provider.is_none() {
            return Ok(None);
        }
        let of_data = |provider: &RawValue| {
            let told = json::members(provider.get(), &["data_collection", "zdr"], Reading::Lenient);
            let [collection, zdr] = told.unwrap_or_default();
            let denied = collection.and_then(json::string).is_some_and(|word| word == "deny");
            match zdr.is_some_and(|zdr| zdr.get() == "true") {
                true => Some(DataPolicy::Zdr),
                false => denied.then_some(DataPolicy::NoTraining),
            }
        };
        let data_policy = provider.and_then(of_data);
        Ok(Some(Self { fallback_models: listed(models)?, data_policy, ..Self::default() }))
    }

    /// One header, its name without `x-keystile-`.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), InvalidBody> {
        let invalid = |expected: &str| {
            Err(InvalidBody::new(None, format!("the header x-keystile-{name} must be {expected}")))
        };
        let yes = match value {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        match (name, yes) {
            ("only-byok", Some(yes)) => self.only_byok |= yes,
            ("only-platform", Some(yes)) => self.only_platform |= yes,
            ("receipt", Some(yes)) => self.receipt |= yes,
            ("only-byok" | "only-platform" | "receipt", None) => return invalid(YES_OR_NO),
            ("provider-key", _) => self.provider_key = Some(value.to_owned()),
            ("project", _) => self.project = Some(value.to_owned()),
            ("fallback-models", _) => {
                let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                let names: Vec<_> = names.map(str::to_owned).collect();
                if names.len() > MODELS_MAX {
                    return invalid("a list of 20 models at most");
                }
                self.fallback_models = Some(names);
            }
            ("data-policy", _) => match value.parse() {
                Ok(policy) => self.data_policy = Some(policy),
                Err(_) => return invalid(POLICY),
            },
            _ => {
                let message = format!("there is no header x-keystile-{name}");
                return Err(InvalidBody::new(None, message));
            }
        }
        self.refuse_contradiction()
    }

    /// Both sets of wishes hold. Where they speak of the same thing, policies and bans add up, and of two names or lists of
    /// names `self`'s counts.
    pub fn and(mut self, other: Self) -> Result<Self, InvalidBody> {
        self.only_byok |= other.only_byok;
        self.only_platform |= other.only_platform;
        self.receipt |= other.receipt;
        self.names_preset |= other.names_preset;
        self.provider_key = self.provider_key.or(other.provider_key);
        self.project = self.project.or(other.project);
        self.fallback_models = self.fallback_models.or(other.fallback_models);
        self.data_policy = self.data_policy.max(other.data_policy);
        self.providers = self.providers.and(other.providers);
        self.refuse_contradiction()?;
        Ok(self)
    }

    fn refuse_contradiction(&self) -> Result<(), InvalidBody> {
        if self.only_byok && self.only_platform {
            return Err(InvalidBody::new(
                Some("routing"),
                "`routing.only_byok` and `routing.only_platform` exclude each other",
            ));
        }
        Ok(())
    }
}

impl Names {
    fn and(mut self, other: Self) -> Self {
        if self.order.is_empty() {
            self.order = other.order;
        }
        self.only = self.only.or(other.only);
        self.ignore.extend(other.ignore);
        self.no_fallbacks |= other.no_fallbacks;
        self
    }
}

fn is_told(value: &&RawValue) -> bool {
    value.get() != "null"
}

/// OpenRouter's `models`.
fn listed(models: Option<&RawValue>) -> Result<Option<Vec<String>>, InvalidBody> {
    few(field(models, "models", "models", TEXTS)?, "models", "models")
}

/// Whoever plans with them asks every provider about each.
fn few(
    models: Option<Vec<String>>,
    param: &'static str,
    name: &str,
) -> Result<Option<Vec<String>>, InvalidBody> {
    if models.as_ref().is_some_and(|models| models.len() > MODELS_MAX) {
        let message = format!("`{name}` may hold at most {MODELS_MAX} models");
        return Err(InvalidBody::new(Some(param), message));
    }
    Ok(models)
}

fn routed<T: DeserializeOwned>(
    value: Option<&RawValue>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, InvalidBody> {
    member(value, ("routing", name), expected)
}

fn member<T: DeserializeOwned>(
    value: Option<&RawValue>,
    (parent, name): (&'static str, &str),
    expected: &str,
) -> Result<Option<T>, InvalidBody> {
    field(value, parent, &format!("{parent}.{name}"), expected)
}

fn field<T: DeserializeOwned>(
    value: Option<&RawValue>,
    param: &'static str,
    name: &str,
    expected: &str,
) -> Result<Option<T>, InvalidBody> {
    serde_json::from_str(value.map_or("null", RawValue::get))
        .map_err(|_| InvalidBody::new(Some(param), format!("`{name}` must be {expected}")))
}

const FIELDS: [&str; 7] = [
    "only_byok",
    "only_platform",
    "provider_key",
    "fallback_models",
    "data_policy",
    "receipt",
    "project",
];
const PROVIDER: [&str; 6] =
    ["order", "only", "ignore", "allow_fallbacks", "data_collection", "zdr"];
const MODELS_MAX: usize = 20;
const NAMES_MAX: usize = 64;
const YES_OR_NO: &str = "true or false";
const TEXT: &str = "a string";
const TEXTS: &str = "a list of strings";
const POLICY: &str = "\"none\", \"no_training\" or \"zdr\"";

#[cfg(test)]
mod tests;
