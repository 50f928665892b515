//! Changes what is said of a stored key, and never the key: its label, whether it is used, for what, as which tier.

use model::settings::Patch;
use model::{Code, DataPolicy, ProviderKeyId, Refusal, Tier, TierSource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::workspace::ProviderKeyRow;
use utoipa::ToSchema;

use super::check::detected;
use super::input::{label, tier};
use super::view::{ProviderKeyView, detail};
use crate::{Control, Expected, Versioned, Writer, patch};

/// What a person may change at any time. Absent is unchanged, null is the default again.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ProviderKeyFields {
    pub label: Option<String>,
    pub is_active: bool,
    pub allowed_models: Option<Vec<String>>,
    pub data_policy: Option<DataPolicy>,
}

impl Default for ProviderKeyFields {
    fn default() -> Self {
        Self { label: None, is_active: true, allowed_models: None, data_policy: None }
    }
}

/// Either of the two. `null` and `false` leave it to detection again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTier {
    #[serde(default, deserialize_with = "patch::mentioned")]
    #[schema(value_type = Option<String>)]
    pub tier: Option<Option<String>>,
    #[serde(default)]
    pub is_enterprise: Option<bool>,
}

impl Control {
    pub async fn change_provider_key(
        &self,
        writer: &Writer,
        id: &str,
        patch: Patch,
        expected: Expected,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let id = super::parse(id)?;
        let row = self.change_provider_key_row(writer, id, patch, expected).await?;
        Ok(self.versioned(writer, row))
    }

    /// For faces that find the key and answer in their own way.
    pub(crate) async fn change_provider_key_row(
        &self,
        writer: &Writer,
        id: ProviderKeyId,
        patch: Patch,
        expected: Expected,
    ) -> Result<ProviderKeyRow, Refusal> {
        let changed: Vec<String> = patch.keys().cloned().collect();
        // What is no such field, or does not fit, need not be counted.
        self.judged_fields(&ProviderKeyFields::default(), patch.clone())?;
        self.count_key_operation(writer).await?;
        let mut unit = self.unit(writer).await?;
        let row = unit.rows().touch_provider_key(id).await?;
        let mut row = row.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        let current = ProviderKeyFields {
            label: row.label.take(),
            is_active: row.is_active,
            allowed_models: row.allowed_models.take(),
            data_policy: row.data_policy,
        };
        let fields = self.judged_fields(&current, patch)?;
        row.label = fields.label;
        row.is_active = fields.is_active;
        row.allowed_models = fields.allowed_models;
        row.data_policy = fields.data_policy;
        row.updated_at = unit.now();
        unit.rows().save_provider_key(&row).await?;
        let more = [("changed", json!(changed)), ("is_active", row.is_active.into())];
        unit.commit("provider_key.updated", id, detail(&row, more)).await?;
        Ok(row)
    }

    fn judged_fields(
        &self,
        current: &ProviderKeyFields,
        patch: Patch,
    ) -> Result<ProviderKeyFields, Refusal> {
        let mut fields = patch::apply(current, patch)?;
        fields.label = fields.label.as_deref().map(label).transpose()?;
        self.check_allowed(fields.allowed_models.as_deref())?;
        Ok(fields)
    }

    /// A project has one key for a provider, and therefore no default.
    pub async fn make_default_provider_key(
        &self,
        writer: &Writer,
        id: &str,
        expected: Expected,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let id = super::parse(id)?;
        self.count_key_operation(writer).await?;
        let mut unit = self.unit(writer).await?;
        // The workspace is locked before the key, as whoever adds or deletes one does.
        let is_default = unit.rows().make_default(id).await?;
        let row = unit.rows().touch_provider_key(id).await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        if !is_default {
            let public = "a project's own key comes before every default and cannot be one";
            return Err(Refusal::new(Code::Conflict, public));
        }
        unit.commit("provider_key.made_default", id, detail(&row, [])).await?;
        Ok(self.versioned(writer, row))
    }

    pub async fn change_provider_key_tier(
        &self,
        writer: &Writer,
        id: &str,
        input: ChangeTier,
        expected: Expected,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let id = super::parse(id)?;
        if input.tier.is_some() == input.is_enterprise.is_some() {
            let public = "send either tier or is_enterprise";
            return Err(Refusal::invalid("tier", public));
        }
        self.count_key_operation(writer).await?;
        let mut unit = self.unit(writer).await?;
        let row = unit.rows().touch_provider_key(id).await?;
        let mut row = row.ok_or_else(Refusal::not_found)?;
        expected.check(row.version)?;
        self.set_tier(&mut row, input)?;
        row.updated_at = unit.now();
        unit.rows().save_provider_key(&row).await?;
        let tier = row.tier.as_ref().map_or(Value::Null, |tier| tier.as_str().into());
        let source = row.tier_source.map_or(Value::Null, |source| source.as_str().into());
        let detail = detail(&row, [("tier", tier), ("tier_source", source)]);
        unit.commit("provider_key.tier_changed", id, detail).await?;
        Ok(self.versioned(writer, row))
    }

    fn set_tier(&self, row: &mut ProviderKeyRow, input: ChangeTier) -> Result<(), Refusal> {
        let provider = self.provider(&row.provider)?;
        let chosen = match (input.tier.flatten(), input.is_enterprise) {
            (Some(name), _) => tier(provider, "tier", &name)?,
            (None, Some(true)) => Tier::enterprise(),
            // Was not it: nothing to take back.
            (None, Some(false)) if row.tier.as_ref() != Some(&Tier::enterprise()) => return Ok(()),
            (None, _) => {
                (row.tier, row.tier_source) = detected(provider, None);
                return Ok(());
            }
        };
        (row.tier, row.tier_source) = (Some(chosen), Some(TierSource::UserSpecified));
        Ok(())
    }
}
