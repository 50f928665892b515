//! A key becomes a header: the only place where an opened provider key leaves its type.

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};
use model::catalogue::AuthHeader;
use vault::ProviderKey;

use super::UpstreamError;

/// Marked sensitive: never logged by the HTTP library, never put into a compression table.
pub fn insert(
    headers: &mut HeaderMap,
    auth: AuthHeader,
    key: &ProviderKey,
) -> Result<(), UpstreamError> {
    let (name, prefix) = match auth {
        AuthHeader::Bearer => (header::AUTHORIZATION, "Bearer "),
        AuthHeader::XApiKey => (HeaderName::from_static("x-api-key"), ""),
        AuthHeader::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
    };
    let text = zeroize::Zeroizing::new([prefix, key.expose()].concat());
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| UpstreamError::ours("the stored key cannot be sent in a header"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
