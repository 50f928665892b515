//! Signed session tokens: a JWT whose every field is ours to know. Knows no clock, no cookies and no revocation.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use model::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::SecretValue;
use crate::key32::KEY_BYTES;

/// Times are kept to the second, as JWTs keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    pub session: SessionId,
    pub user: UserId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The library wipes both copies of the key when they are dropped.
pub struct SessionSigner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
}

impl SessionSigner {
    /// `None` unless the secret has exactly 32 bytes.
    pub fn from_secret(secret: &SecretValue) -> Option<Self> {
        let key: &[u8; KEY_BYTES] = secret.expose().try_into().ok()?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(KEY_ID.to_owned());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library would ask the system's clock; `verify` asks the caller's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Some(Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            header,
            validation,
        })
    }

    pub fn issue(&self, claims: &SessionClaims) -> String {
        let payload = Payload {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user,
            jti: claims.session,
            iat: claims.issued_at.unix_seconds(),
            exp: claims.expires_at.unix_seconds(),
        };
        // Six plain fields always serialize and any key signs; if that ever changes, an empty token opens nothing.
        encode(&self.header, &payload, &self.encoding).unwrap_or_default()
    }

    /// `None` for everything but an unexpired token that this signer would issue, field for field.
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<SessionClaims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let token = decode::<Payload>(token, &self.decoding, &self.validation).ok()?;
        // Also refuses `crit`, `jwk`, `jku` and whatever else a header can ask for.
        if token.header != self.header {
            return None;
        }
        let Payload { sub, jti, iat, exp, .. } = token.claims;
        let from_the_future = iat > now.unix_seconds().saturating_add(CLOCK_SKEW_SECONDS_MAX);
        if from_the_future || exp <= iat || exp <= now.unix_seconds() {
            return None;
        }
        Some(SessionClaims {
            session: jti,
            user: sub,
            issued_at: timestamp(iat)?,
            expires_at: timestamp(exp)?,
        })
    }
}

const ISSUER: &str = "keystile";
const AUDIENCE: &str = "keystile/session";
const KEY_ID: &str = "session-1";
/// Ours have about 400.
const TOKEN_BYTES_MAX: usize = 1024;
/// How far the clocks of two nodes may differ.
const CLOCK_SKEW_SECONDS_MAX: i64 = 60;

/// Numbers are numbers and texts are texts: a field too many, too few, twice or of another type is an error.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    jti: SessionId,
    iat: i64,
    exp: i64,
}

fn timestamp(unix_seconds: i64) -> Option<Timestamp> {
    unix_seconds.checked_mul(1000).map(Timestamp::from_unix_ms)
}

#[cfg(test)]
mod tests;
