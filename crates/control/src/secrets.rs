//! Everything a workspace keeps sealed, under a name. A secret whose name says that it is a provider's key is that
//! workspace's default provider key, seen from here: one object, two faces. No value ever comes back.

mod input;
mod name;
mod plain;
mod provider_key;
mod view;

use std::collections::{BTreeMap, HashSet};

use model::{Refusal, SecretCategory};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Control, Expected, Once, Page, PageWish, Reader, Versioned, Writer};
use input::DEFAULT_CATEGORY;
use name::Named;
use plain::NewPlain;
use provider_key::NewProviderKey;
use view::Item;

pub use input::{CreateSecret, UpdateSecret};
pub use view::SecretView;

/// Every provider in the spelling of a tenant's routes, and whether the workspace has an active key for it.
#[derive(Serialize, ToSchema)]
pub struct ByokProviders {
    pub providers: BTreeMap<String, bool>,
}

/// A secret to be made, judged.
pub(crate) enum NewSecret<'a> {
    Plain(NewPlain),
    ProviderKey(NewProviderKey<'a>),
}

impl Control {
    pub async fn create_secret(
        &self,
        writer: &Writer,
        input: CreateSecret,
        once: Option<&Once>,
    ) -> Result<SecretView, Refusal> {
        let CreateSecret { name, value, category, description } = input;
        match self.new_secret(writer, &name, category, description.as_deref()).await? {
            NewSecret::Plain(new) => self.create_plain_secret(writer, new, value, once).await,
            NewSecret::ProviderKey(new) => {
                self.create_provider_key_secret(writer, new, value, once).await
            }
        }
    }

    /// Judges all of a new secret but its value, and whether there is one already.
    pub(crate) async fn new_secret(
        &self,
        writer: &Writer,
        name: &str,
        category: Option<SecretCategory>,
        description: Option<&str>,
    ) -> Result<NewSecret<'_>, Refusal> {
        Ok(match Named::parse(name).ok_or_else(name::unusable)? {
            Named::Plain(name) => NewSecret::Plain(NewPlain {
                name: name.to_owned(),
                category: category.unwrap_or(DEFAULT_CATEGORY),
                description: input::description(description)?,
            }),
            Named::ProviderKey(provider) => {
                let new = self.new_provider_key(writer, provider, category, description).await?;
                NewSecret::ProviderKey(new)
            }
        })
    }

    /// For whoever asks before there is a value.
    pub(crate) async fn must_be_free(
        &self,
        reader: &Reader,
        new: &NewSecret<'_>,
    ) -> Result<(), Refusal> {
        match new {
            NewSecret::Plain(new) => self.must_be_free_name(reader, &new.name).await,
            NewSecret::ProviderKey(new) => self.must_have_no_default(reader, new.provider).await,
        }
    }

    /// Ours are not listed, and a project's key sees no provider key of its workspace.
    pub async fn secrets(
        &self,
        reader: &Reader,
        wish: PageWish,
        category: Option<SecretCategory>,
    ) -> Result<Page<SecretView>, Refusal> {
        let mut items = self.provider_key_items(reader, category, wish.after()).await?;
        // An id of a provider key sorts before every secret's.
        let workspace = self.store.workspace(reader.workspace());
        let secrets = workspace.secrets(category, wish.after(), wish.rows()).await?;
        items.extend(secrets.into_iter().map(Item::Secret));
        Ok(wish.page(items, Item::id, |item| self.secret_view(item)))
    }

    pub async fn secret(
        &self,
        reader: &Reader,
        name: &str,
    ) -> Result<Versioned<SecretView>, Refusal> {
        let item = match Named::parse(name).ok_or_else(Refusal::not_found)? {
            Named::Plain(name) => {
                let row = self.store.workspace(reader.workspace()).secret(name).await?;
                row.map(Item::Secret)
            }
            Named::ProviderKey(provider) => {
                provider_key::may_see(reader)?;
                self.default_provider_key(reader, provider).await?.map(Item::from)
            }
        };
        item.map(|item| self.versioned_secret(item)).ok_or_else(Refusal::not_found)
    }

    pub async fn update_secret(
        &self,
        writer: &Writer,
        name: &str,
        input: UpdateSecret,
        expected: Expected,
    ) -> Result<Versioned<SecretView>, Refusal> {
        let item = match Named::parse(name).ok_or_else(Refusal::not_found)? {
            Named::Plain(name) => {
                self.update_plain_secret(writer, name, input, expected).await.map(Item::Secret)
            }
            Named::ProviderKey(provider) => {
                let row = self.update_provider_key_secret(writer, provider, input, expected).await;
                row.map(Item::from)
            }
        };
        item.map(|item| self.versioned_secret(item))
    }

    /// With its ciphertext.
    pub async fn delete_secret(&self, writer: &Writer, name: &str) -> Result<(), Refusal> {
        match Named::parse(name).ok_or_else(Refusal::not_found)? {
            Named::Plain(name) => self.delete_plain_secret(writer, name).await,
            Named::ProviderKey(provider) => self.delete_provider_key_secret(writer, provider).await,
        }
    }

    pub async fn byok_providers(&self, reader: &Reader) -> Result<ByokProviders, Refusal> {
        provider_key::may_see(reader)?;
        let keys = self.store.workspace(reader.workspace()).provider_keys().await?;
        let active = keys.iter().filter(|key| key.project.is_none() && key.is_active);
        let usable: HashSet<&str> = active.map(|key| key.provider.as_str()).collect();
        let providers = self.catalogue.providers().iter();
        let providers = providers
            .map(|it| (it.tenant_name().to_owned(), usable.contains(it.id.as_str())))
            .collect();
        Ok(ByokProviders { providers })
    }
}

/// What a name asks for beyond the right to write secrets.
pub(crate) fn may_change(writer: &Writer, name: &str) -> Result<(), Refusal> {
    match Named::parse(name) {
        Some(Named::ProviderKey(_)) => provider_key::may_change(writer),
        Some(Named::Plain(_)) | None => Ok(()),
    }
}
