//! What people see of a secret: all but its value.

use model::{Provider, SecretCategory, Timestamp};
use serde::Serialize;
use store::workspace::{ProviderKeyRow, SecretRow};
use utoipa::ToSchema;

use super::name::PROVIDER_KEY_PREFIX;
use crate::{Control, Versioned};

#[derive(Serialize, ToSchema)]
pub struct SecretView {
    /// `sec_...`, or of a provider key `pk_...`.
    pub id: String,
    pub name: String,
    pub category: SecretCategory,
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What there is behind a name.
pub(super) enum Item {
    ProviderKey(Box<ProviderKeyRow>),
    Secret(SecretRow),
}

impl From<ProviderKeyRow> for Item {
    fn from(row: ProviderKeyRow) -> Self {
        Self::ProviderKey(Box::new(row))
    }
}

impl Item {
    pub fn id(&self) -> String {
        match self {
            Self::ProviderKey(row) => row.id.to_string(),
            Self::Secret(row) => row.id.to_string(),
        }
    }

    const fn version(&self) -> i64 {
        match self {
            Self::ProviderKey(row) => row.version,
            Self::Secret(row) => row.version,
        }
    }
}

impl Control {
    pub(super) fn versioned_secret(&self, item: Item) -> Versioned<SecretView> {
        Versioned { version: item.version(), view: self.secret_view(item) }
    }

    pub(super) fn secret_view(&self, item: Item) -> SecretView {
        let id = item.id();
        match item {
            Item::ProviderKey(row) => SecretView {
                id,
                name: self.provider_key_name(&row.provider),
                category: SecretCategory::LlmProvider,
                description: row.label,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            Item::Secret(row) => SecretView {
                id,
                name: row.name,
                category: row.category,
                description: row.description,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
        }
    }

    pub(super) fn provider_key_name(&self, provider: &str) -> String {
        let known = self.catalogue.provider(provider);
        let spelled = known.map_or(provider, Provider::tenant_name);
        format!("{PROVIDER_KEY_PREFIX}{spelled}")
    }
}
