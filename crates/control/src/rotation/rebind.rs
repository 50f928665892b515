//! Binds a provider's keys to the address the operator gave the provider, on the operator's explicit word: from then on they
//! are sent there. A key whose owner gave the address is the owner's to replace.

use model::{BaseUrl, KeyVersion, Origin, Refusal, Sealed};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::system::{SealRow, SealTable};
use store::workspace::Health;
use utoipa::ToSchema;
use vault::header_of;

use super::doctor::ROWS_AT_ONCE;
use super::place::{Closed, Home};
use super::start::keyring_changed;
use crate::sealing::hold_active;
use crate::{Control, Operator};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rebind {
    pub provider: String,
}

#[derive(Serialize, ToSchema)]
pub struct RebindView {
    pub provider: String,
    /// Where its keys may be sent now.
    pub origin: String,
    pub rebound: u64,
    /// Keys that do not open, and stay as they are.
    pub closed: u64,
}

impl Control {
    pub async fn rebind_vault(
        &self,
        operator: &Operator,
        input: Rebind,
    ) -> Result<RebindView, Refusal> {
        let provider = self.catalogue.provider(&input.provider);
        let provider = provider
            .ok_or_else(|| Refusal::invalid("provider", "there is no provider of this name"))?;
        let origin = provider.base_url.as_ref().map(BaseUrl::origin).ok_or_else(|| {
            let public =
                "each custom endpoint has the address its owner gave it: replace its key instead";
            Refusal::invalid("provider", public)
        })?;
        let id = provider.id.to_string();
        let mut view =
            RebindView { provider: id.clone(), origin: origin.to_string(), rebound: 0, closed: 0 };
        let mut after = String::new();
        loop {
            let table = SealTable::ProviderKeys;
            let mut rows = self.store.system().seals(table, None, &after, ROWS_AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            rows.retain(|row| needs_binding(row, &id, origin));
            self.rebind_rows(operator, &rows, origin, &mut view).await?;
        }
        Ok(view)
    }

    async fn rebind_rows(
        &self,
        operator: &Operator,
        rows: &[SealRow],
        origin: &Origin,
        view: &mut RebindView,
    ) -> Result<(), Refusal> {
        let mut anew = Vec::new();
        for row in rows {
            match self.rebound(row, origin)? {
                Ok((sealed, version)) => anew.push((row, sealed, version)),
                Err(why) => {
                    view.closed = view.closed.saturating_add(1);
                    self.mark(row, &why).await?;
                }
            }
            tokio::task::yield_now().await;
        }
        let Some((_, _, version)) = anew.first() else { return Ok(()) };
        let mut write = self.store.write().await?;
        hold_active(&mut write, *version).await?;
        let (version, mut rebound) = (*version, 0_u64);
        // The ring may have changed in their midst; those are for the next time.
        for (row, sealed, _) in anew.iter().filter(|(_, _, theirs)| *theirs == version) {
            if write.rebind(row, sealed, version, origin).await? {
                rebound = rebound.saturating_add(1);
            }
        }
        let detail = json!({ "origin": origin.as_str(), "keys": rebound });
        write.audit(operator.doer(), None, "vault.rebound", &view.provider, detail);
        write.changed(keyring_changed(version));
        write.commit(self.clock.now()).await?;
        view.rebound = view.rebound.saturating_add(rebound);
        Ok(())
    }

    /// The inner error is the row's, the outer one ours.
    fn rebound(
        &self,
        row: &SealRow,
        origin: &Origin,
    ) -> Result<Result<(Sealed, KeyVersion), Closed>, Refusal> {
        let opened = Home::of(row).and_then(|home| {
            let key = self.vault.open_provider_key(&row.sealed, &home.place())?;
            Ok((home, key))
        });
        let (home, key) = match opened {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(why)),
        };
        let sealed = self.vault.seal_provider_key(&key, &home.place_at(origin));
        let sealed = sealed.map_err(Refusal::internal)?;
        let header = header_of(&sealed).map_err(Refusal::internal)?;
        Ok(Ok((sealed, header.version)))
    }
}

fn needs_binding(row: &SealRow, provider: &str, origin: &Origin) -> bool {
    row.key.as_ref().is_some_and(|key| {
        let is_elsewhere = key.origin != origin.as_str() || key.health == Health::OriginChanged;
        key.provider == provider && !key.is_custom && is_elsewhere
    })
}
