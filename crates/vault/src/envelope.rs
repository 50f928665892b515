//! The bytes a sealed value is stored as: a head that says how it was sealed, a commitment, and the cipher's output.
//! Knows nothing of keys.

use model::{KeyVersion, Random, Sealed};

use crate::{OpenError, Suite};

/// What an envelope tells without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvelopeHeader {
    pub version: KeyVersion,
    pub suite: Suite,
}

impl EnvelopeHeader {
    /// The bytes that every envelope of this version and suite begins with, and no other does: what a database can be
    /// asked for, which knows no envelopes.
    pub fn prefix(self) -> [u8; PREFIX_BYTES] {
        let [v0, v1, v2, v3] = self.version.0.to_be_bytes();
        let [m0, m1, m2, m3] = *MAGIC;
        let [f0, f1] = FLAGS;
        [m0, m1, m2, m3, FORMAT, self.suite.id(), f0, f1, v0, v1, v2, v3]
    }

    /// `None` if no envelope begins like this.
    pub fn of_prefix(bytes: &[u8]) -> Option<Self> {
        let prefix: [u8; PREFIX_BYTES] = bytes.try_into().ok()?;
        let [.., suite, _, _, v0, v1, v2, v3] = prefix;
        let version = KeyVersion(u32::from_be_bytes([v0, v1, v2, v3]));
        let header = Self { version, suite: Suite::of_id(suite)? };
        (header.prefix() == prefix).then_some(header)
    }
}

/// Reads the head alone: for counting rows by version and suite. It is not authenticated until the value opens.
pub fn header_of(sealed: &Sealed) -> Result<EnvelopeHeader, OpenError> {
    Envelope::parse(sealed.as_bytes()).map(|envelope| envelope.header)
}

/// No envelope is longer, and none longer is read.
pub(crate) const ENVELOPE_BYTES_MAX: usize = 64 * 1024;
const PREFIX_BYTES: usize = 12;
pub(crate) const HEAD_BYTES: usize = 44;
pub(crate) const COMMIT_BYTES: usize = 32;

const MAGIC: &[u8; 4] = b"KSTL";
const FORMAT: u8 = 1;
const FLAGS: [u8; 2] = [0, 0];
const SALT_BYTES: usize = 32;

/// A parsed envelope. There are no trailing bytes to find: the body is the rest, and the tag covers all of it.
pub(crate) struct Envelope<'a> {
    pub header: EnvelopeHeader,
    /// The first 44 bytes, which the value is bound to.
    pub head: &'a [u8; HEAD_BYTES],
    pub salt: &'a [u8],
    pub commit: &'a [u8; COMMIT_BYTES],
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        if bytes.len() > ENVELOPE_BYTES_MAX {
            return Err(OpenError::NotAnEnvelope("it is longer than 64 KiB"));
        }
        let (head, rest) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
        let (commit, body) = rest.split_first_chunk().ok_or(TOO_SHORT)?;
        let (header, salt) = parse_head(head)?;
        Ok(Self { header, head, salt, commit, body })
    }
}

const TOO_SHORT: OpenError = OpenError::NotAnEnvelope("it is too short");

fn parse_head(head: &[u8; HEAD_BYTES]) -> Result<(EnvelopeHeader, &[u8]), OpenError> {
    let (magic, rest) = head.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    let (&[format, suite, flags @ ..], rest) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    let (&version, salt) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    if magic != MAGIC {
        return Err(OpenError::NotAnEnvelope("it does not begin with KSTL"));
    }
    if format != FORMAT {
        return Err(OpenError::NotAnEnvelope("its format is unknown"));
    }
    let suite = Suite::of_id(suite).ok_or(OpenError::NotAnEnvelope("its suite is unknown"))?;
    if flags != FLAGS {
        return Err(OpenError::NotAnEnvelope("its flags are unknown"));
    }
    let version = KeyVersion(u32::from_be_bytes(version));
    Ok((EnvelopeHeader { version, suite }, salt))
}

/// The head of a new envelope, with a fresh salt.
pub(crate) struct Head([u8; HEAD_BYTES]);

impl Head {
    pub fn fresh(header: EnvelopeHeader, random: &dyn Random) -> Self {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let mut head = [0; HEAD_BYTES];
        for (to, from) in head.iter_mut().zip(header.prefix().into_iter().chain(salt)) {
            *to = from;
        }
        Self(head)
    }

    pub fn bytes(&self) -> &[u8; HEAD_BYTES] {
        &self.0
    }

    pub fn salt(&self) -> &[u8] {
        self.0.last_chunk::<SALT_BYTES>().map_or(&[], |salt| salt)
    }
}
