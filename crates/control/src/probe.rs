//! Asking a provider whether a key works: a trait here, wired to the data plane's client at boot.

use std::future::Future;
use std::pin::Pin;

use model::{BaseUrl, Provider};
use store::workspace::Validation;
use vault::ProviderKey;

pub struct Probed {
    pub validation: Validation,
    /// The provider's words, scrubbed.
    pub words: Option<String>,
}

pub type Probing<'a> = Pin<Box<dyn Future<Output = Probed> + Send + 'a>>;

pub trait Probe: Send + Sync + 'static {
    fn probe<'a>(
        &'a self,
        provider: &'a Provider,
        base_url: &'a BaseUrl,
        key: Option<&'a ProviderKey>,
    ) -> Probing<'a>;
}
