//! Asking a provider whether a key works: a trait here, wired to the data plane's client at boot.

use std::future::Future;
use std::pin::Pin;

use model::{BaseUrl, Provider, Tier};
use store::workspace::Validation;
use vault::ProviderKey;

pub struct Probed {
    pub validation: Validation,
    /// Why the key is not simply good: the provider's words, scrubbed, or ours.
    pub words: Option<String>,
    /// As the provider's headers tell, where they do.
    pub detected_tier: Option<Tier>,
}

impl Probed {
    /// Nobody was asked.
    pub const fn unasked() -> Self {
        Self { validation: Validation::Unknown, words: None, detected_tier: None }
    }
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
