//! Signs what we post to others, so that they can tell it is ours. Knows no URL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::SecretValue;

/// As Standard Webhooks asks for it: `v1,` and the base64 of an HMAC-SHA-256 over id, time and body. `None` only for a
/// secret that no HMAC takes, and it takes all.
pub fn webhook_signature(
    secret: &SecretValue,
    id: &str,
    unix_seconds: i64,
    body: &[u8],
) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose()).ok()?;
    let mac = mac.chain_update(format!("{id}.{unix_seconds}.")).chain_update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's hmac module.
    #[test]
    fn the_signature_covers_id_time_and_body() {
        let secret = SecretValue::new(b"a webhook's secret".to_vec());
        let sign = |id, at, body: &[u8]| webhook_signature(&secret, id, at, body).expect("signed");

        let signed = sign("msg_1", 1_795_262_400, b"{}");

        assert_eq!(signed, GOLDEN);
        for other in [
            sign("msg_2", 1_795_262_400, b"{}"),
            sign("msg_1", 1_795_262_401, b"{}"),
            sign("msg_1", 1_795_262_400, b"{ }"),
        ] {
            assert_ne!(other, signed);
        }
    }

    const GOLDEN: &str = "v1,74jw5d9R0oyUx8JBlaD4rjs9xlbc4CG2phfDGY8pmxg=";
}
