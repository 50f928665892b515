//! What a sealed value is bound to, as bytes: no two places have the same. Knows nothing of ciphers.

use sha2::{Digest, Sha256};

use crate::Place;

/// `LP(instance) || LP(workspace) || LP(secret id) || LP(field) || u64 sealed_version || LP(origin) || head`.
pub(crate) fn context(instance: &str, place: &Place<'_>, head: &[u8]) -> Vec<u8> {
    let mut context = Vec::with_capacity(CONTEXT_BYTES_USUAL);
    put(&mut context, instance);
    put(&mut context, &place.workspace.to_string());
    put(&mut context, place.secret_id);
    put(&mut context, place.field);
    context.extend_from_slice(&place.sealed_version.to_be_bytes());
    put(&mut context, place.origin.as_str());
    context.extend_from_slice(head);
    context
}

pub(crate) fn digest(context: &[u8]) -> [u8; 32] {
    Sha256::digest(context).into()
}

/// The length comes first, so that nothing can move from one part into the next.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; 4] {
    // No id, name, origin or row comes near four gigabytes.
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

const CONTEXT_BYTES_USUAL: usize = 256;

fn put(context: &mut Vec<u8>, text: &str) {
    context.extend_from_slice(&length_prefix(text.as_bytes()));
    context.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests;
