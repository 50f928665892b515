//! The other face of a workspace's default provider keys. Whatever is done here is done by the operations of provider keys.

use model::{Code, Provider, Refusal, Scope, SecretCategory};
use store::workspace::ProviderKeyRow;

use super::name::{Named, PROVIDER_KEY_PREFIX};
use super::view::Item;
use super::{SecretView, UpdateSecret};
use crate::provider_keys::{ReplaceProviderKey, Wishes};
use crate::{Control, CreateProviderKey, Expected, Once, Patch, Reader, Standing, Writer, fields};

/// A provider key to be made, judged but for its value.
pub(crate) struct NewProviderKey<'a> {
    pub provider: &'a Provider,
    pub label: Option<String>,
}

impl Control {
    /// Of each provider the default, from after `after`, as far as the reader may see them.
    pub(super) async fn provider_key_items(
        &self,
        reader: &Reader,
        category: Option<SecretCategory>,
        after: &str,
    ) -> Result<Vec<Item>, Refusal> {
        let is_wanted = category.is_none_or(|it| it == SecretCategory::LlmProvider);
        if !is_wanted || may_see(reader).is_err() {
            return Ok(Vec::new());
        }
        let mut rows = self.store.workspace(reader.workspace()).provider_keys().await?;
        rows.retain(|row| is_default(row) && row.id.to_string().as_str() > after);
        rows.sort_by_key(|row| row.id);
        Ok(rows.into_iter().map(Item::from).collect())
    }

    /// By any of the provider's names.
    pub(super) async fn default_provider_key(
        &self,
        reader: &Reader,
        provider: &str,
    ) -> Result<Option<ProviderKeyRow>, Refusal> {
        let known = self.catalogue.provider(provider);
        let id = known.map_or(provider, |known| known.id.as_str());
        let rows = self.store.workspace(reader.workspace()).provider_keys().await?;
        Ok(rows.into_iter().find(|row| is_default(row) && row.provider == id))
    }

    pub(super) async fn new_provider_key(
        &self,
        writer: &Writer,
        provider: &str,
        category: Option<SecretCategory>,
        description: Option<&str>,
    ) -> Result<NewProviderKey<'_>, Refusal> {
        may_change(writer)?;
        must_be_llm_provider(category)?;
        let label = label(description)?;
        let provider = self.provider(provider);
        let provider = provider.map_err(|refusal| Refusal { param: Some("name"), ..refusal })?;
        if provider.needs_base_url() {
            let public = "a custom endpoint has a base_url too: make it with \
                          POST /v1/workspaces/{workspace}/provider-keys";
            return Err(Refusal::invalid("name", public));
        }
        self.require_byok(writer.workspace()).await?;
        Ok(NewProviderKey { provider, label })
    }

    pub(super) async fn must_have_no_default(
        &self,
        reader: &Reader,
        provider: &Provider,
    ) -> Result<(), Refusal> {
        let there = self.default_provider_key(reader, provider.id.as_str()).await?;
        there.map_or(Ok(()), |row| Err(self.taken(&row)))
    }

    /// As any provider key is made, but that it is the default or nothing.
    pub(super) async fn create_provider_key_secret(
        &self,
        writer: &Writer,
        new: NewProviderKey<'_>,
        value: String,
        once: Option<&Once>,
    ) -> Result<SecretView, Refusal> {
        let NewProviderKey { provider, label } = new;
        let input =
            CreateProviderKey { label, ..CreateProviderKey::new(provider.id.as_str(), value) };
        let key = self.new_key(writer, input).await.map_err(of_the_value)?;
        self.count_key_operation(writer).await?;
        self.must_have_no_default(writer, provider).await?;
        let verdict = self.vouch(provider, key.base_url()?, &key.value).await;
        let row = self.sealed_row(writer, &key, &verdict.map_err(of_the_value)?).await?;
        let view = |row: ProviderKeyRow| match row.is_default {
            true => Ok(self.secret_view(Item::from(row))),
            // Another came meanwhile.
            false => Err(self.taken(&row)),
        };
        self.insert_provider_key(writer, row, once, view).await
    }

    pub(super) async fn update_provider_key_secret(
        &self,
        writer: &Writer,
        provider: &str,
        input: UpdateSecret,
        expected: Expected,
    ) -> Result<ProviderKeyRow, Refusal> {
        may_change(writer)?;
        must_be_llm_provider(input.category.flatten())?;
        let row = self.default_provider_key(writer, provider).await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        self.must_keep_its_name(input.name.as_deref(), &row)?;
        let description = input.description.as_ref();
        let description = description.map(|text| label(text.as_deref())).transpose()?;
        let Some(value) = input.value else {
            let Some(description) = description else { return untouched(row, expected) };
            return self.label_provider_key(writer, &row, description, expected).await;
        };
        let value = ReplaceProviderKey { api_key: value, validate_before_save: true };
        let wishes = Wishes { label: description.clone().flatten(), ..Wishes::default() };
        let replaced = self.replace_provider_key_row(writer, &row, value, &wishes, expected);
        let row = replaced.await.map_err(of_the_value)?;
        match description {
            Some(None) if row.label.is_some() => {
                self.label_provider_key(writer, &row, None, Expected(Some(row.version))).await
            }
            _ => Ok(row),
        }
    }

    pub(super) async fn delete_provider_key_secret(
        &self,
        writer: &Writer,
        provider: &str,
    ) -> Result<(), Refusal> {
        may_change(writer)?;
        let row = self.default_provider_key(writer, provider).await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        self.delete_provider_key(writer, &row.id.to_string()).await
    }

    async fn label_provider_key(
        &self,
        writer: &Writer,
        row: &ProviderKeyRow,
        label: Option<String>,
        expected: Expected,
    ) -> Result<ProviderKeyRow, Refusal> {
        let patch = Patch::from_iter([("label".to_owned(), label.into())]);
        self.change_provider_key_row(writer, row.id, patch, expected).await
    }

    fn must_keep_its_name(&self, name: Option<&str>, row: &ProviderKeyRow) -> Result<(), Refusal> {
        let Some(name) = name else { return Ok(()) };
        let same = match Named::parse(name) {
            Some(Named::ProviderKey(provider)) => {
                let known = self.catalogue.provider(provider);
                known.map_or(provider, |known| known.id.as_str()) == row.provider
            }
            _ => false,
        };
        if same {
            return Ok(());
        }
        let public = "the name says which provider the key is for, and stays";
        Err(Refusal::invalid("name", public))
    }

    fn taken(&self, row: &ProviderKeyRow) -> Refusal {
        let name = self.provider_key_name(&row.provider);
        let public = format!("there is a secret \"{name}\" already: replace its value with PATCH");
        Refusal { param: Some("name"), ..Refusal::new(Code::Conflict, public) }
    }
}

fn is_default(row: &ProviderKeyRow) -> bool {
    row.is_default && row.project.is_none()
}

/// What belongs to the whole workspace is out of a project's reach, whatever the scopes.
pub fn may_see(reader: &Reader) -> Result<(), Refusal> {
    match reader.standing() {
        Standing::Key { id, bound_to: Some(_), .. } => {
            let public = format!(
                "gateway key {id} belongs to a project, and {PROVIDER_KEY_PREFIX}... is the workspace's"
            );
            Err(Refusal::new(Code::MissingScope, public))
        }
        _ => Ok(()),
    }
}

pub fn may_change(writer: &Writer) -> Result<(), Refusal> {
    may_see(writer)?;
    match writer.standing() {
        Standing::Key { id, scopes, .. } if !scopes.allows(Scope::WriteByok) => {
            let scope = Scope::WriteByok;
            let public = format!("gateway key {id} lacks the scope \"{scope}\" for a provider key");
            Err(Refusal::new(Code::MissingScope, public))
        }
        _ => Ok(()),
    }
}

fn must_be_llm_provider(category: Option<SecretCategory>) -> Result<(), Refusal> {
    match category {
        None | Some(SecretCategory::LlmProvider) => Ok(()),
        Some(_) => {
            let public = "a provider key has the category llm_provider";
            Err(Refusal::invalid("category", public))
        }
    }
}

/// A provider key's label is its description here. Blank is none.
fn label(description: Option<&str>) -> Result<Option<String>, Refusal> {
    let description = description.filter(|text| !text.trim().is_empty());
    description.map(|text| fields::name("description", text)).transpose()
}

/// Nothing is asked for.
fn untouched(row: ProviderKeyRow, expected: Expected) -> Result<ProviderKeyRow, Refusal> {
    expected.check(row.version.saturating_add(1))?;
    Ok(row)
}

/// On this face the key is the value, and is always checked.
fn of_the_value(refusal: Refusal) -> Refusal {
    match (refusal.param, refusal.code) {
        (Some("api_key"), _) => Refusal { param: Some("value"), ..refusal },
        (_, Code::UpstreamUnavailable) => {
            let public =
                format!("{}, on /v1/workspaces/{{workspace}}/provider-keys", refusal.public);
            Refusal { public, ..refusal }
        }
        _ => refusal,
    }
}
