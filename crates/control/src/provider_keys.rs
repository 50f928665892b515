//! The keys a workspace brings, one of its projects, or the operator: probed before they are kept, sealed for one place and one
//! address, never shown again.

mod change;
mod check;
mod create;
mod input;
mod recheck;
mod replace;
mod view;

use model::{ProviderKeyId, Refusal};
use store::workspace::ProviderKeyRow;

use crate::{Control, Page, PageWish, Reader, Versioned, Writer};

pub use change::{ChangeTier, ProviderKeyFields};
pub use input::CreateProviderKey;
pub use replace::ReplaceProviderKey;
pub use view::ProviderKeyView;

pub(crate) use input::{NewKey, Wishes, yes};
use view::detail;

impl Control {
    /// The workspace's own and its custom endpoints. What a project has for itself is listed with the project.
    pub async fn provider_keys(
        &self,
        reader: &Reader,
        wish: PageWish,
    ) -> Result<Page<ProviderKeyView>, Refusal> {
        let mut rows = self.store.workspace(reader.workspace()).provider_keys().await?;
        rows.retain(|row| row.project.is_none() || row.base_url.is_some());
        Ok(wish.cut(rows, |row| row.id.to_string(), |row| self.view(reader, row)))
    }

    pub async fn provider_key(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<Versioned<ProviderKeyView>, Refusal> {
        let row = self.find_provider_key(reader, id).await?;
        Ok(self.versioned(reader, row))
    }

    /// With its ciphertext and its health. The ledger keeps its id.
    pub async fn delete_provider_key(&self, writer: &Writer, id: &str) -> Result<(), Refusal> {
        let id = parse(id)?;
        self.count_key_operation(writer).await?;
        self.delete_provider_key_row(writer, id).await
    }

    /// For faces that find the key and count for themselves.
    pub(crate) async fn delete_provider_key_row(
        &self,
        writer: &Writer,
        id: ProviderKeyId,
    ) -> Result<(), Refusal> {
        let row = self.store.workspace(writer.workspace()).provider_key(id).await?;
        let row = row.ok_or_else(Refusal::not_found)?;
        let mut unit = self.unit(writer).await?;
        unit.rows().delete_provider_key(id).await?.ok_or_else(Refusal::not_found)?;
        unit.commit("provider_key.deleted", id, detail(&row, [])).await?;
        self.headrooms.forget(id);
        Ok(())
    }

    pub(crate) async fn find_provider_key(
        &self,
        reader: &Reader,
        id: &str,
    ) -> Result<ProviderKeyRow, Refusal> {
        let row = self.store.workspace(reader.workspace()).provider_key(parse(id)?).await?;
        row.ok_or_else(Refusal::not_found)
    }

    fn versioned(&self, reader: &Reader, row: ProviderKeyRow) -> Versioned<ProviderKeyView> {
        Versioned { version: row.version, view: self.view(reader, row) }
    }
}

/// What is no id names nothing.
fn parse(id: &str) -> Result<ProviderKeyId, Refusal> {
    id.parse().map_err(|_| Refusal::not_found())
}
