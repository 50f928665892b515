//! The keys applications send us: made, checked for typos, hashed. Knows nothing of whose they are.

mod one_time;

use std::fmt;
use std::hash::{Hash, Hasher};

use hmac::{Hmac, KeyInit, Mac};
use model::Random;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SecretValue;
use crate::key32::{KEY_BYTES, Key32};

pub use one_time::{OneTimePurpose, OneTimeToken};

/// `ks_live_`, 43 base62 digits of 256 random bits, and 6 base62 digits of the CRC-32 of all that.
pub struct GatewayToken(Zeroizing<String>);

impl GatewayToken {
    pub const PREFIX: &'static str = "ks_live_";
    pub const CHARS: usize = Self::PREFIX.len() + RANDOM_DIGITS + CHECK_DIGITS;

    pub fn generate(random: &dyn Random) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(Self::CHARS));
        text.push_str(Self::PREFIX);
        for digit in base62(Key32::generate(random)).iter() {
            text.push(char::from(*digit));
        }
        let check = checksum(text.as_bytes());
        text.extend(check.map(char::from));
        Self(text)
    }

    /// A typo is refused here, without a look-up. The checksum is public arithmetic: it proves nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::PREFIX)?;
        if text.len() != Self::CHARS || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (body, check) = text.as_bytes().split_last_chunk::<CHECK_DIGITS>()?;
        if checksum(body) != *check {
            return None;
        }
        Some(Self(Zeroizing::new(text.to_owned())))
    }

    /// What is stored and looked up.
    pub fn hash(&self, pepper: &Pepper) -> TokenHash {
        pepper.hash(&[self.0.as_bytes()])
    }

    /// The way out: shown once, to the one who made it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown and stored: the first twelve characters.
    pub fn shown(&self) -> String {
        self.0.chars().take(SHOWN_CHARS).collect()
    }
}

const RANDOM_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;
const SHOWN_CHARS: usize = 12;

/// The digits of a 256-bit number, most significant first: 62^43 is just above 2^256.
fn base62(mut number: Key32) -> Zeroizing<[u8; RANDOM_DIGITS]> {
    let mut digits = Zeroizing::new([b'0'; RANDOM_DIGITS]);
    for digit in digits.iter_mut().rev() {
        let mut rest = 0;
        for byte in number.bytes_mut() {
            let value = rest * 256 + u32::from(*byte);
            // `rest` is below 62, so the quotient is below 256.
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = base62_digit(rest);
    }
    digits
}

fn checksum(text: &[u8]) -> [u8; CHECK_DIGITS] {
    let mut rest = crc32fast::hash(text);
    let mut digits = [b'0'; CHECK_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = base62_digit(rest % 62);
        rest /= 62;
    }
    digits
}

fn base62_digit(value: u32) -> u8 {
    let value = value as u8;
    match value {
        0..=9 => b'0' + value,
        10..=35 => b'A' + (value - 10),
        _ => b'a' + (value - 36),
    }
}

/// The secret half of a token's hash, as an HMAC that has read its key; its state is wiped when dropped. Cannot be
/// changed without reissuing every token.
pub struct Pepper(Box<Hmac<Sha256>>);

impl Pepper {
    /// `None` unless the secret has exactly 32 bytes.
    pub fn from_secret(secret: &SecretValue) -> Option<Self> {
        let key: &[u8; KEY_BYTES] = secret.expose().try_into().ok()?;
        Hmac::new_from_slice(key).ok().map(|mac| Self(Box::new(mac)))
    }

    /// Tells whether two requests were the same, and to nobody else what they were: they may hold a password.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::clone(&self.0);
        mac.update(FINGERPRINT_LABEL);
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn hash(&self, parts: &[&[u8]]) -> TokenHash {
        let mut mac = Hmac::clone(&self.0);
        parts.iter().for_each(|part| mac.update(part));
        TokenHash(mac.finalize().into_bytes().into())
    }
}

const FINGERPRINT_LABEL: &[u8] = b"keystile/1/fingerprint\0";

/// HMAC-SHA-256 of a token under the pepper. Not secret: it is the column that is searched.
#[derive(Clone, Copy, Debug)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// `None` unless there are exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads what `Display` writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let mut digits = text.bytes().map(|byte| char::from(byte).to_digit(16));
        for byte in &mut hash {
            let (high, low) = (digits.next()??, digits.next()??);
            *byte = u8::try_from((high << 4) | low).ok()?;
        }
        digits.next().is_none().then_some(Self(hash))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In constant time.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl Hash for TokenHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests;
