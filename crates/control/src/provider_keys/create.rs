//! Makes a provider key: probed before it is kept, sealed for one place and one address. The same for a workspace, for one
//! of its projects and for the platform.

use model::{Code, Provider, ProviderKeyId, Refusal};
use serde::Serialize;
use store::StoreError;
use store::workspace::{Health, PROVIDER_KEY_FIELD, ProviderKeyRow, Validation};
use vault::ProviderKey;

use super::check::Verdict;
use super::input::{CreateProviderKey, NewKey};
use super::view::{ProviderKeyView, detail};
use crate::sealing::{Closed, FIRST_SEAL, Slot, hold_active};
use crate::{Control, Once, Writer};

impl Control {
    pub async fn create_provider_key(
        &self,
        writer: &Writer,
        input: CreateProviderKey,
        once: Option<&Once>,
    ) -> Result<ProviderKeyView, Refusal> {
        self.create_provider_key_as(writer, input, once, |row| self.view(writer, row)).await
    }

    /// For a face that answers in its own way.
    pub(crate) async fn create_provider_key_as<View: Serialize>(
        &self,
        writer: &Writer,
        input: CreateProviderKey,
        once: Option<&Once>,
        view: impl FnOnce(ProviderKeyRow) -> View,
    ) -> Result<View, Refusal> {
        self.require_byok(writer.workspace()).await?;
        let new = self.new_key(writer, input).await?;
        self.count_key_operation(writer).await?;
        let verdict = self.vouch(new.provider, new.base_url()?, &new.value).await?;
        let row = self.sealed_row(writer, &new, &verdict).await?;
        self.insert_provider_key(writer, row, once, |row| Ok(view(row))).await
    }

    pub(crate) async fn sealed_row(
        &self,
        writer: &Writer,
        new: &NewKey<'_>,
        verdict: &Verdict,
    ) -> Result<ProviderKeyRow, Refusal> {
        let id = ProviderKeyId::new(&*self.clock, &*self.random);
        let base_url = new.base_url()?;
        let slot = Slot {
            workspace: writer.workspace(),
            id: &id.to_string(),
            field: PROVIDER_KEY_FIELD,
            sealed_version: FIRST_SEAL,
            origin: base_url.origin(),
        };
        let closed = self.seal_value(slot, &new.value).await?;
        let mut row = self.blank_row(id, new.provider);
        row.project = new.project;
        row.name.clone_from(&new.name);
        row.base_url.clone_from(&new.own_base_url);
        base_url.origin().as_str().clone_into(&mut row.origin);
        row.key_prefix = new.value.key.as_ref().map(ProviderKey::shown).unwrap_or_default();
        keep(&mut row, closed);
        new.wishes.apply(&mut row);
        verdict.apply(new.provider, &mut row);
        Ok(row)
    }

    /// `view` sees whether it became the default, and may refuse it.
    pub(crate) async fn insert_provider_key<View: Serialize>(
        &self,
        writer: &Writer,
        mut row: ProviderKeyRow,
        once: Option<&Once>,
        view: impl FnOnce(ProviderKeyRow) -> Result<View, Refusal>,
    ) -> Result<View, Refusal> {
        let mut unit = self.unit(writer).await?;
        if let Some(version) = row.key_version {
            hold_active(unit.write(), version).await?;
        }
        let inserted = unit.rows().insert_provider_key(&row).await;
        row.is_default = inserted.map_err(|error| taken(&row, error))?;
        let id = row.id;
        let detail = detail(&row, [("sealed_version", row.sealed_version.into())]);
        let view = view(row)?;
        unit.remember(once, &view).await?;
        unit.commit("provider_key.created", id, detail).await?;
        Ok(view)
    }

    fn blank_row(&self, id: ProviderKeyId, provider: &Provider) -> ProviderKeyRow {
        let now = self.clock.now();
        ProviderKeyRow {
            id,
            project: None,
            provider: provider.id.to_string(),
            name: None,
            label: None,
            base_url: None,
            origin: String::new(),
            sealed: None,
            key_version: None,
            sealed_version: FIRST_SEAL,
            key_prefix: String::new(),
            is_default: false,
            is_active: true,
            allowed_models: None,
            data_policy: None,
            tier: None,
            tier_source: None,
            version: 1,
            validation: Validation::Unknown,
            health: Health::Unknown,
            last_health_error: None,
            last_health_check_at: None,
            last_used_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

pub(super) fn keep(row: &mut ProviderKeyRow, closed: Option<Closed>) {
    row.key_version = closed.as_ref().map(|closed| closed.key_version);
    row.sealed = closed.map(|closed| closed.sealed);
}

/// A name is taken once in a workspace, and once in each project.
fn taken(row: &ProviderKeyRow, error: StoreError) -> Refusal {
    match (error, &row.name) {
        (StoreError::Conflict, Some(name)) => {
            let public = format!("there is an endpoint named \"{name}\" already");
            Refusal { param: Some("name"), ..Refusal::new(Code::Conflict, public) }
        }
        (error, _) => error.into(),
    }
}
