//! Secrets that are nothing but secrets: sealed for their id, so that a new name needs no new seal.

use model::{Code, Origin, Refusal, SecretCategory, SecretId};
use serde_json::{Value, json};
use store::StoreError;
use store::workspace::{SECRET_FIELD, SecretRow};
use vault::SecretValue;

use super::input::{self, DEFAULT_CATEGORY};
use super::name::{self, Named};
use super::view::Item;
use super::{SecretView, UpdateSecret};
use crate::sealing::{Closed, FIRST_SEAL, Slot, TRIES_MAX, hold_active};
use crate::{Control, Expected, Once, Reader, Writer};

/// A secret to be made, judged but for its value.
pub(crate) struct NewPlain {
    pub name: String,
    pub category: SecretCategory,
    pub description: Option<String>,
}

impl Control {
    pub(super) async fn must_be_free_name(
        &self,
        reader: &Reader,
        name: &str,
    ) -> Result<(), Refusal> {
        let there = self.store.workspace(reader.workspace()).secret(name).await?;
        if there.is_some() { Err(taken(name)) } else { Ok(()) }
    }

    pub(super) async fn create_plain_secret(
        &self,
        writer: &Writer,
        new: NewPlain,
        value: String,
        once: Option<&Once>,
    ) -> Result<SecretView, Refusal> {
        let id = SecretId::new(&*self.clock, &*self.random);
        let closed = self.seal_secret(writer, id, FIRST_SEAL, &input::value(value)?).await?;
        let now = self.clock.now();
        let row = SecretRow {
            id,
            name: new.name,
            category: new.category,
            description: new.description,
            sealed: closed.sealed,
            key_version: closed.key_version,
            sealed_version: FIRST_SEAL,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut unit = self.unit(writer).await?;
        hold_active(unit.write(), row.key_version).await?;
        unit.rows().insert_secret(&row).await.map_err(|error| named(&row.name, error))?;
        let detail = detail(&row);
        let view = self.secret_view(Item::Secret(row));
        unit.remember(once, &view).await?;
        unit.commit("secret.created", id, detail).await?;
        Ok(view)
    }

    /// Seals before it locks, and looks again once it has locked: what was replaced meanwhile needs another seal.
    pub(super) async fn update_plain_secret(
        &self,
        writer: &Writer,
        name: &str,
        mut input: UpdateSecret,
        expected: Expected,
    ) -> Result<SecretRow, Refusal> {
        let value = input.value.take().map(input::value).transpose()?;
        let wish = Wish::judge(input)?;
        for _ in 0..TRIES_MAX {
            let before = self.store.workspace(writer.workspace()).secret(name).await?;
            let before = before.ok_or_else(Refusal::not_found)?;
            let next = before.sealed_version.saturating_add(1);
            let closed = match &value {
                Some(value) => Some(self.seal_secret(writer, before.id, next, value).await?),
                None => None,
            };

            let mut unit = self.unit(writer).await?;
            if let Some(closed) = &closed {
                hold_active(unit.write(), closed.key_version).await?;
            }
            let row = unit.rows().touch_secret(name).await?;
            let mut row = row.ok_or_else(Refusal::not_found)?;
            expected.check(row.version)?;
            if row.id != before.id || row.sealed_version != before.sealed_version {
                continue;
            }
            if let Some(Closed { sealed, key_version }) = closed {
                (row.sealed, row.key_version, row.sealed_version) = (sealed, key_version, next);
            }
            wish.apply(&mut row);
            row.updated_at = unit.now();
            unit.rows().save_secret(&row).await.map_err(|error| named(&row.name, error))?;
            unit.commit("secret.updated", row.id, detail(&row)).await?;
            return Ok(row);
        }
        Err(Refusal::new(
            Code::Conflict,
            "this secret is being replaced by others at the same time",
        ))
    }

    pub(super) async fn delete_plain_secret(
        &self,
        writer: &Writer,
        name: &str,
    ) -> Result<(), Refusal> {
        let mut unit = self.unit(writer).await?;
        let row = unit.rows().delete_secret(name).await?.ok_or_else(Refusal::not_found)?;
        unit.commit("secret.deleted", row.id, detail(&row)).await
    }

    async fn seal_secret(
        &self,
        writer: &Writer,
        id: SecretId,
        sealed_version: u64,
        value: &SecretValue,
    ) -> Result<Closed, Refusal> {
        let slot = Slot {
            workspace: writer.workspace(),
            id: &id.to_string(),
            field: SECRET_FIELD,
            sealed_version,
            origin: &Origin::nowhere(),
        };
        self.seal(slot, value).await
    }
}

/// A change of anything but the value, judged.
struct Wish {
    name: Option<String>,
    category: Option<SecretCategory>,
    description: Option<Option<String>>,
}

impl Wish {
    fn judge(input: UpdateSecret) -> Result<Self, Refusal> {
        let description = input.description;
        let description =
            description.map(|text| input::description(text.as_deref())).transpose()?;
        if let Some(name) = &input.name {
            must_stay_plain(name)?;
        }
        let category = input.category.map(|category| category.unwrap_or(DEFAULT_CATEGORY));
        Ok(Self { name: input.name, category, description })
    }

    fn apply(&self, row: &mut SecretRow) {
        if let Some(name) = &self.name {
            row.name.clone_from(name);
        }
        if let Some(category) = self.category {
            row.category = category;
        }
        if let Some(description) = &self.description {
            row.description.clone_from(description);
        }
    }
}

fn must_stay_plain(name: &str) -> Result<(), Refusal> {
    match Named::parse(name).ok_or_else(name::unusable)? {
        Named::Plain(_) => Ok(()),
        Named::ProviderKey(_) => {
            let public = "a secret does not become a provider key by its name: create one with \
                          POST /api/secrets, where the key is checked";
            Err(Refusal::invalid("name", public))
        }
    }
}

fn named(name: &str, error: StoreError) -> Refusal {
    match error {
        StoreError::Conflict => taken(name),
        error => error.into(),
    }
}

fn taken(name: &str) -> Refusal {
    let public = format!("there is a secret \"{name}\" already: change it with PATCH");
    Refusal { param: Some("name"), ..Refusal::new(Code::Conflict, public) }
}

/// What the audit tells: which one it was, and never its value.
fn detail(row: &SecretRow) -> Value {
    json!({
        "name": row.name,
        "category": row.category,
        "sealed_version": row.sealed_version,
    })
}
