//! Asks a provider whether a key works, at no cost: one call, no retries, no redirects.

use std::time::Duration;

use model::{BaseUrl, Code, Provider};
use store::workspace::Validation;
use tokio::time::Instant;
use vault::{ProviderKey, Scrubber};

use crate::Upstream;
use crate::body::Bounds;
use crate::upstream::{Blame, UpstreamError, read_answer};

/// What the probe found, and in whose words.
#[derive(Debug)]
pub struct Finding {
    pub validation: Validation,
    /// The provider's, scrubbed and capped; none for a host a tenant named.
    pub words: Option<String>,
}

const PROBE_MAX: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 << 10;

pub async fn probe(
    upstream: &Upstream,
    provider: &Provider,
    base_url: &BaseUrl,
    key: Option<&ProviderKey>,
) -> Finding {
    let found = ask(upstream, provider, base_url, key).await;
    // A tenant's own host may be anybody's: its words would turn the probe into a way to read answers.
    let is_custom = provider.base_url.is_none();
    Finding { words: found.words.filter(|_| !is_custom), ..found }
}

async fn ask(
    upstream: &Upstream,
    provider: &Provider,
    base_url: &BaseUrl,
    key: Option<&ProviderKey>,
) -> Finding {
    let deadline = Instant::now() + PROBE_MAX;
    let answer = match upstream.probe(provider, base_url, key, deadline).await {
        Ok(answer) => answer,
        Err(error) => {
            return Finding { validation: Validation::Network, words: Some(error.public) };
        }
    };
    let (parts, body) = answer.into_parts();
    // A success that is too long to read is a success all the same.
    let bounds = Bounds { bytes_max: ANSWER_BYTES_MAX, idle_max: PROBE_MAX, deadline };
    let body = read_answer(body, bounds).await.unwrap_or_default();
    let scrubber = key.map(Scrubber::new);
    if parts.status.is_success() {
        return match wire::openai::answer::embedded_error(&body) {
            None => Finding { validation: Validation::Valid, words: None },
            Some(said) => {
                let error = UpstreamError::told(provider, 200, &said, scrubber.as_ref());
                classify(error)
            }
        };
    }
    let error = UpstreamError::refused(provider, &parts, &body, scrubber.as_ref());
    classify(error)
}

fn classify(error: UpstreamError) -> Finding {
    let validation = match error.code {
        Code::UpstreamKeyInvalid if error.blame == Blame::Key => Validation::Invalid,
        Code::UpstreamKeyInvalid if speaks_of_regions(&error.public) => Validation::Region,
        Code::UpstreamKeyInvalid => Validation::Restricted,
        Code::UpstreamNoCredit => Validation::NoQuota,
        _ => Validation::Unknown,
    };
    Finding { validation, words: Some(error.public) }
}

/// The key is good; the place it is used from is not.
fn speaks_of_regions(words: &str) -> bool {
    let words = words.to_lowercase();
    ["country", "region", "territory"].iter().any(|place| words.contains(place))
}
