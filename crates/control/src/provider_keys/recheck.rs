//! Asks again about a key that is kept. What does not open is not sent, nor what was given for another address.

use model::{BaseUrl, Doer, Provider, ProviderKeyId, Refusal, WorkspaceId};
use serde_json::json;
use store::workspace::{Health, PROVIDER_KEY_FIELD, Probe, ProviderKeyRow};
use vault::ProviderKey;

use super::input::effective;
use super::view::{ProviderKeyView, detail};
use crate::sealing::Slot;
use crate::{Control, Versioned, Writer};

/// A stored key, as far as it can be used now.
enum Stored<'a> {
    Opened { provider: &'a Provider, base_url: BaseUrl, key: Option<ProviderKey> },
    Unusable(Health, &'static str),
}

impl Control {
    pub async fn validate_provider_key(
        &self,
        writer: &Writer,
        id: &str,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let id = super::parse(id)?;
        self.count_key_operation(writer).await?;
        let row = self.recheck_provider_key(writer.doer(), writer.workspace(), id).await?;
        Ok(self.versioned(writer, row))
    }

    /// Whoever wants to know: a person, an application, or we ourselves from time to time.
    pub(crate) async fn recheck_provider_key(
        &self,
        doer: Doer,
        workspace: WorkspaceId,
        id: ProviderKeyId,
    ) -> Result<ProviderKeyRow, Refusal> {
        let (before, stored) = self.at_rest(workspace, id).await?;
        let probe = match stored {
            Stored::Opened { provider, base_url, key } => {
                self.ask(provider, &base_url, key.as_ref()).await
            }
            Stored::Unusable(health, why) => Probe {
                validation: before.validation,
                health,
                error: Some(why.to_owned()),
                tier: None,
            },
        };
        let mut unit = self.unit_by(doer, workspace).await?;
        let now = unit.now();
        let mut rows = unit.rows();
        let is_same = rows.set_provider_key_probe(id, before.sealed_version, &probe, now).await?;
        // Of a value that was replaced while its provider was asked, nothing is kept.
        if is_same {
            let (validation, health) = (probe.validation.as_str(), probe.health.as_str());
            let found =
                [("validation_status", json!(validation)), ("health_status", json!(health))];
            unit.commit("provider_key.validated", id, detail(&before, found)).await?;
        } else {
            drop(unit);
        }
        let row = self.provider_key_now(workspace, id).await?;
        if is_same {
            self.notice_health(workspace, before.health, &row);
        }
        Ok(row)
    }

    /// The master key's rotation may seal it anew between the reading and the opening: what does not open is read again.
    async fn at_rest(
        &self,
        workspace: WorkspaceId,
        id: ProviderKeyId,
    ) -> Result<(ProviderKeyRow, Stored<'_>), Refusal> {
        let row = self.provider_key_now(workspace, id).await?;
        let stored = self.stored(workspace, &row).await?;
        if !matches!(stored, Stored::Unusable(Health::Undecryptable, _)) {
            return Ok((row, stored));
        }
        let again = self.provider_key_now(workspace, id).await?;
        let stored = match again.sealed == row.sealed {
            true => stored,
            false => self.stored(workspace, &again).await?,
        };
        Ok((again, stored))
    }

    async fn provider_key_now(
        &self,
        workspace: WorkspaceId,
        id: ProviderKeyId,
    ) -> Result<ProviderKeyRow, Refusal> {
        let row = self.store.workspace(workspace).provider_key(id).await?;
        row.ok_or_else(Refusal::not_found)
    }

    async fn stored(
        &self,
        workspace: WorkspaceId,
        row: &ProviderKeyRow,
    ) -> Result<Stored<'_>, Refusal> {
        let provider = self.provider(&row.provider)?;
        let base_url = effective(provider, row.base_url.as_ref())?.clone();
        if base_url.origin().as_str() != row.origin {
            let why =
                "the key was stored for another address than the provider has now: replace it";
            return Ok(Stored::Unusable(Health::OriginChanged, why));
        }
        let Some(sealed) = &row.sealed else {
            return Ok(Stored::Opened { provider, base_url, key: None });
        };
        let slot = Slot {
            workspace,
            id: &row.id.to_string(),
            field: PROVIDER_KEY_FIELD,
            sealed_version: row.sealed_version,
            origin: base_url.origin(),
        };
        match self.open_provider_key(slot, sealed).await? {
            Ok(key) => Ok(Stored::Opened { provider, base_url, key: Some(key) }),
            Err(error) => {
                tracing::error!(provider_key = %row.id, error = %error, "a stored key does not open");
                let why = "the stored key does not open: replace it, or ask the operator to run \
                           `keystile vault doctor`";
                Ok(Stored::Unusable(Health::Undecryptable, why))
            }
        }
    }
}
