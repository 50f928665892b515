//! A provider key as the data plane needs it: still sealed.

use model::{BaseUrl, ModelRef, ProviderId};
use store::workspace::ProviderKeyRow;

pub struct ProviderKeyEntry {
    pub row: ProviderKeyRow,
    pub provider: ProviderId,
    /// Where it may be used now; differs from the row's origin when the operator moved the provider.
    pub base_url: BaseUrl,
    /// `None` allows all of the provider's.
    pub allowed: Option<Vec<ModelRef>>,
}
