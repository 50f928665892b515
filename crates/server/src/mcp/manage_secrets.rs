//! `manage_secrets`: what `/api/secrets` does, for an assistant. Shows no value, and need not be given one: a link takes a
//! person to a page that asks for it.

use control::{
    CreateSecret, Expected, PageWish, Reader, UpdateSecret, UploadAction, UploadRequest, Writer,
};
use model::{Refusal, Scope, SecretCategory};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use crate::shared::Shared;

/// The words below are those that an assistant reads.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(description = "What to do with which secret.")]
pub struct ManageSecrets {
    /// "create" stores a new secret, "list" shows names and never values, "rotate" replaces the value of a secret, "delete"
    /// removes one.
    action: Action,
    /// Needed by all actions but "list". Letters, digits, "_", "." and "-". A name like "provider_key_openai" makes it the
    /// workspace's key for that provider, which is checked with the provider before it is stored.
    name: Option<String>,
    /// For "create" and "rotate". Never comes back. To keep it out of the conversation leave it out and set "upload_link".
    value: Option<String>,
    /// For "create" and "rotate". Without one it is "llm_provider" for a provider's key, else "api_key".
    #[serde(default)]
    #[schemars(schema_with = "categories")]
    category: Option<SecretCategory>,
    /// For "create" and "rotate": what the secret is for.
    description: Option<String>,
    /// Instead of "value": answers a link to a page where a person pastes it. The link works once, for 15 minutes.
    upload_link: Option<bool>,
    /// For "list": the "next_cursor" of the page before.
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Action {
    Create,
    Delete,
    List,
    Rotate,
}

fn categories(_: &mut SchemaGenerator) -> Schema {
    let names = SecretCategory::ALL.map(|category| Some(category.as_str()));
    let names: Vec<_> = names.into_iter().chain([None]).collect();
    json_schema!({ "type": ["string", "null"], "enum": names })
}

pub async fn manage_secrets(shared: &Shared, asked: &Asked) -> Result<Value, Refusal> {
    let wish: ManageSecrets = asked.arguments.read()?;
    let scope = match wish.action {
        Action::List => Scope::ReadSecrets,
        Action::Create | Action::Delete | Action::Rotate => Scope::WriteSecrets,
    };
    let reader = asked.principal.may(shared, scope).await?;
    match wish.action {
        Action::Create => put(shared, &reader.writer()?, UploadAction::Create, wish).await,
        Action::Delete => delete(shared, &reader.writer()?, wish).await,
        Action::List => list(shared, &reader, wish).await,
        Action::Rotate => put(shared, &reader.writer()?, UploadAction::Rotate, wish).await,
    }
}

async fn list(shared: &Shared, reader: &Reader, wish: ManageSecrets) -> Result<Value, Refusal> {
    let wanted = PageWish::new(None, wish.cursor)?;
    let page = shared.control.secrets(reader, wanted, wish.category).await?;
    Ok(json!({ "secrets": page.items, "next_cursor": page.next_cursor }))
}

async fn delete(shared: &Shared, writer: &Writer, wish: ManageSecrets) -> Result<Value, Refusal> {
    let name = named(wish.name)?;
    shared.control.delete_secret(writer, &name).await?;
    Ok(json!({ "deleted": name }))
}

/// A value that is given, or that a person is to bring.
async fn put(
    shared: &Shared,
    writer: &Writer,
    action: UploadAction,
    wish: ManageSecrets,
) -> Result<Value, Refusal> {
    let ManageSecrets { category, description, .. } = wish;
    let name = named(wish.name)?;
    let Some(value) = given(wish.value, wish.upload_link)? else {
        let request = UploadRequest { action, name, category, description };
        return link(shared, writer, request).await;
    };
    let secret = match action {
        UploadAction::Create => {
            let input = CreateSecret { name, value, category, description };
            shared.control.create_secret(writer, input, None).await?
        }
        UploadAction::Rotate => {
            let input = UpdateSecret {
                value: Some(value),
                category: category.map(Some),
                description: description.map(Some),
                ..UpdateSecret::default()
            };
            shared.control.update_secret(writer, &name, input, Expected(None)).await?.view
        }
    };
    Ok(json!({ "secret": secret }))
}

/// `None`: a person is to bring it.
fn given(value: Option<String>, upload_link: Option<bool>) -> Result<Option<String>, Refusal> {
    let public = match (value, upload_link.unwrap_or(false)) {
        (Some(value), false) => return Ok(Some(value)),
        (None, true) => return Ok(None),
        (Some(_), true) => "send a value or ask for an upload_link, not both",
        (None, false) => {
            "value is missing: send one, or set upload_link to true to have a person paste it on a \
             page of its own"
        }
    };
    Err(Refusal::invalid("value", public))
}

async fn link(shared: &Shared, writer: &Writer, wish: UploadRequest) -> Result<Value, Refusal> {
    let link = shared.control.ask_upload(writer, wish).await?;
    Ok(json!({
        "upload_link": shared.control.public_url.join(&link.path),
        "expires_at": link.expires_at,
        "next": "Give this link to the person who has the value. Opening it yourself is of no use.",
    }))
}

fn named(name: Option<String>) -> Result<String, Refusal> {
    name.ok_or_else(|| Refusal::invalid("name", "name is missing: this action needs one"))
}
