//! The webhook among the settings: its secret goes into the vault and never comes back.

use model::settings::{Patch, Webhook, WebhookEvent};
use model::{Code, KeyVersion, Origin, Refusal, SecretCategory, SecretId, Settings};
use serde::Deserialize;
use serde_json::Value;
use store::workspace::{SECRET_FIELD, SecretRow};
use utoipa::ToSchema;
use vault::SecretValue;

use super::Of;
use crate::Control;
use crate::sealing::{Closed, FIRST_SEAL, Slot};
use crate::unit::Unit;

/// Where news is posted, and what signs it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookFields {
    pub url: String,
    /// Signs what is posted. Never shown again; left out, the one before stays; null, there is none.
    #[serde(default, deserialize_with = "crate::patch::mentioned")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Option<String>>,
    /// Empty: all of them.
    #[serde(default)]
    pub events: Vec<WebhookEvent>,
    /// Shares of a cap, in percent, at which to tell.
    #[serde(default)]
    pub cap_shares: Vec<u8>,
}

/// What becomes of the secret.
pub(super) enum NewSecret {
    Kept,
    Removed,
    Sealed(Box<NewSeal>),
}

impl NewSecret {
    /// What must still seal when it is committed.
    pub fn key_version(&self) -> Option<KeyVersion> {
        match self {
            Self::Kept | Self::Removed => None,
            Self::Sealed(seal) => Some(seal.closed.key_version),
        }
    }
}

/// A value sealed in the place of `before`.
pub(super) struct NewSeal {
    id: SecretId,
    before: Option<u64>,
    sealed_version: u64,
    closed: Closed,
}

const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 256;
impl Control {
    /// Leaves the webhook in the patch as it is kept: without its secret, which is sealed.
    pub(super) async fn take_webhook(
        &self,
        of: Of,
        patch: &mut Patch,
    ) -> Result<NewSecret, Refusal> {
        let Some(given) = patch.remove("webhook") else { return Ok(NewSecret::Kept) };
        if given.is_null() {
            patch.insert("webhook".to_owned(), Value::Null);
            return Ok(NewSecret::Removed);
        }
        let given: WebhookFields = serde_json::from_value(given).map_err(|_| misfit())?;
        let WebhookFields { url, secret, events, cap_shares } = given;
        let kept = Webhook { url, events, cap_shares, has_secret: false };
        let kept = serde_json::to_value(kept).map_err(Refusal::internal)?;
        patch.insert("webhook".to_owned(), kept);
        match secret {
            None => Ok(NewSecret::Kept),
            Some(None) => Ok(NewSecret::Removed),
            Some(Some(text)) => self.seal_webhook(of, text).await,
        }
    }

    /// It signs and goes to nobody, so it belongs to no address.
    async fn seal_webhook(&self, of: Of, text: String) -> Result<NewSecret, Refusal> {
        let bytes = text.len();
        let value = SecretValue::new(text.into_bytes());
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes) {
            let public =
                format!("webhook.secret has from {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
            return Err(Refusal::invalid("webhook", public));
        }
        let before = self.store.workspace(of.workspace()).secret(&of.secret_name()).await?;
        let sealed_version =
            before.as_ref().map_or(FIRST_SEAL, |row| row.sealed_version.saturating_add(1));
        let id = before
            .as_ref()
            .map_or_else(|| SecretId::new(&*self.clock, &*self.random), |row| row.id);
        let origin = Origin::nowhere();
        let slot = Slot {
            workspace: of.workspace(),
            id: &id.to_string(),
            field: SECRET_FIELD,
            sealed_version,
            origin: &origin,
        };
        let closed = self.seal(slot, &value).await?;
        let before = before.map(|row| row.sealed_version);
        Ok(NewSecret::Sealed(Box::new(NewSeal { id, before, sealed_version, closed })))
    }

    /// Whether there is a secret afterwards.
    pub(super) async fn write_secret(
        &self,
        unit: &mut Unit,
        of: Of,
        secret: NewSecret,
        had_secret: bool,
        settings: &Settings,
    ) -> Result<bool, Refusal> {
        match secret {
            NewSecret::Kept => Ok(had_secret && settings.webhook.is_some()),
            NewSecret::Removed => {
                unit.rows().delete_secret(&of.secret_name()).await?;
                Ok(false)
            }
            NewSecret::Sealed(seal) => {
                write_seal(unit, of, *seal).await?;
                Ok(true)
            }
        }
    }
}

async fn write_seal(unit: &mut Unit, of: Of, seal: NewSeal) -> Result<(), Refusal> {
    let now = unit.now();
    let before = unit.rows().touch_secret(&of.secret_name()).await?;
    // Sealed for its version: of two that arrive together, the second does not fit any more.
    if before.as_ref().map(|row| row.sealed_version) != seal.before {
        return Err(Refusal::new(Code::Conflict, "the secret was changed at the same time"));
    }
    let is_new = before.is_none();
    let row = SecretRow {
        id: seal.id,
        name: of.secret_name(),
        category: SecretCategory::Custom,
        description: None,
        sealed: seal.closed.sealed,
        key_version: seal.closed.key_version,
        sealed_version: seal.sealed_version,
        version: before.as_ref().map_or(1, |row| row.version),
        created_at: before.as_ref().map_or(now, |row| row.created_at),
        updated_at: now,
    };
    if is_new {
        unit.rows().insert_secret(&row).await?;
    } else {
        unit.rows().save_secret(&row).await?;
    }
    Ok(())
}

fn misfit() -> Refusal {
    let public = "the field \"webhook\" takes url, secret, events and cap_shares";
    Refusal::invalid("webhook", public)
}
