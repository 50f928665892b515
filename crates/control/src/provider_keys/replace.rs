//! Gives a stored key another value: probed first, under the same id, with all its history. From the commit on the old value
//! is nowhere.

use model::{Code, ProviderKeyId, Refusal};
use serde::Deserialize;
use store::workspace::{PROVIDER_KEY_FIELD, ProviderKeyRow};
use utoipa::ToSchema;
use vault::ProviderKey;

use super::check::Verdict;
use super::create::keep;
use super::input::{NewValue, Wishes, effective, usable, yes};
use super::view::{ProviderKeyView, detail};
use crate::sealing::{Closed, Slot, TRIES_MAX, hold_active};
use crate::{Control, Expected, Versioned, Writer};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceProviderKey {
    pub api_key: String,
    #[serde(default = "yes")]
    pub validate_before_save: bool,
}

impl Control {
    pub async fn replace_provider_key(
        &self,
        writer: &Writer,
        id: &str,
        input: ReplaceProviderKey,
        expected: Expected,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let row = self.find_provider_key(writer, id).await?;
        let unsaid = Wishes::default();
        let row = self.replace_provider_key_row(writer, &row, input, &unsaid, expected).await?;
        Ok(self.versioned(writer, row))
    }

    /// For faces that find the key and answer in their own way.
    pub(crate) async fn replace_provider_key_row(
        &self,
        writer: &Writer,
        row: &ProviderKeyRow,
        input: ReplaceProviderKey,
        wishes: &Wishes,
        expected: Expected,
    ) -> Result<ProviderKeyRow, Refusal> {
        self.require_byok(writer.workspace()).await?;
        let provider = self.provider(&row.provider)?;
        let value = input.judge()?;
        self.count_key_operation(writer).await?;
        let base_url = effective(provider, row.base_url.as_ref())?;
        let verdict = self.vouch(provider, base_url, &value).await?;
        self.put_value(writer, row.id, &value, &verdict, wishes, expected).await
    }

    /// Seals before it locks, and looks again once it has locked: what was replaced meanwhile needs another seal.
    pub(crate) async fn put_value(
        &self,
        writer: &Writer,
        id: ProviderKeyId,
        value: &NewValue,
        verdict: &Verdict,
        wishes: &Wishes,
        expected: Expected,
    ) -> Result<ProviderKeyRow, Refusal> {
        for _ in 0..TRIES_MAX {
            let before = self.store.workspace(writer.workspace()).provider_key(id).await?;
            let before = before.ok_or_else(Refusal::not_found)?;
            let provider = self.provider(&before.provider)?;
            let origin = effective(provider, before.base_url.as_ref())?.origin();
            let sealed_version = before.sealed_version.saturating_add(1);
            let slot = Slot {
                workspace: writer.workspace(),
                id: &id.to_string(),
                field: PROVIDER_KEY_FIELD,
                sealed_version,
                origin,
            };
            let closed = self.seal_value(slot, value).await?;

            let mut unit = self.unit(writer).await?;
            if let Some(closed) = &closed {
                hold_active(unit.write(), closed.key_version).await?;
            }
            let row = unit.rows().touch_provider_key(id).await?;
            let mut row = row.ok_or_else(Refusal::not_found)?;
            expected.check(row.version)?;
            if row.sealed_version != before.sealed_version {
                continue;
            }
            keep(&mut row, closed);
            row.sealed_version = sealed_version;
            origin.as_str().clone_into(&mut row.origin);
            row.key_prefix = value.key.as_ref().map(ProviderKey::shown).unwrap_or_default();
            row.updated_at = unit.now();
            wishes.apply(&mut row);
            verdict.apply(provider, &mut row);
            unit.rows().save_provider_key(&row).await?;
            let detail = detail(&row, [("sealed_version", sealed_version.into())]);
            unit.commit("provider_key.replaced", id, detail).await?;
            self.headrooms.forget(id);
            return Ok(row);
        }
        Err(Refusal::new(Code::Conflict, "this key is being replaced by others at the same time"))
    }

    pub(super) async fn seal_value(
        &self,
        slot: Slot<'_>,
        value: &NewValue,
    ) -> Result<Option<Closed>, Refusal> {
        match &value.key {
            Some(key) => self.seal_provider_key(slot, key).await.map(Some),
            None => Ok(None),
        }
    }
}

impl ReplaceProviderKey {
    fn judge(self) -> Result<NewValue, Refusal> {
        Ok(NewValue { key: Some(usable(self.api_key)?), validate: self.validate_before_save })
    }
}
