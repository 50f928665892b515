//! Names of models that people set: each must be one that a request could carry.

use model::{KeyPolicy, ModelRef, Refusal};

use crate::Control;

const ALLOWED_MODELS_MAX: usize = 1000;
const FALLBACK_MODELS_MAX: usize = 10;

/// The models of a workspace, a project or a gateway key.
pub(crate) struct Models<'a> {
    pub allowed: Option<&'a [String]>,
    pub default: Option<&'a str>,
    pub fallback: &'a [String],
}

impl<'a> From<&'a KeyPolicy> for Models<'a> {
    fn from(policy: &'a KeyPolicy) -> Self {
        Self {
            allowed: policy.allowed_models.as_deref(),
            default: policy.default_model.as_deref(),
            fallback: &policy.fallback_models,
        }
    }
}

impl Control {
    /// Of what may not be used, nothing can be the default or a fallback.
    pub(crate) fn check_models(&self, models: &Models<'_>) -> Result<(), Refusal> {
        let Models { allowed, default, fallback } = *models;
        self.check_list("allowed_models", allowed.unwrap_or_default(), ALLOWED_MODELS_MAX)?;
        self.check_list("fallback_models", fallback, FALLBACK_MODELS_MAX)?;
        self.check_list("default_model", default.map(str::to_owned).as_slice(), 1)?;
        let Some(allowed) = allowed else { return Ok(()) };
        let allowed: Vec<_> = allowed.iter().filter_map(|name| self.model(name)).collect();
        let named = default.map(|name| ("default_model", name));
        let named =
            named.into_iter().chain(fallback.iter().map(|n| ("fallback_models", n.as_str())));
        for (field, name) in named {
            let is_allowed = self.model(name).is_some_and(|model| {
                allowed.iter().any(|entry| {
                    entry.model == model.model
                        && (entry.provider.is_none()
                            || model.provider.is_none()
                            || entry.provider == model.provider)
                })
            });
            if !is_allowed {
                let public = format!("{field} names a model that allowed_models leaves out");
                return Err(Refusal::invalid(field, public));
            }
        }
        Ok(())
    }

    pub(crate) fn model(&self, name: &str) -> Option<ModelRef> {
        ModelRef::parse(name, &self.catalogue)
    }

    fn check_list(&self, field: &'static str, names: &[String], max: usize) -> Result<(), Refusal> {
        if names.len() > max {
            let public = format!("{field} may name at most {max} models");
            return Err(Refusal::invalid(field, public));
        }
        if names.iter().any(|name| self.model(name).is_none()) {
            let public = format!("{field} holds an entry that is no model name");
            return Err(Refusal::invalid(field, public));
        }
        Ok(())
    }
}
