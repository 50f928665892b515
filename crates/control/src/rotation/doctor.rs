//! Opens every stored value once and says which do not open, and why. Shows none.

use model::{BaseUrl, Provider, Refusal, WorkspaceId};
use serde::Serialize;
use serde_json::json;
use store::system::{SealRow, SealTable};
use utoipa::ToSchema;

use super::place::{Closed, Home, kind};
use crate::{Control, Operator};

#[derive(Serialize, ToSchema)]
pub struct DoctorView {
    pub checked: u64,
    /// What does not open; the first thousand.
    pub closed: Vec<ClosedSeal>,
    pub closed_total: u64,
    /// What opens but is not sent, because its provider has another address now; the first thousand.
    pub moved: Vec<MovedKey>,
    pub moved_total: u64,
}

#[derive(Serialize, ToSchema)]
pub struct ClosedSeal {
    /// `provider_key`, `secret` or `instance_secret`.
    pub kind: &'static str,
    pub id: String,
    pub workspace_id: WorkspaceId,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct MovedKey {
    pub id: String,
    pub workspace_id: WorkspaceId,
    pub provider: String,
    /// What it was stored for.
    pub origin: String,
    pub origin_now: String,
}

pub(super) const ROWS_AT_ONCE: u32 = 200;
const SHOWN_MAX: usize = 1000;

impl Control {
    pub async fn vault_doctor(&self, operator: &Operator) -> Result<DoctorView, Refusal> {
        let mut view = DoctorView {
            checked: 0,
            closed: Vec::new(),
            closed_total: 0,
            moved: Vec::new(),
            moved_total: 0,
        };
        for table in SealTable::ALL {
            let mut after = String::new();
            loop {
                let rows = self.store.system().seals(table, None, &after, ROWS_AT_ONCE).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.id);
                for row in &rows {
                    self.examine(row, &mut view).await?;
                    tokio::task::yield_now().await;
                }
            }
        }
        let mut write = self.store.write().await?;
        let detail = json!({ "checked": view.checked, "closed": view.closed_total });
        write.audit(operator.doer(), None, "vault.examined", "vault", detail);
        write.commit(self.clock.now()).await?;
        Ok(view)
    }

    async fn examine(&self, row: &SealRow, view: &mut DoctorView) -> Result<(), Refusal> {
        view.checked = view.checked.saturating_add(1);
        if let Err(why) = self.opens(row) {
            self.mark(row, &why).await?;
            view.closed_total = view.closed_total.saturating_add(1);
            if view.closed.len() < SHOWN_MAX {
                view.closed.push(ClosedSeal {
                    kind: kind(row.table),
                    id: row.id.clone(),
                    workspace_id: row.workspace,
                    reason: why.to_string(),
                });
            }
        } else if let Some(moved) = self.moved(row) {
            view.moved_total = view.moved_total.saturating_add(1);
            if view.moved.len() < SHOWN_MAX {
                view.moved.push(moved);
            }
        }
        Ok(())
    }

    fn opens(&self, row: &SealRow) -> Result<(), Closed> {
        let home = Home::of(row)?;
        match row.table {
            SealTable::ProviderKeys => {
                self.vault.open_provider_key(&row.sealed, &home.place()).map(drop)?;
            }
            SealTable::InstanceSecrets | SealTable::Secrets => {
                self.vault.open(&row.sealed, &home.place()).map(drop)?;
            }
        }
        Ok(())
    }

    fn moved(&self, row: &SealRow) -> Option<MovedKey> {
        let key = row.key.as_ref().filter(|key| !key.is_custom)?;
        let provider = self.catalogue.provider(&key.provider);
        let origin_now =
            provider.and_then(|it: &Provider| it.base_url.as_ref()).map(BaseUrl::origin)?;
        let moved = origin_now.as_str() != key.origin;
        moved.then(|| MovedKey {
            id: row.id.clone(),
            workspace_id: row.workspace,
            provider: key.provider.clone(),
            origin: key.origin.clone(),
            origin_now: origin_now.to_string(),
        })
    }
}
